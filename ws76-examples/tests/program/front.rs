//! TLS and proxies.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use ws76_server::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::ServerName,
};

use super::running::{File, Running, get, run, ws76};

type Certified = CertifiedKey<KeyPair>;

fn certified() -> Certified {
    generate_simple_self_signed(["tv.example".to_owned()]).unwrap()
}

/// What `GET path` is answered over TLS; nothing if the server has another certificate.
fn get_over_tls(addr: SocketAddr, trusted: &Certified, path: &str) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("tv.example").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(addr).unwrap());
    let request = format!("GET {path} HTTP/1.1\r\nHost: tv.example\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}

/// Files of a test: the certificate, the key, and the settings that name them.
struct Files {
    chain: File,
    key: File,
    settings: File,
}

impl Files {
    fn new(test: &str, certified: &Certified) -> Self {
        let chain = File::new(&format!("{test}-chain.pem"), &certified.cert.pem());
        let key = certified.signing_key.serialize_pem();
        let key = File::new(&format!("{test}-key.pem"), &key);
        let text = format!(
            "listen = ['127.0.0.1:0']\n[tls]\ncertificate = '{}'\nkey = '{}'\n",
            chain.name(),
            key.name()
        );
        let settings = File::new(&format!("{test}.toml"), &text);
        Self {
            chain,
            key,
            settings,
        }
    }
}

#[test]
fn certificates_are_read_again_and_bad_ones_change_nothing() {
    let (first, second) = (certified(), certified());
    let files = Files::new("tls-reload", &first);
    let running = Running::start(ws76(&["--config", files.settings.name()]));
    let line = running.stdout.expect("Open ");
    assert!(line.contains("https://127.0.0.1:"), "{line}");
    let addr = running.addr();
    let page = get_over_tls(addr, &first, "/health").unwrap();
    assert!(page.ends_with("\r\n\r\nok\n"), "{page}");

    files.chain.write(&second.cert.pem());
    running.signal("HUP");
    let line = running.stderr.expect("ws76: ");
    let begin = format!("ws76: certificate {}, key ", files.chain.name());
    assert!(line.starts_with(&begin), "{line}");
    assert!(line.ends_with("; the settings stay as they were"), "{line}");
    assert!(get_over_tls(addr, &first, "/health").is_some());

    files.key.write(&second.signing_key.serialize_pem());
    running.signal("HUP");
    running.stdout.expect("The settings were read again.");
    assert!(get_over_tls(addr, &second, "/health").is_some());
    assert!(get_over_tls(addr, &first, "/health").is_none());
}

#[test]
fn check_reads_the_certificate_and_the_key() {
    let certified = certified();
    let files = Files::new("tls-check", &certified);
    let check = ["--config", files.settings.name(), "--check"];
    assert_eq!(run(&check).0, Some(0));
    let wrong = |what: &str, args: &[&str]| {
        let (code, stdout, stderr) = run(args);
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(what), "{stderr}");
    };
    files.key.write("no key");
    wrong("private key cannot be read: ", &check);
    files
        .key
        .write(&self::certified().signing_key.serialize_pem());
    wrong("certificates and key cannot be used: ", &check);
    wrong(
        "certificates cannot be read: ",
        &["--certificate=/nowhere", "--key=/nowhere", "--check"],
    );
    wrong(
        "a certificate without a key",
        &["--certificate=/nowhere", "--check"],
    );
    wrong(
        "a key without a certificate",
        &["--key=/nowhere", "--check"],
    );
}

/// The answer to `GET path` with some bytes before it and some fields in it.
fn get_with(addr: SocketAddr, before: &str, path: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = format!("{before}GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    // A reset where the server did not read it all.
    let _ = stream.read_to_string(&mut response);
    response
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn metrics_are_not_for_those_behind_a_proxy() {
    for trust in ["none", "127.0.0.0/8"] {
        let trust = format!("--trusted-proxies={trust}");
        let running = Running::start(ws76(&["--listen=127.0.0.1:0", &trust]));
        let addr = running.addr();
        for (fields, expected) in [
            ("", "200"),
            ("X-Forwarded-For: 192.0.2.1\r\n", "404"),
            // The proxy adds nobody, and the client says that it is from here.
            ("X-Forwarded-For: 127.0.0.1\r\n", "404"),
            ("Via: 1.1 proxy\r\n", "404"),
        ] {
            let response = get_with(addr, "", "/metrics", fields);
            assert_eq!(status(&response), expected, "{trust}, {fields}");
        }
    }
}

#[test]
fn proxy_protocol_says_who_asks() {
    let running = Running::start(ws76(&["--listen=127.0.0.1:0", "--proxy-protocol"]));
    let addr = running.addr();
    let header = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 50000 9000\r\n");
    for (header, expected) in [
        (header("192.0.2.1"), "404"),
        (header("127.0.0.1"), "200"),
        (String::new(), ""),
    ] {
        let response = get_with(addr, &header, "/metrics", "");
        assert_eq!(status(&response), expected, "{header}");
    }
}

#[test]
fn trusted_proxies_are_read_again() {
    let settings = |proxies: &str| {
        format!("listen = ['127.0.0.1:0']\n[limits]\nmax-per-address = 1\n{proxies}")
    };
    let file = File::new("proxies.toml", &settings(""));
    let running = Running::start(ws76(&["--config", file.name(), "--log=info"]));
    let addr = running.addr();
    let open = |client: &str| {
        let mut stream = TcpStream::connect(addr).unwrap();
        let request = format!(
            "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             X-Forwarded-For: {client}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).unwrap();
        (String::from_utf8(line.to_vec()).unwrap(), stream)
    };
    let (line, _first) = open("192.0.2.1");
    assert_eq!(line, "HTTP/1.1 101");
    assert_eq!(open("192.0.2.2").0, "HTTP/1.1 429", "both are one address");
    file.write(&settings("[proxies]\ntrusted-proxies = ['127.0.0.1']\n"));
    running.signal("HUP");
    running.stdout.expect("The settings were read again.");
    let (line, _second) = open("192.0.2.2");
    assert_eq!(line, "HTTP/1.1 101");
    assert_eq!(open("192.0.2.2").0, "HTTP/1.1 429");
    running.stderr.expect("client=192.0.2.2:0");
    assert!(get(addr, "/health").ends_with("ok\n"));
}
