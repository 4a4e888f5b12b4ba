//! The property of the whole server: `ws76-server` over a stream in memory, with time that jumps.

use std::sync::{Arc, Mutex};

use arbitrary::Arbitrary;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::{runtime, task};
use ws76_codec::{DecoderConfig, InvalidUtf8, ReservedFrames};
use ws76_handshake::{HeadLimits, Incoming, RequestReader};
use ws76_server::{
    CloseReason, Config, Connection, ConnectionError, Endpoint, Handler, Peer, Text,
};

use crate::naive::{self, End, Plain};
use crate::{Cuts, split_settings};

/// Of any bytes as a client's side of a connection, however they are cut, the server makes events
/// in their order and an end: to draft-76 frames it answers what a naive decoder says, to other
/// bytes one response or a close, and it is empty afterwards.
pub fn server(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let wire = [settings.opening(), wire].concat();
    let whole = settings.serve(&[&wire]);
    whole.assert_grammar();
    if let Some(expected) = settings.expected(&wire) {
        whole.assert_is(&expected, settings.is_silent());
    }
    // A long input in single bytes takes long and shows no more than one in small pieces.
    let single = wire.chunks(1 + wire.len() / 512).collect();
    for chunks in [settings.cuts.chunks(&wire), single] {
        let cut = settings.serve(&chunks);
        assert_eq!(cut.events, whole.events, "{chunks:?}");
        assert_eq!(cut.sent(), whole.sent(), "{chunks:?}");
    }
}

/// 8 bytes of settings.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    cuts: Cuts,
    choices: u8,
    /// The largest value stands for the default.
    max_message_len: u16,
    /// Bit 0: skip reserved frames. Bit 1: replace what is not UTF-8.
    policies: u8,
}

/// The client does not close, but says nothing more.
const SILENT: u8 = 1;
/// What stands in front of the wire: nothing, a request of draft-76, or one of RFC 6455.
const DRAFT76: u8 = 2;
const RFC6455: u8 = 4;

impl Settings {
    fn is_silent(self) -> bool {
        self.choices & SILENT != 0
    }

    fn opening(self) -> &'static [u8] {
        match self.choices & (DRAFT76 | RFC6455) {
            DRAFT76 => DRAFT76_REQUEST,
            RFC6455 => RFC6455_REQUEST,
            _ => &[],
        }
    }

    fn frames(self) -> DecoderConfig {
        let config = DecoderConfig::new()
            .with_reserved_frames(match self.policies & 1 {
                0 => ReservedFrames::Reject,
                _ => ReservedFrames::Skip,
            })
            .with_invalid_utf8(match self.policies & 2 {
                0 => InvalidUtf8::Reject,
                _ => InvalidUtf8::Replace,
            });
        match self.max_message_len {
            u16::MAX => config,
            len => config.with_max_message_len(len.into()),
        }
    }

    /// Serves one client that writes these chunks and reads all that comes.
    fn serve(self, chunks: &[&[u8]]) -> Outcome {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing of the system");
        let events = Arc::default();
        let echo = Echo(Arc::clone(&events));
        let output = runtime.block_on(async {
            // Few enough for inputs to have more.
            let config = Config::new()
                .with_frames(self.frames())
                .with_max_fragments(4);
            let endpoint = Endpoint::new(echo, config);
            let (client, io) = duplex(1 << 16);
            let (mut read, mut write) = split(client);
            let talk = async {
                for chunk in chunks {
                    // Fails when the server is done with this client.
                    if write.write_all(chunk).await.is_err() {
                        break;
                    }
                    // So that the server sees this chunk before the next one.
                    for _ in 0..4 {
                        task::yield_now().await;
                    }
                }
                if !self.is_silent() {
                    let _ = write.shutdown().await;
                }
            };
            let listen = async {
                let mut output = Vec::new();
                let _ = read.read_to_end(&mut output).await;
                output
            };
            let serve = endpoint.serve_connection(io, Peer::default());
            let ((), output, ()) = tokio::join!(talk, listen, serve);
            assert!(endpoint.registry().is_empty());
            endpoint.shutdown().await;
            output
        });
        let events = events.lock().expect("nothing panics with it").clone();
        Outcome { output, events }
    }

    /// What a draft-76 client hears behind the opening handshake; `None` when there is none.
    fn expected(self, wire: &[u8]) -> Option<Expected> {
        let mut src = BytesMut::from(wire);
        let read = RequestReader::new(HeadLimits::new()).read(&mut src);
        let Ok(Some(Incoming::WebSocket(request))) = read else {
            return None;
        };
        // The default decision refuses those who ask for a subprotocol.
        if request.subprotocol().is_some() || src.len() < 8 {
            return None;
        }
        let frames = self.frames();
        let decoded = naive::decode(&frames, &src[8..]);
        let mut messages = Vec::new();
        let mut sent = Vec::new();
        let mut closing = !matches!(decoded.end, End::BetweenFrames | End::InsideFrame);
        for frame in decoded.frames {
            match frame {
                Plain::Text(text) => {
                    // What was replaced may be longer than it came.
                    if text.len() <= frames.max_message_len {
                        sent.extend([&[0x00], text.as_bytes(), &[0xff]].concat());
                    }
                    messages.push(text);
                }
                Plain::Closing => closing = true,
                Plain::Reserved { .. } => {}
            }
        }
        // Who is silent is closed in the end; who stops inside a frame has made an error.
        if closing || self.is_silent() || decoded.end == End::InsideFrame {
            sent.extend(b"\xff\x00");
        }
        Some(Expected { messages, sent })
    }
}

/// The messages that the handler gets, and the bytes behind the opening handshake.
struct Expected {
    messages: Vec<String>,
    sent: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Open,
    Message(String),
    Error(ConnectionError),
    Closed(CloseReason),
}

/// What the server wrote, and what its handler was called with.
struct Outcome {
    output: Vec<u8>,
    events: Vec<Event>,
}

impl Outcome {
    /// `Open Message* Error? Closed`, or nothing; and an error says why it closed.
    fn assert_grammar(&self) {
        let [Event::Open, between @ .., Event::Closed(reason)] = &self.events[..] else {
            assert_eq!(self.events, [], "there are all events or none");
            return;
        };
        let messages = match between {
            [messages @ .., Event::Error(error)] => {
                assert_eq!(*reason, CloseReason::Error(*error));
                messages
            }
            messages => messages,
        };
        let is_message = |event: &Event| matches!(event, Event::Message(_));
        assert!(messages.iter().all(is_message), "{:?}", self.events);
        assert!(self.output.starts_with(b"HTTP/1.1 101 "));
    }

    fn assert_is(&self, expected: &Expected, silent: bool) {
        let messages: Vec<&String> = self.events.iter().filter_map(message).collect();
        assert_eq!(messages, expected.messages.iter().collect::<Vec<_>>());
        assert_eq!(
            self.behind_handshake(16).escape_ascii().to_string(),
            expected.sent.escape_ascii().to_string(),
            "silent: {silent}"
        );
    }

    /// What was written, but for pongs: one of them may stand for several pings.
    fn sent(&self) -> Vec<u8> {
        let head = self.output.split(|byte| *byte == b'\n');
        let mut head = head.take_while(|line| *line != b"\r");
        if !head.any(|line| line.starts_with(b"Sec-WebSocket-Accept: ")) {
            return self.output.clone();
        }
        let mut frames = self.behind_handshake(0);
        let mut sent = self.output[..self.output.len() - frames.len()].to_vec();
        while let [first, len, rest @ ..] = frames {
            let extended = match len {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            let len = rest[..extended]
                .iter()
                .fold(0, |len, byte| len << 8 | usize::from(*byte))
                + usize::from(*len) * usize::from(extended == 0);
            let (frame, rest) = frames.split_at(2 + extended + len);
            if *first != 0x8a {
                sent.extend(frame);
            }
            frames = rest;
        }
        sent
    }

    fn behind_handshake(&self, response_len: usize) -> &[u8] {
        let mut ends = self.output.windows(4);
        let at = ends.position(|end| end == b"\r\n\r\n");
        let at = at.expect("a reply has a head") + 4;
        &self.output[at + response_len..]
    }
}

fn message(event: &Event) -> Option<&String> {
    match event {
        Event::Message(text) => Some(text),
        _ => None,
    }
}

/// Sends back what comes.
struct Echo(Arc<Mutex<Vec<Event>>>);

impl Echo {
    fn note(&self, event: Event) {
        self.0.lock().expect("nothing panics with it").push(event);
    }
}

impl Handler for Echo {
    async fn on_open(&self, _: &Connection) {
        self.note(Event::Open);
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        self.note(Event::Message(text.as_str().to_owned()));
        let _ = connection.send(text).await;
    }

    async fn on_error(&self, _: &Connection, error: ConnectionError) {
        self.note(Event::Error(error));
    }

    async fn on_closed(&self, _: &Connection, reason: CloseReason) {
        self.note(Event::Closed(reason));
    }
}

const DRAFT76_REQUEST: &[u8] = b"GET /demo HTTP/1.1\r\nHost: example.com\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U";
const RFC6455_REQUEST: &[u8] = b"GET /demo HTTP/1.1\r\nHost: example.com\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\r\n";
