//! Headers whole, cut anywhere, too long and wrong.

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;

/// What follows the header.
const REST: &[u8] = b"GET / HTTP/1.1\r\n";

const V1: &[u8] = b"PROXY TCP4 192.0.2.1 203.0.113.7 50000 443\r\n";
const TCP4: &[u8] = &[192, 0, 2, 1, 203, 0, 113, 7, 0xc3, 0x50, 0x01, 0xbb];
/// The TLV of a client that came through TLS, with the version of TLS inside.
const SSL: &[u8] = b"\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3";

/// A header of version 2.
fn v2(command: u8, family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &len, &body].concat()
}

fn socket() -> Peer {
    Peer::new("10.0.0.1:4000".parse().unwrap())
}

fn client(addr: &str) -> Peer {
    Peer::new(addr.parse().unwrap())
}

/// What a header says; nothing behind it may have been taken.
async fn read(header: &[u8]) -> io::Result<Peer> {
    read_with(ProxyProtocol::new(), header).await
}

async fn read_with(protocol: ProxyProtocol, header: &[u8]) -> io::Result<Peer> {
    let bytes = [header, REST].concat();
    let mut io = &bytes[..];
    let peer = protocol.read(&mut io, socket()).await?;
    assert_eq!(io, REST);
    Ok(peer)
}

async fn assert_malformed(header: &[u8]) {
    let kind = read(header).await.expect_err("taken").kind();
    assert_eq!(kind, io::ErrorKind::InvalidData, "{header:?}");
}

/// Headers and what they say.
fn headers() -> Vec<(Vec<u8>, Peer)> {
    let tcp6 = [
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0; 16],
        &[0xc3, 0x50, 0x01, 0xbb],
    ]
    .concat();
    let four = client("192.0.2.1:50000");
    let six = client("[2001:db8::1]:50000");
    let not_ssl = b"\x20\x00\x05\x00\x00\x00\x00\x01";
    let unique_id = b"\x05\x00\x02id";
    vec![
        (V1.to_vec(), four),
        (b"PROXY TCP6 2001:db8::1 ::1 50000 443\r\n".to_vec(), six),
        (b"PROXY UNKNOWN\r\n".to_vec(), socket()),
        (b"PROXY UNKNOWN 1.2.3.4 whatever\r\n".to_vec(), socket()),
        (v2(0x21, 0x11, &[TCP4]), four),
        (v2(0x21, 0x21, &[&tcp6]), six),
        (
            v2(0x21, 0x11, &[TCP4, unique_id, SSL]),
            four.with_scheme(Scheme::Wss),
        ),
        (v2(0x21, 0x11, &[TCP4, not_ssl, unique_id]), four),
        // No address, or one that is none of TCP: the socket's.
        (v2(0x21, 0x00, &[]), socket()),
        (v2(0x21, 0x00, &[SSL]), socket().with_scheme(Scheme::Wss)),
        (v2(0x21, 0x31, &[&[b'x'; 216]]), socket()),
        // LOCAL: whatever else it says.
        (v2(0x20, 0x00, &[]), socket()),
        (v2(0x20, 0x11, &[TCP4, SSL]), socket()),
        (v2(0x20, 0xff, &[b"anything"]), socket()),
    ]
}

#[tokio::test]
async fn header_says_whose_connection_it_is() {
    for (header, peer) in headers() {
        assert_eq!(read(&header).await.unwrap(), peer, "{header:?}");
    }
}

#[tokio::test]
async fn header_cut_anywhere_is_the_same() {
    // T12: in two, and in single bytes; nothing behind it is taken.
    for (header, peer) in headers() {
        let bytes = [&header, REST].concat();
        for cut in 0..bytes.len() {
            let mut io = (&bytes[..cut]).chain(&bytes[cut..]);
            let read = ProxyProtocol::new().read(&mut io, socket()).await;
            assert_eq!(read.unwrap(), peer, "{header:?} cut at {cut}");
            let mut rest = Vec::new();
            io.read_to_end(&mut rest).await.unwrap();
            assert_eq!(rest, REST);
        }
        let (mut near, mut io) = tokio::io::duplex(1);
        let write = async move { near.write_all(&bytes).await.unwrap() };
        let read = async {
            let read = ProxyProtocol::new().read(&mut io, socket()).await;
            let mut rest = Vec::new();
            io.read_to_end(&mut rest).await.unwrap();
            (read.unwrap(), rest)
        };
        let ((), read) = tokio::join!(write, read);
        assert_eq!(read, (peer, REST.to_vec()));
    }
}

#[tokio::test]
async fn header_that_ends_early_is_none() {
    for (header, _) in headers() {
        for cut in 0..header.len() {
            let mut io = &header[..cut];
            let read = ProxyProtocol::new().read(&mut io, socket()).await;
            let kind = read.expect_err("taken").kind();
            assert_eq!(
                kind,
                io::ErrorKind::UnexpectedEof,
                "{header:?} cut at {cut}"
            );
        }
    }
}

#[tokio::test]
async fn v1_header_of_107_bytes_is_taken_and_one_byte_more_is_not() {
    let header = |len: usize| [b"PROXY UNKNOWN ", &vec![b'x'; len - 16][..], b"\r\n"].concat();
    assert_eq!(read(&header(107)).await.unwrap(), socket());
    assert_malformed(&header(108)).await;
    assert_malformed(&header(5000)).await;
}

#[tokio::test]
async fn v2_header_of_the_limit_is_taken_and_one_byte_more_is_not() {
    // T8: refused by its length, before it comes.
    let header = |len: usize| {
        let noop = len - V2_LEN - TCP4.len() - 3;
        let [high, low] = u16::try_from(noop).unwrap().to_be_bytes();
        v2(0x21, 0x11, &[TCP4, &[4, high, low], &vec![0; noop]])
    };
    let peer = client("192.0.2.1:50000");
    assert_eq!(read(&header(4096)).await.unwrap(), peer);
    assert_malformed(&header(4097)).await;
    assert_malformed(&header(4097)[..V2_LEN]).await;
    let narrow = ProxyProtocol::new().with_max_len(100);
    assert_eq!(read_with(narrow, &header(100)).await.unwrap(), peer);
    assert!(read_with(narrow, &header(101)).await.is_err());
    let wide = ProxyProtocol::new().with_max_len(1 << 20);
    let longest = V2_LEN + usize::from(u16::MAX);
    assert_eq!(read_with(wide, &header(longest)).await.unwrap(), peer);
}

#[tokio::test]
async fn malformed_header_is_refused() {
    for text in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\n\0\r\nQUIT\r",
        "PROXYTCP4 192.0.2.1 203.0.113.7 50000 443\r\n",
        "proxy TCP4 192.0.2.1 203.0.113.7 50000 443\r\n",
        "PROXY TCP5 192.0.2.1 203.0.113.7 50000 443\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 50000\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 50000 443 1\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 50000 65536\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 -1 443\r\n",
        "PROXY TCP4 192.0.2 203.0.113.7 50000 443\r\n",
        "PROXY TCP4 2001:db8::1 ::1 50000 443\r\n",
        "PROXY TCP6 192.0.2.1 203.0.113.7 50000 443\r\n",
        "PROXY TCP4  192.0.2.1 203.0.113.7 50000 443\r\n",
        "PROXY UNKNOWN\rx\r\n",
        "PROXY \r\n.......\r\n",
    ] {
        assert_malformed(text.as_bytes()).await;
    }
    let cut_tlv = &SSL[..SSL.len() - 1];
    for header in [
        v2(0x11, 0x11, &[TCP4]),
        v2(0x31, 0x11, &[TCP4]),
        v2(0x22, 0x11, &[TCP4]),
        v2(0x21, 0x41, &[TCP4]),
        v2(0x21, 0x13, &[TCP4]),
        v2(0x21, 0x12, &[TCP4]), // UDP
        v2(0x21, 0x11, &[&TCP4[1..]]),
        v2(0x21, 0x21, &[TCP4]),
        v2(0x21, 0x31, &[&[0; 215]]),
        v2(0x21, 0x11, &[TCP4, cut_tlv]),
        v2(0x21, 0x11, &[TCP4, b"\x20\x00\x01\x01"]),
        v2(0x21, 0x11, &[TCP4, b"\x04\x00"]),
    ] {
        assert_malformed(&header).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No header makes it panic, whatever is wrong in it.
    #[test]
    fn wrong_header_is_an_error_or_taken_and_never_a_panic(
        header in proptest::sample::select(headers()),
        at in any::<proptest::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut header = header.0;
        let at = at.index(header.len());
        for (old, new) in header[at..].iter_mut().zip(&bytes) {
            *old = *new;
        }
        header.extend(&bytes);
        let mut io = &header[..];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(ProxyProtocol::new().read(&mut io, socket()));
    }
}
