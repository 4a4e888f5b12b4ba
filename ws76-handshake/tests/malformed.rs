//! Heads that are not made of the lines that a head is made of (H1, H2, H3, T5, T14).

mod support;

use support::{edited, read_every_way};
use ws76_handshake::{HandshakeError, HeadError, HeadLimits};

const KEY1: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n";
const KEY2: &str = "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const HYBI_KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn h1_only_get_of_http_1_1_is_taken() {
    let line = |line: &str| refused(&[("GET /demo?room=1 HTTP/1.1", line)]);
    for method in ["POST", "PUT", "get", "OPTIONS", "HEAD", "X-~"] {
        let error = line(&format!("{method} /demo HTTP/1.1"));
        assert_eq!(error, HandshakeError::MethodNotAllowed, "{method}");
        assert_eq!(error.status().code(), 405);
    }
    for version in [
        "HTTP/1.0",
        "HTTP/1.1 ",
        "HTTP/2",
        "http/1.1",
        "HTTP/1.1 x",
        "",
    ] {
        let error = line(&format!("GET /demo {version}"));
        assert_eq!(error, HandshakeError::UnsupportedHttpVersion, "{version:?}");
        assert_eq!(error.status().code(), 400);
    }
    assert_eq!(line("GET /demo"), HandshakeError::UnsupportedHttpVersion);
    for bad in [
        "",
        " GET / HTTP/1.1",
        "GET",
        "G(T / HTTP/1.1",
        "\u{16}\u{3}\u{1}",
        "GET\t/ HTTP/1.1",
    ] {
        assert_eq!(line(bad), HandshakeError::MalformedRequestLine, "{bad:?}");
    }
}

#[test]
fn h2_resource_names_of_other_bytes_are_refused() {
    for name in [
        "demo",
        "http://a/",
        "*",
        "",
        " /x",
        "/a\tb",
        "/\u{1}",
        "/\u{7f}",
        "/é",
        "/嘊",
    ] {
        let error = refused(&[("/demo?room=1", name)]);
        assert_eq!(error, HandshakeError::InvalidResourceName, "{name:?}");
        assert_eq!(error.status().code(), 400);
    }
    let plain = [("/demo?room=1", "/a b"), ("Upgrade: WebSocket\r\n", "")];
    assert_eq!(
        refused(&plain),
        HandshakeError::InvalidResourceName,
        "raw spaces"
    );
    let version = "Sec-WebSocket-Version: 13\r\n";
    let hybi = [("/demo?room=1", "/a b"), (KEY1, HYBI_KEY), (KEY2, version)];
    assert_eq!(
        refused(&hybi),
        HandshakeError::InvalidResourceName,
        "raw spaces"
    );
}

#[test]
fn h3_t14_lines_that_are_no_fields_are_refused() {
    for (line, error) in [
        ("A: b\nC: d", HeadError::BareLf),
        ("A\n", HeadError::BareLf),
        ("\nA: b", HeadError::BareLf),
        ("A:\n", HeadError::BareLf),
        ("A: b\rC: d", HeadError::BareCr),
        ("A: b\r\r\n", HeadError::BareCr),
        ("\rA: b", HeadError::BareCr),
        ("A: \0", HeadError::Nul),
        ("A:\0", HeadError::Nul),
        ("A\0: b", HeadError::Nul),
        ("\0", HeadError::Nul),
        (" folded", HeadError::FoldedLine),
        ("\tfolded: x", HeadError::FoldedLine),
        (": b", HeadError::EmptyFieldName),
        ("A : b", HeadError::SpaceBeforeColon),
        ("A B: c", HeadError::SpaceBeforeColon),
        ("A\t: b", HeadError::SpaceBeforeColon),
        ("word", HeadError::MissingColon),
        ("A(: b", HeadError::InvalidFieldName),
        ("é: b", HeadError::InvalidFieldName),
        ("A\u{7f}: b", HeadError::InvalidFieldName),
        ("(: b", HeadError::InvalidFieldName),
    ] {
        let refusal = refused(&[("Cookie: id=7", line)]);
        assert_eq!(refusal, HandshakeError::Head(error), "{line:?}");
        assert_eq!(refusal.status().code(), 400);
    }
    for (line, error) in [
        ("GET /\n HTTP/1.1", HeadError::BareLf),
        ("GET\n/ HTTP/1.1", HeadError::BareLf),
        ("GET /\0 HTTP/1.1", HeadError::Nul),
        ("GET\0/ HTTP/1.1", HeadError::Nul),
        ("GET / HTTP/1.1\rX", HeadError::BareCr),
    ] {
        let refusal = refused(&[("GET /demo?room=1 HTTP/1.1", line)]);
        assert_eq!(refusal, HandshakeError::Head(error), "{line:?}");
    }
}

#[test]
fn h3_t5_a_head_of_20_kib_is_refused() {
    let field = format!("X: {}\r\n", "y".repeat(1 << 10)).repeat(20);
    let error = refused(&[("Cookie: id=7\r\n", &field)]);
    assert_eq!(
        error,
        HandshakeError::Head(HeadError::HeadTooLong { max: 16 << 10 })
    );
    assert_eq!(error.status().code(), 431);
}

/// The error of a refused request.
fn refused(edits: &[(&str, &str)]) -> HandshakeError {
    let (result, _) = read_every_way(HeadLimits::new(), &edited(edits));
    let Err(error) = result else {
        panic!("{edits:?}: {result:?}");
    };
    error
}
