//! Texts and frames, and that no byte of them can change without notice.

use super::*;

#[test]
fn texts_have_the_length_that_was_asked_for() {
    for len in [0, 1, 2, 3, 4, 31, 32, 1024, 1025, 1026] {
        for number in [0, 1, 25, 26, 700] {
            assert_eq!(TextKind::Ascii.text(len, number).len(), len);
            let japanese = TextKind::Japanese.text(len, number);
            assert_eq!(japanese.len(), len);
            assert_eq!(
                japanese.chars().filter(|char| !char.is_ascii()).count(),
                len / 3
            );
        }
    }
}

#[test]
fn messages_under_way_differ() {
    for (kind, len, count) in [
        (TextKind::Ascii, 1, 26),
        (TextKind::Ascii, 2, 26 * 26),
        (TextKind::Japanese, 3, 39),
        (TextKind::Japanese, 6, 39 * 39),
    ] {
        let texts: std::collections::HashSet<_> =
            (0..count).map(|number| kind.text(len, number)).collect();
        assert_eq!(texts.len(), count, "{kind:?}, {len} bytes");
    }
}

#[test]
fn messages_that_change_places_are_noticed() {
    for protocol in [Protocol::Draft76, Protocol::Rfc6455] {
        let traffic = Traffic::new(protocol, TextKind::Ascii, 3, 4, 64);
        let mut came = traffic.replies[..4 * traffic.reply_len()].to_vec();
        assert_eq!(traffic.check(0, &came).unwrap(), 0);
        came.rotate_left(traffic.reply_len());
        assert!(matches!(
            traffic.check(0, &came),
            Err(LoadError::Differs {
                found: b'b',
                expected: b'a',
                ..
            })
        ));
    }
}

#[test]
fn every_byte_is_compared_wherever_a_read_begins() {
    let traffic = Traffic::new(Protocol::Draft76, TextKind::Japanese, 10, 3, 50);
    let frames = traffic.to_send(0, 36).repeat(3);
    assert_eq!(frames.len(), 9 * traffic.reply_len());
    for at in 0..3 * traffic.reply_len() {
        for len in 0..=50 {
            let mut came = frames[at..at + len].to_vec();
            assert_eq!(traffic.check(at, &came).unwrap(), (at + len) % 36);
            for wrong in 0..len {
                came[wrong] ^= 1;
                let error = traffic.check(at, &came).unwrap_err();
                let LoadError::Differs { at: found, .. } = error else {
                    panic!("{error}");
                };
                assert_eq!(found, (at + wrong) % 12);
                came[wrong] ^= 1;
            }
        }
    }
}

#[test]
fn bursts_go_on_where_a_write_ended() {
    let traffic = Traffic::new(Protocol::Rfc6455, TextKind::Ascii, 5, 4, 64);
    let whole = traffic.to_send(0, 44).to_vec();
    assert_eq!(whole.len(), 44);
    let mut written = 0;
    let mut sent = Vec::new();
    while sent.len() < 3 * whole.len() {
        let bytes = traffic.to_send(written, 3 * whole.len() - sent.len());
        let bytes = &bytes[..bytes.len().min(7)];
        sent.extend_from_slice(bytes);
        written += bytes.len() as u64;
    }
    assert_eq!(sent, whole.repeat(3));
}

#[test]
fn a_closing_frame_is_told_apart_from_wrong_bytes() {
    let traffic = Traffic::new(Protocol::Draft76, TextKind::Ascii, 2, 1, 16);
    for (came, error) in [
        (
            &b"\x00ab\xFF\xFF\x00"[..],
            "the server sent a closing frame",
        ),
        (b"\x00\xFFb", "byte 1 of a frame is 0xff, not 0x61"),
    ] {
        assert_eq!(traffic.check(0, came).unwrap_err().to_string(), error);
    }
}
