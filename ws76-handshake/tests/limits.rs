//! Each limit is exact at n and n + 1, and bites while the head is still arriving (H3, T5).

mod support;

use support::{edited, read_every_way};
use ws76_handshake::{HandshakeError, HeadError, HeadLimits, Incoming};

#[test]
fn h3_head_is_taken_at_its_limit_and_refused_above() {
    let bytes = edited(&[("^n:ds[4U", "")]);
    let limits = HeadLimits::new().with_max_head_len(bytes.len());
    assert_taken(limits, &bytes);
    let max = bytes.len() - 1;
    let error = HandshakeError::Head(HeadError::HeadTooLong { max });
    assert_refused(limits.with_max_head_len(max), &bytes, error, 431);
    assert_refused(
        limits,
        &edited(&[("id=7", "id=77")]),
        error_at(bytes.len()),
        431,
    );

    fn error_at(max: usize) -> HandshakeError {
        HandshakeError::Head(HeadError::HeadTooLong { max })
    }
}

#[test]
fn h3_head_limit_cuts_anywhere() {
    let bytes = edited(&[("^n:ds[4U", "")]);
    for max in (0..bytes.len()).step_by(if cfg!(miri) { 99 } else { 1 }) {
        let limits = HeadLimits::new().with_max_head_len(max);
        let error = HandshakeError::Head(HeadError::HeadTooLong { max });
        assert_eq!(read_every_way(limits, &bytes).0, Err(error), "{max}");
        assert_eq!(read_every_way(limits, &bytes[..max]).0, Ok(None), "{max}");
    }
}

#[test]
fn h1_request_line_is_taken_at_its_limit_and_refused_above() {
    let line = "GET /demo?room=1&more=than&the=longest&field=of&them HTTP/1.1";
    let bytes = edited(&[("GET /demo?room=1 HTTP/1.1", line)]);
    let limits = HeadLimits::new().with_max_line_len(line.len());
    assert_taken(limits, &bytes);
    let max = line.len() - 1;
    let error = HandshakeError::RequestLineTooLong { max };
    assert_refused(limits.with_max_line_len(max), &bytes, error, 414);
    assert_refused(
        limits.with_max_line_len(2),
        &bytes,
        HandshakeError::RequestLineTooLong { max: 2 },
        414,
    );
}

#[test]
fn h2_resource_name_is_taken_at_its_limit_and_refused_above() {
    for name in ["/demo?room=1", "/a b HTTP/1.1 c"] {
        let bytes = edited(&[("/demo?room=1", name)]);
        let limits = HeadLimits::new().with_max_resource_name_len(name.len());
        assert_taken(limits, &bytes);
        let max = name.len() - 1;
        let error = HandshakeError::ResourceNameTooLong { max };
        assert_refused(limits.with_max_resource_name_len(max), &bytes, error, 414);
    }
    let unfinished = format!("GET /{}", "x".repeat(4 << 10));
    let error = HandshakeError::ResourceNameTooLong { max: 2 << 10 };
    assert_refused(HeadLimits::new(), unfinished.as_bytes(), error, 414);
}

#[test]
fn h3_field_lines_are_taken_at_their_limit_and_refused_above() {
    for line in [
        format!("X: {}", "y".repeat(80)),
        format!("{}:", "X".repeat(80)),
        format!("{}: ", "X".repeat(80)),
        format!("{}:y", "X".repeat(80)),
    ] {
        let bytes = edited(&[("Cookie: id=7", &line)]);
        let limits = HeadLimits::new().with_max_line_len(line.len());
        assert_taken(limits, &bytes);
        let max = line.len() - 1;
        let error = HandshakeError::Head(HeadError::LineTooLong { max });
        assert_refused(limits.with_max_line_len(max), &bytes, error, 431);
    }
    let unfinished = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(9 << 10));
    let error = HandshakeError::Head(HeadError::LineTooLong { max: 8 << 10 });
    assert_refused(HeadLimits::new(), unfinished.as_bytes(), error, 431);
}

#[test]
fn h3_fields_are_taken_at_their_limit_and_refused_above() {
    let bytes = edited(&[]);
    let limits = HeadLimits::new().with_max_fields(7);
    assert_taken(limits, &bytes);
    let error = HandshakeError::Head(HeadError::TooManyFields { max: 6 });
    assert_refused(limits.with_max_fields(6), &bytes, error, 431);

    let unfinished = format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(64));
    assert_eq!(
        read_every_way(HeadLimits::new(), unfinished.as_bytes()).0,
        Ok(None)
    );
    let error = HandshakeError::Head(HeadError::TooManyFields { max: 64 });
    assert_refused(
        HeadLimits::new(),
        format!("{unfinished}A").as_bytes(),
        error,
        431,
    );
}

#[test]
fn limits_default_to_what_is_promised() {
    let limits = HeadLimits::default();
    assert_eq!(
        (limits.max_head_len, limits.max_line_len),
        (16 << 10, 8 << 10)
    );
    assert_eq!(
        (limits.max_resource_name_len, limits.max_fields),
        (2 << 10, 64)
    );
    // Limits without an end are no overflow.
    let most = HeadLimits::new()
        .with_max_head_len(usize::MAX)
        .with_max_line_len(usize::MAX)
        .with_max_resource_name_len(usize::MAX)
        .with_max_fields(usize::MAX);
    assert_taken(most, &edited(&[]));
}

fn assert_taken(limits: HeadLimits, bytes: &[u8]) {
    let (result, _) = read_every_way(limits, bytes);
    assert!(
        matches!(result, Ok(Some(Incoming::WebSocket(_)))),
        "{result:?}"
    );
}

fn assert_refused(limits: HeadLimits, bytes: &[u8], error: HandshakeError, status: u16) {
    assert_eq!(read_every_way(limits, bytes).0, Err(error));
    assert_eq!(error.status().code(), status);
}
