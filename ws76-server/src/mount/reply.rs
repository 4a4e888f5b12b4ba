//! The endpoint's reply as hyper wants it.

use hyper::{
    Response, StatusCode,
    body::Bytes,
    ext::ReasonPhrase,
    header::{HeaderName, HeaderValue},
};

/// Takes a whole reply, head and body, apart again: there is one place where replies are worded,
/// and it writes bytes. `None` when the reply is not whole.
pub(super) fn response(mut reply: Bytes) -> Option<Response<Bytes>> {
    let end = reply.windows(END.len()).position(|bytes| bytes == END)?;
    let head = reply.split_to(end);
    let body = reply.split_off(END.len());

    let mut lines = std::str::from_utf8(&head).ok()?.split("\r\n");
    let (_, status) = lines.next()?.split_once(' ')?;
    let (code, reason) = status.split_once(' ')?;
    let code = StatusCode::from_bytes(code.as_bytes()).ok()?;

    let mut response = Response::new(body);
    *response.status_mut() = code;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        let name = HeaderName::try_from(name).ok()?;
        response
            .headers_mut()
            .append(name, HeaderValue::try_from(value).ok()?);
    }
    if code.canonical_reason() != Some(reason) {
        let reason = ReasonPhrase::try_from(reason.as_bytes()).ok()?;
        response.extensions_mut().insert(reason);
    }
    Some(response)
}

const END: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_reply_is_taken_apart_whole_and_in_order() {
        let reply = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nSet-Cookie: a=b: c\r\nSet-Cookie:  d\r\n\r\n";
        let response = response(Bytes::from(reply)).unwrap();
        assert_eq!(response.status(), 101);
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"WebSocket Protocol Handshake");
        let fields = response.headers().iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                ("upgrade", "WebSocket"),
                ("connection", "Upgrade"),
                ("set-cookie", "a=b: c"),
                ("set-cookie", " d"),
            ]
        );
        assert!(response.body().is_empty());
    }

    #[test]
    fn reply_that_is_not_whole_is_none() {
        let reply = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno\r\n\r\n";
        let whole = response(Bytes::from(reply)).unwrap();
        assert_eq!(whole.body(), "no\r\n\r\n");
        assert!(whole.extensions().get::<ReasonPhrase>().is_none());
        let head_len = reply.find("no").unwrap();
        for len in 0..head_len {
            let cut = Bytes::from(&reply[..len]);
            assert!(response(cut).is_none(), "{len}");
        }
    }
}
