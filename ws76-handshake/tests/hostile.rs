//! Requests that are refused: each with the right error and status, and nothing of a 101 written
//! (H5 to H13, C1 to C4, R9, T4, T11, T14). Malformed lines are in `malformed.rs`.

mod support;

use support::{edited, read_every_way};
use ws76_handshake::{
    HandshakeError, HeadError, HeadLimits, KeyError, KnownField, Response, WhichKey,
};

const KEY1: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n";
const KEY2: &str = "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const HYBI_KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn h5_t14_two_upgrades_of_which_one_is_websocket_are_refused() {
    for second in [
        "Upgrade: WebSocket",
        "Upgrade: h2c",
        "upgrade: x, websocket",
    ] {
        let error = refused(&[("Cookie: id=7", second)]);
        assert_eq!(error, HandshakeError::DuplicateField(KnownField::Upgrade));
    }
    for second in ["Upgrade: websocket", "upgrade: x, websocket"] {
        let edits = [
            ("Upgrade: WebSocket", "Upgrade: h2c"),
            ("Cookie: id=7", second),
        ];
        let error = refused(&edits);
        assert_eq!(error, HandshakeError::DuplicateField(KnownField::Upgrade));
    }
}

#[test]
fn h6_without_the_word_upgrade_in_connection_it_is_refused() {
    assert_eq!(
        refused(&[("Connection: Upgrade\r\n", "")]),
        HandshakeError::MissingField(KnownField::Connection)
    );
    for value in ["close", "", "upgrades", "keep-alive upgrade", "\"upgrade\""] {
        let line = format!("Connection: {value}\r\n");
        assert_eq!(
            refused(&[("Connection: Upgrade\r\n", &line)]),
            HandshakeError::InvalidField(KnownField::Connection),
            "{value:?}"
        );
    }
}

#[test]
fn h7_t4_hosts_that_cannot_stand_in_a_location_are_refused() {
    assert_eq!(
        refused(&[("Host: example.com\r\n", "")]),
        HandshakeError::MissingField(KnownField::Host)
    );
    assert_eq!(
        refused(&[("Cookie: id=7", "hOST: example.com")]),
        HandshakeError::DuplicateField(KnownField::Host)
    );
    let hosts = [
        "", " ", "a b", "a/b", "a\\b", "u@a", "a?b", "a#b", "\"a\"", "<a>", "a,b", "a;b", "a\tb",
        "a%0d%0ab", "a%00", "é", "a\u{7f}",
    ];
    // Under Miri, which is slow, some of them.
    for host in hosts.iter().step_by(if cfg!(miri) { 4 } else { 1 }) {
        let error = refused(&[("Host: example.com", &format!("Host: {host}"))]);
        assert_eq!(
            error,
            HandshakeError::InvalidField(KnownField::Host),
            "{host:?}"
        );
        let plain = [
            ("Host: example.com", &format!("Host: {host}")[..]),
            ("Upgrade: WebSocket\r\n", ""),
        ];
        assert_eq!(refused(&plain), error, "H15: of plain HTTP too");
    }
}

#[test]
fn h8_r9_t4_origins_that_might_break_a_line_are_refused_however_encoded() {
    let invalid = HandshakeError::InvalidField(KnownField::Origin);
    for (origin, error) in [
        ("http://a\rX: y", HandshakeError::Head(HeadError::BareCr)),
        ("http://a\nX: y", HandshakeError::Head(HeadError::BareLf)),
        (
            "http://a\r\n X: y",
            HandshakeError::Head(HeadError::FoldedLine),
        ),
        (
            "http://a\r\n\tX: y",
            HandshakeError::Head(HeadError::FoldedLine),
        ),
        ("http://a\0", HandshakeError::Head(HeadError::Nul)),
        ("http://a%0d%0aX:y", invalid),
        ("http://a%0D%0AX:y", invalid),
        ("http://a%0aX", invalid),
        ("http://a%00", invalid),
        ("http://a%1F", invalid),
        ("http://a%7f", invalid),
        ("http://a%7F", invalid),
        ("http://a\u{560a}", invalid),
        ("http://a\u{85}", invalid),
        ("http://a\u{2028}", invalid),
        ("http://a\u{b}", invalid),
        ("http://a\u{7f}", invalid),
        ("http://a b", invalid),
        ("http://a\tb", invalid),
        ("", invalid),
        (" \t", invalid),
    ] {
        let edits = [(
            "Origin: http://example.com",
            &format!("Origin: {origin}")[..],
        )];
        assert_eq!(refused(&edits), error, "{origin:?}");
        assert_eq!(error.status().code(), 400);
    }
    assert_eq!(
        refused(&[("Cookie: id=7", "origin: http://example.com")]),
        HandshakeError::DuplicateField(KnownField::Origin)
    );
}

#[test]
fn h9_subprotocols_that_might_break_a_line_are_refused() {
    let field = KnownField::SecWebSocketProtocol;
    for value in ["a\tb", "é", "\u{560a}", "\u{7f}", "\u{1}"] {
        let line = format!("Sec-WebSocket-Protocol: {value}");
        assert_eq!(
            refused(&[("Cookie: id=7", &line)]),
            HandshakeError::InvalidField(field),
            "{value:?}"
        );
    }
    let twice = "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a";
    assert_eq!(
        refused(&[("Cookie: id=7", twice)]),
        HandshakeError::DuplicateField(field)
    );
}

#[test]
fn h10_t14_both_keys_are_wanted_once_and_no_other() {
    for (edit, error) in [
        (
            (KEY1, ""),
            HandshakeError::MissingField(KnownField::SecWebSocketKey1),
        ),
        (
            (KEY2, ""),
            HandshakeError::MissingField(KnownField::SecWebSocketKey2),
        ),
        (
            ("Cookie: id=7", "sec-websocket-key1: 1 2"),
            HandshakeError::DuplicateField(KnownField::SecWebSocketKey1),
        ),
        (
            ("Cookie: id=7", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"),
            HandshakeError::DuplicateField(KnownField::SecWebSocketKey2),
        ),
        (
            ("Cookie: id=7", HYBI_KEY.trim_end()),
            HandshakeError::MixedKeys,
        ),
        ((KEY2, HYBI_KEY), HandshakeError::MixedKeys),
    ] {
        let refusal = refused(&[edit]);
        assert_eq!(refusal, error, "{edit:?}");
        assert_eq!(refusal.status().code(), 400);
    }
}

#[test]
fn h11_t14_ambiguous_lengths_are_refused() {
    for encoding in ["chunked", "identity", ""] {
        let line = format!("Transfer-Encoding: {encoding}");
        for upgrade in ["Upgrade: WebSocket\r\n", ""] {
            assert_eq!(
                refused(&[("Cookie: id=7", &line), ("Upgrade: WebSocket\r\n", upgrade)]),
                HandshakeError::ForbiddenField(KnownField::TransferEncoding)
            );
        }
    }
    let field = KnownField::ContentLength;
    for length in ["1", "9", "08", "+8", "8, 8", "", "-8", "8 8", "0x8"] {
        for upgrade in ["Upgrade: WebSocket\r\n", ""] {
            let line = format!("Content-Length: {length}");
            assert_eq!(
                refused(&[("Cookie: id=7", &line), ("Upgrade: WebSocket\r\n", upgrade)]),
                HandshakeError::InvalidField(field),
                "{length:?}"
            );
        }
    }
    let twice = "Content-Length: 8\r\nContent-Length: 8";
    assert_eq!(
        refused(&[("Cookie: id=7", twice)]),
        HandshakeError::DuplicateField(field)
    );
}

#[test]
fn c1_c2_c3_c4_t11_keys_that_are_none_are_told_apart() {
    let digits = "7".repeat(if cfg!(miri) { 40 } else { 400 });
    for (key, error) in [
        ("", KeyError::NoDigit),
        ("   ", KeyError::NoDigit),
        ("a b c", KeyError::NoDigit),
        ("12345", KeyError::NoSpace),
        ("1\t2", KeyError::NoSpace),
        ("1 2 3", KeyError::NotMultiple),
        (" 4294967296", KeyError::PartTooLarge),
        ("85899345920 0 0 ", KeyError::NotMultiple),
        (&format!(" {digits}"), KeyError::PartTooLarge),
        (&format!(" 1 {digits}"), KeyError::NotMultiple),
    ] {
        for (old, which) in [
            ("4 @1  46546xW%0l 1 5", WhichKey::Key1),
            ("12998 5 Y3 1  .P00", WhichKey::Key2),
        ] {
            let refusal = refused(&[(old, key)]);
            assert_eq!(refusal, HandshakeError::Key { which, error }, "{key:?}");
            assert_eq!(refusal.status().code(), 400);
        }
    }
}

#[test]
fn h13_section_8_versions_that_are_not_spoken_get_426_with_those_that_are() {
    let version = |line: &str| [(KEY1, HYBI_KEY.to_owned()), (KEY2, line.to_owned())];
    for line in [
        "",
        "Sec-WebSocket-Version: 6\r\n",
        "Sec-WebSocket-Version: 14\r\n",
        "Sec-WebSocket-Version: 013\r\n",
        "Sec-WebSocket-Version: 13, 8\r\n",
        "Sec-WebSocket-Version:\r\n",
    ] {
        let edits = version(line);
        let edits: Vec<_> = edits.iter().map(|(from, to)| (*from, &to[..])).collect();
        let error = refused(&edits);
        assert_eq!(error, HandshakeError::UnsupportedVersion, "{line:?}");
        assert_eq!(
            written(error),
            "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 54\r\n\
             Upgrade: WebSocket\r\nSec-WebSocket-Version: 13, 8, 7\r\n\
             Content-Type: text/plain\r\n\r\n\
             426 Upgrade Required: WebSocket version not supported\n"
        );
    }
    let only_version = [(KEY1, ""), (KEY2, "Sec-WebSocket-Version: 6\r\n")];
    assert_eq!(refused(&only_version), HandshakeError::UnsupportedVersion);
    let no_key = [(KEY1, ""), (KEY2, "Sec-WebSocket-Version: 13\r\n")];
    assert_eq!(
        refused(&no_key),
        HandshakeError::MissingField(KnownField::SecWebSocketKey)
    );
    let two = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n";
    assert_eq!(
        refused(&[(KEY1, HYBI_KEY), (KEY2, two)]),
        HandshakeError::DuplicateField(KnownField::SecWebSocketVersion)
    );
    let keys = HYBI_KEY.repeat(2);
    assert_eq!(
        refused(&[(KEY1, &keys), (KEY2, "Sec-WebSocket-Version: 13\r\n")]),
        HandshakeError::DuplicateField(KnownField::SecWebSocketKey)
    );
}

#[test]
fn section_8_two_origins_that_differ_are_refused() {
    let edits = [
        (KEY1, HYBI_KEY),
        (KEY2, "Sec-WebSocket-Version: 8\r\n"),
        ("Cookie: id=7", "Sec-WebSocket-Origin: http://other.example"),
    ];
    assert_eq!(
        refused(&edits),
        HandshakeError::DuplicateField(KnownField::Origin)
    );
    let edits = [
        edits[0],
        edits[1],
        ("Cookie: id=7", "Sec-WebSocket-Origin: a%0ab"),
    ];
    assert_eq!(
        refused(&edits),
        HandshakeError::InvalidField(KnownField::SecWebSocketOrigin)
    );
}

#[test]
fn h13_refusals_say_what_was_wrong_and_echo_nothing() {
    assert_eq!(
        written(refused(&[("GET", "SECRET")])),
        "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 43\r\n\
         Allow: GET\r\nContent-Type: text/plain\r\n\r\n\
         405 Method Not Allowed: method not allowed\n"
    );
    let refusal = written(refused(&[("4 @1  46546xW%0l 1 5", "SECRET")]));
    assert!(
        refusal.ends_with("\r\n\r\n400 Bad Request: key 1: no digit in the key\n"),
        "{refusal}"
    );
}

#[test]
fn errors_are_small() {
    assert!(size_of::<HandshakeError>() <= 32);
    assert!(size_of::<ws76_handshake::ReplyError>() <= 32);
    assert!(size_of::<ws76_handshake::AcceptError>() <= 32);
    assert!(size_of::<ws76_handshake::ValueError>() <= 32);
}

/// The error of a refused request, after checking what is answered.
fn refused(edits: &[(&str, &str)]) -> HandshakeError {
    let (result, _) = read_every_way(HeadLimits::new(), &edited(edits));
    let Err(error) = result else {
        panic!("{edits:?}: {result:?}");
    };
    let refusal = written(error);
    assert!(
        refusal.starts_with(&format!("HTTP/1.1 {}\r\n", error.status())),
        "{refusal}"
    );
    assert!(
        !refusal.contains(" 101 ") && !refusal.contains("SECRET"),
        "{refusal}"
    );
    error
}

fn written(error: HandshakeError) -> String {
    let mut dst = Vec::new();
    Response::from(&error).write(&mut dst);
    String::from_utf8(dst).unwrap()
}
