//! Servers that are wrong in one way each: what the harness says of them.

use super::*;
use crate::case;

/// Sends what it was told to, whatever comes, once the request or the steps are there.
struct Canned {
    /// What it sends after so many calls of `send`.
    replies: Vec<Vec<u8>>,
    received: Vec<u8>,
    closes: bool,
}

impl Peer for Canned {
    fn send(&mut self, _: &[u8]) {
        if !self.replies.is_empty() {
            let reply = self.replies.remove(0);
            self.received.extend(reply);
        }
    }

    fn pause(&mut self) {}

    fn shut_down(&mut self) {}

    fn close(&mut self) {}

    fn receive(&mut self) -> bool {
        false
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn ended(&self) -> bool {
        self.closes && self.replies.is_empty()
    }
}

const HEAD: &str = "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://h/p\r\n\r\n";
const RESPONSE: &str = "8jKS'y:G*Co,Wxa-";

fn verdict(case: &str, closes: bool, replies: &[&[u8]]) -> Verdict {
    let text = format!("[[case]]\nname = 'x'\nclauses = ['H1']\n{case}\n");
    let cases = case::parse("test", &text).unwrap();
    let mut peer = Canned {
        replies: replies.iter().map(|reply| reply.to_vec()).collect(),
        received: Vec::new(),
        closes,
    };
    let address = Address {
        host: "h",
        path: "/p",
    };
    cases[0].converse(address, Feeding::Whole, &mut peer)
}

fn opened(behind: &[u8]) -> Vec<u8> {
    [HEAD.as_bytes(), RESPONSE.as_bytes(), behind].concat()
}

#[track_caller]
fn broken(verdict: &Verdict, came: &str) {
    let Verdict::Broken(difference) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(difference.came.contains(came), "{difference:?}");
}

#[track_caller]
fn differs(verdict: &Verdict, came: &str) {
    let Verdict::Differs(difference) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(difference.came.contains(came), "{difference:?}");
}

#[test]
fn a_right_reply_is_kept() {
    let accepted = "expect = 'accepted'";
    let verdict = verdict(accepted, false, &[&opened(b""), PROBE]);
    assert_eq!(verdict, Verdict::Kept);
}

#[test]
fn a_wrong_reply_is_not() {
    let accepted = "expect = 'accepted'";
    let wrong = [HEAD.as_bytes(), b"8jKS'y:G*Co,Wxa+"].concat();
    broken(
        &verdict(accepted, false, &[&wrong, PROBE]),
        "wrong response",
    );
    broken(&verdict(accepted, false, &[&opened(b"")]), "no EOF");
    broken(&verdict(accepted, true, &[&opened(b"")]), "EOF");
    broken(&verdict(accepted, false, &[]), "no answer");
    broken(&verdict(accepted, true, &[]), "closed");
    let late = [HEAD.as_bytes(), b"8jKS"].concat();
    broken(&verdict(accepted, false, &[&late]), "instead of 16 bytes");
    let refused = b"HTTP/1.1 403 x\r\nConnection: close\r\n\r\n";
    broken(&verdict(accepted, true, &[refused]), "403");
    let early = [HEAD.as_bytes(), b"\r\n", RESPONSE.as_bytes()].concat();
    broken(
        &verdict(accepted, false, &[&early, PROBE]),
        "wrong response",
    );
}

#[test]
fn fields_of_a_reply_are_compared() {
    let rule = "expect = 'accepted'\nreply = { Upgrade = 'WebSocket' }\nabsent = ['X']";
    let reply = |old: &str, new: &str| {
        let head = HEAD.replace(old, new);
        verdict(
            rule,
            false,
            &[&[head.as_bytes(), RESPONSE.as_bytes()].concat(), PROBE],
        )
    };
    broken(&reply("WebSocket\r", "websocket\r"), "`Upgrade: websocket`");
    broken(&reply("Upgrade: WebSocket\r\n", ""), "no Upgrade");
    broken(
        &reply("Conn", "Upgrade: WebSocket\r\nConn"),
        "2 fields Upgrade",
    );
    broken(&reply("Conn", "X: y\r\nConn"), "unasked `X: y`");
    broken(&reply("Conn", ": y\r\nConn"), "without a field name");
    broken(&reply("HTTP/1.1 101 x", "HTTP/1.1 101"), "status line");
    broken(&reply("HTTP/1.1", "HTTP/1.0"), "status line");
    differs(&reply("Conn", "Y: y\r\nConn"), "unknown `y: y`");
    differs(&reply("ws://h/p", "ws://h/"), "ws://h/`");
    // A client compares this value in any case.
    differs(
        &reply("Connection: Upgrade", "connection: upgrade"),
        "upgrade",
    );
}

#[test]
fn frames_are_compared() {
    let echo = r"frames = '\x00a\xff'
        expect = { echo = ['a'] }";
    let reply = |came: &[u8]| verdict(echo, false, &[&opened(b""), came, PROBE]);
    assert_eq!(reply(b"\x00a\xff"), Verdict::Kept);
    broken(&reply(b"\x00b\xff"), "`b`");
    broken(&reply(b"\x00a\xff\x00a\xff"), "`a`, `a`");
    broken(&reply(b"HTTP/1.1 500 x\r\n\r\n"), "in the stream");
    broken(&reply(b"\x00a\xff\x80\x01a"), "in the stream");
    broken(&reply(b"\x00a\xff\xff\x00"), "behind FF 00");
    broken(&reply(b"\x00a"), "`a\\x00still open?`");
    broken(&reply(b""), "no EOF");
}

#[test]
fn ends_are_compared() {
    let closing = r"frames = '\xff\x00'
        expect = { end = 'closing' }";
    let reply = |came: &[u8]| verdict(closing, true, &[&opened(b""), came]);
    assert_eq!(reply(b"\xff\x00"), Verdict::Kept);
    broken(&reply(b""), "101, EOF");
    broken(&reply(b"\xff"), "a frame without end");
    broken(&reply(b"\xff\x00\xff\x00"), "behind FF 00");
    let open = verdict(closing, false, &[&opened(b""), b"\xff\x00"]);
    broken(&open, "FF 00, no EOF");
}

#[test]
fn refusals_are_compared() {
    let refused = "ours = '400'";
    let reply = |closes, came: &[u8]| verdict(refused, closes, &[came]);
    let right = b"HTTP/1.1 400 x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(reply(true, right), Verdict::Kept);
    differs(&reply(false, right), "does not close");
    differs(&reply(true, b"HTTP/1.1 400 x\r\n\r\n"), "Connection: close");
    differs(
        &reply(true, &right[..right.len() - 1]),
        "body is not as long",
    );
    differs(&reply(true, b"HTTP/1.1 431 x\r\n\r\n"), "431");
    differs(&reply(true, b""), "closed");
    differs(&reply(true, b"<h1>no</h1>"), "closed");
    broken(&reply(true, b"HTTP/1.1 500 x\r\n\r\n"), "500");
    broken(&reply(false, b""), "no answer");
    broken(&reply(false, &opened(b"")), "101");
}

#[test]
fn a_head_that_waits_for_key3_is_seen() {
    let steps = r"steps = [{ send = '\{head}' }, 'await head', { send = '\{key3}' }]
        expect = 'accepted'";
    let right = verdict(steps, false, &[HEAD.as_bytes(), RESPONSE.as_bytes(), PROBE]);
    assert_eq!(right, Verdict::Kept);
    let late = verdict(steps, false, &[b"", &opened(b""), PROBE]);
    broken(&late, "no 101 head before key 3 was sent");
    let early = verdict(steps, false, &[&opened(b""), b"", PROBE]);
    broken(&early, "more than the head before key 3");
}

#[test]
fn a_server_that_refuses_the_standard_request_keeps_no_frames() {
    let echo = r"frames = '\x00a\xff'
        ours = { end = 'closing' }
        anybody = { end = 'closed' }";
    let refused = b"HTTP/1.1 403 x\r\n\r\n";
    broken(
        &verdict(echo, true, &[refused]),
        "the standard request was not accepted",
    );
}
