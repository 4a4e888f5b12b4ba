//! Frames, replies, and pings between messages, however the bytes are cut.

use super::*;
use crate::load::traffic::{Protocol, TextKind};

fn traffic() -> Traffic {
    Traffic::new(Protocol::Rfc6455, TextKind::Ascii, 3, 1, 64)
}

#[test]
fn frames_have_their_three_forms_of_length() {
    assert_eq!(server_frame("abc"), b"\x81\x03abc");
    assert!(server_frame(&"a".repeat(126)).starts_with(b"\x81\x7E\x00\x7Ea"));
    assert!(server_frame(&"a".repeat(1 << 16)).starts_with(b"\x81\x7F\0\0\0\0\0\x01\0\0a"));
    let masked = client_frame("abcde");
    assert!(masked.starts_with(b"\x81\x85"));
    let (key, payload) = masked[2..].split_at(4);
    let text = payload.iter().zip(key.iter().cycle());
    assert_eq!(text.map(|(a, b)| a ^ b).collect::<Vec<_>>(), b"abcde");
}

#[test]
fn pings_between_messages_are_answered_however_they_are_cut() {
    let traffic = traffic();
    let came = b"\x89\x02hi\x81\x03abc\x8A\x00\x89\x00\x81\x03abc";
    for cut in 0..=came.len() {
        let mut control = Control::default();
        let (mut at, mut len, mut pongs) = (0, 0, Vec::new());
        for part in [&came[..cut], &came[cut..]] {
            let sorted = control.sort(&traffic, at, part).unwrap();
            at = sorted.at;
            len += sorted.len;
            pongs.extend(sorted.pongs);
        }
        assert_eq!((at, len, control.is_open()), (0, 10, false), "cut at {cut}");
        let [0x8A, 0x82, a, b, _, _, h, i, 0x8A, 0x80, ..] = pongs[..] else {
            panic!("{pongs:x?}");
        };
        assert_eq!([h ^ a, i ^ b], *b"hi");
        assert_eq!(pongs.len(), 14);
    }
}

#[test]
fn what_is_neither_control_nor_message_is_found() {
    for (came, error) in [
        (&b"\x81\x03abd"[..], "byte 4 of a frame is 0x64, not 0x63"),
        (
            b"\x81\x03ab\x89\x00c",
            "byte 4 of a frame is 0x89, not 0x63",
        ),
        (
            b"\x89\x00\x82\x03abc",
            "byte 0 of a frame is 0x82, not 0x81",
        ),
        (b"\x09\x00", "a control frame that is none"),
        (b"\x89\x7E\x00\x01", "a control frame that is none"),
        (b"\x81\x03abc\x88\x00", "the server sent a closing frame"),
    ] {
        let sorted = Control::default().sort(&traffic(), 0, came);
        assert_eq!(sorted.unwrap_err().to_string(), error, "{came:x?}");
    }
}

#[test]
fn replies_are_checked() {
    let head = |accept: &str| {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    };
    // RFC 6455 §1.3.
    let example = derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(example, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let right = head(&accept_key());
    let mut followed = right.clone().into_bytes();
    followed.extend(b"\x89\x00");
    let read = |src: &[u8]| check_reply(src, &accept_key()).map_err(|error| error.to_string());
    assert_eq!(read(&followed), Ok(Some(right.len())));
    assert_eq!(read(&right.as_bytes()[..right.len() - 1]), Ok(None));
    for wrong in [
        head(&example),
        right.replace("101", "200"),
        right.replace("Upgrade: WebSocket", "Upgrade: other"),
        right.replace("Connection: upgrade", "Connection: close"),
        right.replace("\r\n\r\n", "\r\nUpgrade: websocket\r\n\r\n"),
        right.replace("HTTP", "HTTQ"),
    ] {
        assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn nothing_but_control_frames_may_come_at_the_end() {
    for right in [
        &b""[..],
        b"\x88",
        b"\x88\x02\x03\xE8",
        b"\x89\x01a\x88\x00",
        b"\x88\x02\x03",
    ] {
        assert!(are_control_frames(right), "{right:x?}");
    }
    for wrong in [&b"\x81"[..], b"\x89\x01a\x81\x00", b"\x8A\x00\x00"] {
        assert!(!are_control_frames(wrong), "{wrong:x?}");
    }
}
