//! Whatever is asked of a wire, and however the bytes come: the frames are those of a plain decoder.

use std::{collections::VecDeque, pin::Pin, task::Waker};

use proptest::{collection::vec, prelude::*, sample::select};
use tokio::io::ReadBuf;
use ws76_codec::{InvalidUtf8, ReservedFrames};

use super::*;

/// Brings these pieces, then its end; takes all.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = self.0.pop_front().unwrap_or_default();
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            self.0.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What comes, as the driver sees it.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Closing,
    End,
    Error(ConnectionError),
}

/// What the driver asks a wire for.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Short,
    Text,
    Read,
    Next,
    Rest,
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let text =
        |text: &str, count: usize| [b"\x00", text.repeat(count).as_bytes(), b"\xff"].concat();
    prop_oneof![
        3 => (0..45_usize).prop_map(move |count| text("a", count)),
        5 => (47..300_usize).prop_map(move |count| text("b", count)),
        2 => (10..100_usize).prop_map(move |count| text("日", count)),
        1 => (3000..6000_usize).prop_map(move |count| text("c", count)),
        1 => (0..60_usize).prop_map(|count| [&b"\x00"[..], &vec![b'd'; count], b"\xfe\xff"].concat()),
        1 => Just(b"\x7fskipped\xff".to_vec()),
        1 => Just(b"\x80\x05\xff\x00\xff\x00\xff".to_vec()),
        1 => Just(b"\xff\x02\x00\xff".to_vec()),
    ]
}

fn config() -> impl Strategy<Value = DecoderConfig> {
    let max = select(vec![250_usize, 100_000]);
    (max, any::<bool>(), any::<bool>()).prop_map(|(max, replace, skip)| {
        let mut config = DecoderConfig::new().with_max_message_len(max);
        if replace {
            config = config.with_invalid_utf8(InvalidUtf8::Replace);
        }
        if skip {
            config = config.with_reserved_frames(ReservedFrames::Skip);
        }
        config
    })
}

/// What a decoder makes of them all.
fn plain(config: DecoderConfig, bytes: &[u8]) -> Vec<Seen> {
    let mut decoder = Decoder::new(config);
    let mut src = BytesMut::from(bytes);
    let mut seen = Vec::new();
    loop {
        seen.push(match decoder.decode(&mut src) {
            Ok(Some(Frame::Text(text))) => Seen::Text(text.to_string()),
            Ok(Some(Frame::Reserved { .. })) => continue,
            Ok(Some(Frame::Closing)) => Seen::Closing,
            Ok(None) => match decoder.finish() {
                Ok(()) => Seen::End,
                Err(error) => Seen::Error(error.into()),
            },
            Err(error) => Seen::Error(error.into()),
        });
        if !matches!(seen.last(), Some(Seen::Text(_))) {
            return seen;
        }
    }
}

/// What an answer of the wire is.
fn seen(incoming: Result<Incoming, ConnectionError>) -> Result<Text, Seen> {
    match incoming {
        Ok(Incoming::Text(text)) => Ok(text),
        Ok(Incoming::Closing(_)) => Err(Seen::Closing),
        Ok(Incoming::End) => Err(Seen::End),
        Ok(Incoming::Binary(_)) => panic!("draft-76 has no binary messages"),
        Err(error) => Err(Seen::Error(error)),
    }
}

proptest! {
    #[test]
    fn frames_are_those_of_a_plain_decoder(
        config in config(),
        frames in vec(frame(), 0..60),
        closes in any::<bool>(),
        head in 0..600_usize,
        cuts in vec(1..9000_usize, 1..20),
        asks in vec(
            select(vec![Ask::Short, Ask::Short, Ask::Text, Ask::Text, Ask::Read, Ask::Next, Ask::Rest]),
            1..30,
        ),
        stop in prop_oneof![0..60_usize, Just(5000)],
    ) {
        // T1, T12, P2
        let mut bytes = frames.concat();
        if closes {
            bytes.extend_from_slice(b"\xff\x00\x00discarded\xff");
        }
        let expected = plain(config, &bytes);
        let (head, mut rest) = bytes.split_at(head.min(bytes.len()));
        let mut pieces = VecDeque::new();
        for cut in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*cut));
            if piece.is_empty() {
                break;
            }
            pieces.push_back(piece.to_vec());
            rest = behind;
        }
        let io = Stream::Plain(Pieces(pieces));
        let mut wire = Draft76::new(io, BytesMut::from(head), config, Protocol::Draft76);
        let mut cx = Context::from_waker(Waker::noop());
        let mut held = Vec::new();
        let mut last = None;
        // Whatever is in it.
        let mut padding = [0xff; ws76_codec::ShortText::MAX_FRAME_LEN];
        for ask in asks.iter().chain([&Ask::Next]).cycle().take(stop) {
            let answer = match ask {
                Ask::Short if wire.has_more() => {
                    let short = wire.next_short_text(&mut padding);
                    let short = short.map(|(frame, has_more)| (Text::from(frame), has_more));
                    if let Some((_, has_more)) = &short {
                        prop_assert_eq!(*has_more, wire.has_more());
                    }
                    short.map(|(text, _)| Ok(text))
                }
                Ask::Text if wire.has_more() => wire.next_text().map(Ok),
                Ask::Read if wire.has_more() => wire.next_read().transpose().map(seen),
                Ask::Short | Ask::Text | Ask::Read => None,
                Ask::Next => match wire.poll_next(&mut cx) {
                    Poll::Ready(incoming) => Some(seen(incoming)),
                    Poll::Pending => panic!("there is something to read"),
                },
                Ask::Rest => {
                    wire.rest();
                    None
                }
            };
            match answer {
                Some(Ok(text)) => held.push(text),
                Some(Err(end)) => {
                    last = Some(end);
                    break;
                }
                None => {}
            }
        }
        // Wherever the connection ends: there may be more.
        if last.is_none() && stop % 2 == 0 {
            prop_assert!(wire.poll_discard(&mut cx).is_ready());
        }
        drop(wire);
        // Texts that are held are not read over.
        let mut got: Vec<_> = held.iter().map(|text| Seen::Text(text.to_string())).collect();
        for text in &held {
            if let Some((bytes, frame)) = text.framed() {
                prop_assert_eq!(&bytes[frame], &[b"\x00", text.as_bytes(), b"\xff"].concat());
            }
        }
        let is_over = last.is_some();
        got.extend(last);
        prop_assert_eq!(&got[..], &expected[..got.len()]);
        prop_assert!(is_over == (got.len() == expected.len()));
    }
}
