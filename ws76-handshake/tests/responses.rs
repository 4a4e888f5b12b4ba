//! Final responses, byte for byte: refusals and answers to plain HTTP (H8, H13, H15); and what
//! errors say.

mod support;

use support::{edited, read_every_way};
use ws76_handshake::{
    AcceptError, FieldName, FieldValue, HandshakeError, HeadError, HeadLimits, Incoming, KeyError,
    KnownField, ReplyError, Response, Status, ValueError, WhichKey,
};

#[test]
fn h13_h15_what_speaks_no_version_is_told_which_are_spoken() {
    assert_eq!(
        written(&Response::upgrade_required()),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 21\r\n\
         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13, 8, 7\r\n\
         Content-Type: text/plain\r\n\r\n426 Upgrade Required\n"
    );
    assert_eq!(
        written(&Response::draft76_required()),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 21\r\n\
         Upgrade: WebSocket\r\nContent-Type: text/plain\r\n\r\n426 Upgrade Required\n"
    );
}

#[test]
fn h13_refusals_say_their_status_and_what_was_wrong() {
    assert_eq!(
        written(&Response::from(Status::NOT_FOUND)),
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 14\r\n\
         Content-Type: text/plain\r\n\r\n404 Not Found\n"
    );
    let error = AcceptError::SubprotocolUnasked;
    let refusal = written(&Response::from(&error));
    assert_eq!(refusal, written(&error.response()));
    assert!(
        refusal.starts_with("HTTP/1.1 500 Internal Server Error\r\n")
            && refusal
                .ends_with("\r\n\r\n500 Internal Server Error: client asked for no subprotocol\n"),
        "{refusal}"
    );
}

#[test]
fn errors_say_what_was_wrong_and_the_limit() {
    let host = KnownField::Host;
    let (which, error) = (WhichKey::Key2, KeyError::NotMultiple);
    let errors: [(&dyn std::error::Error, &str); 8] = [
        (&HandshakeError::MissingField(host), "field Host is missing"),
        (
            &HandshakeError::Key { which, error },
            "key 2: key number is no multiple of the spaces",
        ),
        (
            &HandshakeError::RequestLineTooLong { max: 7 },
            "request line longer than 7 bytes",
        ),
        (
            &HandshakeError::Head(HeadError::TooManyFields { max: 7 }),
            "more than 7 fields",
        ),
        (
            &ReplyError::Status { code: 403 },
            "server answered with status 403",
        ),
        (
            &ReplyError::FieldDiffers(host),
            "field Host has another value than expected",
        ),
        (
            &AcceptError::SubprotocolUnasked,
            "client asked for no subprotocol",
        ),
        (
            &ValueError::ForbiddenByte { at: 7 },
            "forbidden byte at offset 7",
        ),
    ];
    for (error, says) in errors {
        assert_eq!(error.to_string(), says);
    }
}

#[test]
fn h8_h13_draft75_is_refused_as_draft76_is() {
    let edits = [
        ("Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n", ""),
        ("Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n", ""),
    ];
    let (Ok(Some(Incoming::Draft75(request))), _) =
        read_every_way(HeadLimits::new(), &edited(&edits))
    else {
        panic!("not draft-75");
    };
    let response = Response::new(Status::FORBIDDEN);
    let mut dst = Vec::new();
    request.reject(&response, &mut dst);
    assert_eq!(String::from_utf8(dst).unwrap(), written(&response));
}

#[test]
fn h15_lengths_of_any_number_of_digits_are_written_in_full() {
    for len in [0, 1, 9, 10, 11, 99, 100, 1_005, 10_000] {
        let response = Response::new(Status::OK).with_body(vec![b'x'; len]);
        assert!(written(&response).contains(&format!("\r\nContent-Length: {len}\r\n")));
    }
}

#[test]
fn h15_statuses_without_a_body_send_none() {
    let status = |code| Status::new(code).unwrap();
    let response = |code| written(&Response::new(status(code)).with_body("body"));
    assert_eq!(
        response(205),
        "HTTP/1.1 205 Success\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(
        response(304),
        "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn h15_fields_are_written_in_their_order() {
    let field = |name, value| {
        (
            FieldName::try_from(name).unwrap(),
            FieldValue::try_from(value).unwrap(),
        )
    };
    let (location, retry) = (field("Location", "/new"), field("Retry-After", "5"));
    let response = Response::new(Status::new(302).unwrap())
        .with_field(location.0, location.1)
        .with_field(retry.0, retry.1);
    assert_eq!(
        written(&response),
        "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n\
         Location: /new\r\nRetry-After: 5\r\n\r\n"
    );
}

#[test]
fn statuses_of_no_name_have_that_of_their_class() {
    for (code, reason) in [
        (299, "Success"),
        (399, "Redirection"),
        (499, "Client Error"),
        (599, "Server Error"),
    ] {
        assert_eq!(Status::new(code).unwrap().reason(), reason);
    }
}

fn written(response: &Response) -> String {
    let mut dst = Vec::new();
    response.write(&mut dst);
    String::from_utf8(dst).unwrap()
}
