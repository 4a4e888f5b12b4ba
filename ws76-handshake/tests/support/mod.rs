//! One harness for all request cases: however the bytes are cut, the outcome is the same.

use bytes::BytesMut;
use ws76_handshake::{HandshakeError, HeadLimits, Incoming, RequestReader};

/// A draft-76 request as browsers sent it, with key 3.
const BROWSER: &str = "GET /demo?room=1 HTTP/1.1\r\n\
    Upgrade: WebSocket\r\n\
    Connection: Upgrade\r\n\
    Host: example.com\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
    Cookie: id=7\r\n\
    \r\n^n:ds[4U";

/// The browser's request with some pieces of it replaced; each piece must be there.
pub(crate) fn edited(edits: &[(&str, &str)]) -> Vec<u8> {
    let mut text = BROWSER.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from:?} is not in the request");
        text = text.replacen(from, to, 1);
    }
    text.into_bytes()
}

/// What a request comes to, and which bytes are left in the source.
///
/// Reads the request whole, with bytes following, in single bytes and at each two-way cut (of long
/// requests, at many), and asserts that all come to the same and stay there. Under Miri, which is
/// slow, it is the whole and pieces of sixteen bytes alone.
pub(crate) fn read_every_way(
    limits: HeadLimits,
    bytes: &[u8],
) -> (Result<Option<Incoming>, HandshakeError>, Vec<u8>) {
    let whole = read(limits, &[bytes]);

    let piece = if cfg!(miri) { 16 } else { 1 };
    let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
    assert_eq!(read(limits, &pieces), whole, "in pieces of {piece}");
    let step = 1 + bytes.len() / 1_000;
    let cuts = (0..=bytes.len()).step_by(step);
    for cut in cuts.filter(|_| !cfg!(miri)) {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(read(limits, &[front, back]), whole, "cut at {cut}");
    }
    if whole.0 != Ok(None) && !cfg!(miri) {
        let following = b"\x00hi\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let (result, left) = read(limits, &[&[bytes, following].concat()]);
        assert_eq!(result, whole.0, "with bytes following");
        assert_eq!(
            left,
            [&whole.1[..], following].concat(),
            "with bytes following"
        );
    }
    whole
}

fn read(
    limits: HeadLimits,
    chunks: &[&[u8]],
) -> (Result<Option<Incoming>, HandshakeError>, Vec<u8>) {
    let mut reader = RequestReader::new(limits);
    let mut src = BytesMut::new();
    let mut result = Ok(None);
    for chunk in chunks {
        src.extend_from_slice(chunk);
        let before = src.len();
        let next = reader.read(&mut src);
        match &result {
            Ok(None) => result = next,
            Ok(Some(_)) => assert_eq!(next, Err(HandshakeError::SecondRequest)),
            Err(error) => assert_eq!(next, Err(*error), "an error is repeated"),
        }
        if !matches!(result, Ok(Some(_))) {
            assert_eq!(src.len(), before, "nothing is taken without a request");
        }
    }
    (result, src.to_vec())
}
