//! Handshakes that are accepted, texts both ways, and closing.

use std::error::Error;

use ws76_codec::{ClosingHandshake, EncodedFrame, Frame};

use super::{
    Peer, Report,
    connection::{Ask, Connection, same},
};

pub(super) fn run(peer: Peer, base: &str, report: &mut Report) {
    opening(base, report);
    echo(base, report);
    closing(peer, base, report);
}

fn opening(base: &str, report: &mut Report) {
    report.check("opening handshake: a query with %20", || {
        close(open(base, Ask::of("/echo?a=b%20c&d"))?)
    });
    report.check(
        "opening handshake: the head comes before key 3 is sent",
        || {
            let ask = Ask {
                key3_late: true,
                ..Ask::of("/echo")
            };
            let mut connection = open(base, ask)?;
            connection.echo(&["after key 3"])?;
            close(connection)
        },
    );
    report.check("opening handshake and texts: one byte a read", || {
        let ask = Ask {
            single_bytes: true,
            ..Ask::of("/echo")
        };
        let mut connection = open(base, ask)?;
        connection.echo(&["one byte a read", "", "こんにちは"])?;
        close(connection)
    });
    report.check(
        "opening handshake: 200 more, with keys of their own",
        || {
            for number in 1..=200 {
                let mut connection = open(base, Ask::of("/echo"))?;
                connection.echo(&[&format!("connection {number}")])?;
                close(connection)?;
            }
            Ok(())
        },
    );
    report.check(
        "opening handshake: a subprotocol, asked for and named",
        || {
            let ask = Ask {
                subprotocol: Some("chat v1"),
                ..Ask::of("/subprotocol")
            };
            let (mut connection, reply) = Connection::open(base, &ask)?;
            let named = reply.field("sec-websocket-protocol");
            same("subprotocol", named.unwrap_or_default(), b"chat v1")?;
            connection.echo(&["chat"])?;
            close(connection)
        },
    );
    report.check(
        "opening handshake: a text right behind the response, 50 times",
        || {
            for _ in 0..50 {
                let mut connection = open(base, Ask::of("/greeting"))?;
                same("text", connection.text()?.as_str(), "welcome")?;
                connection.echo(&["thanks"])?;
                close(connection)?;
            }
            Ok(())
        },
    );
}

fn echo(base: &str, report: &mut Report) {
    let long = "x".repeat(64 << 10);
    let long_japanese = "漢".repeat((64 << 10) / 3);
    let control: String = (0..32).chain([127]).map(char::from).collect();
    let texts: [(&str, &str); 8] = [
        ("ASCII", "hello"),
        ("Japanese", "こんにちは、世界"),
        ("emoji", "👋🏽 🎨 👩‍👩‍👧"),
        ("Latin-1", "é"),
        ("the empty string", ""),
        ("a text of control bytes", &control),
        ("64 KiB", &long),
        ("64 KiB of three-byte text", &long_japanese),
    ];
    let mut opened = open(base, Ask::of("/echo"));
    let mut check = |what: &str, texts: &[&str]| {
        report.check(&format!("echo: {what}"), || match &mut opened {
            Ok(connection) => connection.echo(texts),
            Err(error) => Err(format!("there is no connection: {error}").into()),
        });
    };
    for (what, text) in texts {
        check(what, &[text]);
    }
    let many: Vec<_> = (1..=1000).map(|n| format!("text {n} of 1,000 ✓")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    check("1,000 texts in one write, in order", &many);
    check(
        "all of them once more, in one write",
        &texts.map(|(_, text)| text),
    );

    // Before the next one: a server may have one client at a time.
    report.check("closing handshake: FF 00 after all of these", || {
        close(opened?)
    });

    report.check("echo: one byte a write", || {
        let mut connection = open(base, Ask::of("/echo"))?;
        for text in ["one byte a write", "", "👋🏽"] {
            for byte in EncodedFrame::text(text).as_bytes().iter() {
                connection.write(&[*byte])?;
            }
            same("text", connection.text()?.as_str(), text)?;
        }
        close(connection)
    });
}

fn closing(peer: Peer, base: &str, report: &mut Report) {
    report.check("closing handshake: FF 00 in two writes", || {
        let mut connection = open(base, Ask::of("/echo"))?;
        connection.echo(&["first"])?;
        connection.write(b"\xFF")?;
        connection.write(b"\x00")?;
        same("rest", &connection.rest()?[..], b"\xFF\x00")
    });
    report.check(
        "closing handshake: a text, FF 00 and more in one write",
        || {
            let mut connection = open(base, Ask::of("/echo"))?;
            connection.write(b"\x00last\xFF\xFF\x00\x00too late\xFF")?;
            same("rest", &connection.rest()?[..], b"\x00last\xFF\xFF\x00")
        },
    );
    report.check("closing handshake: begun by the server, 50 times", || {
        (0..50).try_for_each(|_| answer(peer, base))
    });
    report.check("closing handshake: begun by both", || {
        let mut connection = open(base, Ask::of("/closing"))?;
        connection.write(b"\x00bye\xFF\xFF\x00")?;
        same("rest", &connection.rest()?[..], b"\x00bye\xFF\xFF\x00")
    });
    if peer.waits_for_closing() {
        report.check("closing handshake: our FF 00 came, each time", || {
            let mut connection = open(base, Ask::of("/closings"))?;
            same("closings", connection.text()?.as_str(), "51")?;
            close(connection)
        });
    }
}

fn open(base: &str, ask: Ask<'_>) -> Result<Connection, Box<dyn Error>> {
    Connection::open(base, &ask).map(|(connection, _)| connection)
}

/// The closing handshake, begun by us: FF 00 comes, and then the end of the stream.
fn close(mut connection: Connection) -> Result<(), Box<dyn Error>> {
    let mut closing = ClosingHandshake::new();
    connection.write(EncodedFrame::closing().as_bytes())?;
    closing.sent();
    match connection.frame()? {
        Frame::Closing if !closing.received() && closing.is_finished() => {}
        other => return Err(format!("no closing frame but {other:?}").into()),
    }
    same("rest", &connection.rest()?[..], b"")
}

/// The closing handshake, begun by the server.
fn answer(peer: Peer, base: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = open(base, Ask::of("/closing"))?;
    let mut closing = ClosingHandshake::new();
    connection.write(EncodedFrame::text("bye").as_bytes())?;
    same("text", connection.text()?.as_str(), "bye")?;
    match connection.frame()? {
        Frame::Closing if closing.received() => {}
        other => return Err(format!("no closing frame but {other:?}").into()),
    }
    if peer.waits_for_closing() {
        connection.write(EncodedFrame::closing().as_bytes())?;
        closing.sent();
    }
    same("rest", &connection.rest()?[..], b"")
}
