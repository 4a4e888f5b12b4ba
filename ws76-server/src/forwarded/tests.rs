//! Who is believed, and how far.

use bytes::BytesMut;
use ws76_handshake::{HeadLimits, Incoming, RequestReader};

use super::*;

/// What is found behind a peer of that address, with these fields in the head, where 10.0.0.0/8
/// and ::1 are trusted.
fn found(peer: Peer, fields: &str) -> Peer {
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut src = BytesMut::from(text.as_bytes());
    let mut reader = RequestReader::new(HeadLimits::new());
    let Ok(Some(Incoming::Http(head))) = reader.read(&mut src) else {
        panic!("no head: {text:?}");
    };
    let trusted = TrustedProxies::list(["10.0.0.0/8", "::1"]).unwrap();
    client(&head, peer, &trusted)
}

fn peer(addr: &str) -> Peer {
    Peer::new(addr.parse().unwrap())
}

/// The address behind the trusted 10.0.0.1.
fn addr(fields: &str) -> String {
    let found = found(peer("10.0.0.1:4000"), fields);
    found.addr.unwrap().to_string()
}

/// The scheme behind the trusted 10.0.0.1.
fn scheme_of(fields: &str) -> Option<Scheme> {
    found(peer("10.0.0.1:4000"), fields).scheme
}

#[test]
fn fields_count_from_trusted_peers_only() {
    // T4
    let fields = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
    let client = peer("1.2.3.4:0").with_scheme(Scheme::Wss);
    for proxy in ["10.0.0.1:4000", "[::1]:4000", "[::ffff:10.9.9.9]:1"] {
        assert_eq!(found(peer(proxy), fields), client, "{proxy}");
    }
    for stranger in ["11.0.0.1:4000", "[::2]:4000", "1.2.3.4:5"] {
        assert_eq!(found(peer(stranger), fields), peer(stranger), "{stranger}");
    }
    assert_eq!(found(Peer::default(), fields), Peer::default());
}

#[test]
fn walk_goes_from_the_right_to_the_first_that_is_not_trusted() {
    // T4: what a client wrote itself stands to the left.
    for (fields, client) in [
        ("X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4:0"),
        ("X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n", "1.2.3.4:0"),
        (
            "X-Forwarded-For: 6.6.6.6,1.2.3.4 ,10.0.0.2\r\n",
            "1.2.3.4:0",
        ),
        (
            "X-Forwarded-For: 10.0.0.3, 1.2.3.4, 10.0.0.2\r\n",
            "1.2.3.4:0",
        ),
        // None of them is a stranger: the first of the way.
        ("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3:0"),
        (
            "x-forwarded-for: 6.6.6.6\r\nX-FORWARDED-FOR: 1.2.3.4\r\n",
            "1.2.3.4:0",
        ),
        (
            "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.2\r\n",
            "1.2.3.4:0",
        ),
        ("", "10.0.0.1:4000"),
    ] {
        assert_eq!(addr(fields), client, "{fields}");
    }
}

#[test]
fn address_may_have_brackets_and_a_port() {
    for (text, client) in [
        ("1.2.3.4:567", "1.2.3.4:567"),
        ("2001:db8::1", "[2001:db8::1]:0"),
        ("[2001:db8::1]", "[2001:db8::1]:0"),
        ("[2001:db8::1]:567", "[2001:db8::1]:567"),
    ] {
        assert_eq!(addr(&format!("X-Forwarded-For: {text}\r\n")), client);
    }
}

#[test]
fn garbage_is_ignored_and_hides_what_is_behind_it() {
    // T4
    for garbage in [
        "",
        "unknown",
        "_hidden",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:70000",
        "[1.2.3.4",
        "[]",
        ",",
        "1.2.3.4.5",
        "fe80::1%eth0",
        "1.2.3.4 5.6.7.8",
        "\u{fffd}",
        "%0d%0a",
        "\"1.2.3.4\"",
    ] {
        let fields = format!("X-Forwarded-For: 6.6.6.6, {garbage}\r\n");
        assert_eq!(addr(&fields), "10.0.0.1:4000", "{garbage:?}");
        let fields = format!("X-Forwarded-For: 6.6.6.6, {garbage}, 10.0.0.2\r\n");
        assert_eq!(addr(&fields), "10.0.0.2:0", "{garbage:?}");
        let fields = format!("X-Forwarded-For: {garbage}, 1.2.3.4, 10.0.0.2\r\n");
        assert_eq!(addr(&fields), "1.2.3.4:0", "{garbage:?}");
    }
}

#[test]
fn scheme_is_that_of_the_clients_own_connection() {
    // R4
    let (ws, wss) = (Some(Scheme::Ws), Some(Scheme::Wss));
    for (fields, scheme) in [
        ("X-Forwarded-Proto: https\r\n", wss),
        ("X-Forwarded-Proto: HTTPS\r\n", wss),
        ("X-Forwarded-Proto: wss\r\n", wss),
        ("X-Forwarded-Proto: http\r\n", ws),
        ("X-Forwarded-Proto: ws\r\n", ws),
        ("X-Forwarded-Proto: ftp\r\n", None),
        ("X-Forwarded-Proto: httpss\r\n", None),
        ("X-Forwarded-Proto: \r\n", None),
        ("", None),
        // The client wrote the left one itself.
        (
            "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https, http\r\n",
            ws,
        ),
        // TLS ends at the first of two proxies, which both add.
        (
            "X-Forwarded-For: 1.2.3.4, 10.0.0.2\r\nX-Forwarded-Proto: https, http\r\n",
            wss,
        ),
        // The second one passes on what the first one said.
        (
            "X-Forwarded-For: 1.2.3.4, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n",
            wss,
        ),
        (
            "X-Forwarded-For: 1.2.3.4, 10.0.0.2\r\nX-Forwarded-Proto: http\r\n\
             X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n",
            wss,
        ),
    ] {
        assert_eq!(scheme_of(fields), scheme, "{fields}");
    }
}

#[test]
fn scheme_stays_that_of_the_stream_unless_a_proxy_says_another() {
    let proxy = peer("10.0.0.1:4000").with_scheme(Scheme::Wss);
    assert_eq!(found(proxy, "").scheme, Some(Scheme::Wss));
    let unknown = "X-Forwarded-Proto: gopher\r\n";
    assert_eq!(found(proxy, unknown).scheme, Some(Scheme::Wss));
    let plain = "X-Forwarded-Proto: http\r\n";
    assert_eq!(found(proxy, plain).scheme, Some(Scheme::Ws));
}

#[test]
fn list_as_long_as_a_head_allows_is_walked_to_its_end() {
    let hops = vec!["10.0.0.2"; 800].join(",");
    assert_eq!(
        addr(&format!("X-Forwarded-For: 1.2.3.4,{hops}\r\n")),
        "1.2.3.4:0"
    );
}
