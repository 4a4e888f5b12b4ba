//! What is encoded is decoded again; `Text` and `EncodedFrame` as values; the closing handshake.

mod support;

use std::{
    cmp::Ordering,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use support::lens;
use ws76_codec::{
    ClosingHandshake, Decoder, DecoderConfig, EncodedFrame, Frame, ShortText, Text, encode_closing,
    encode_text,
};

proptest! {
    #[test]
    fn encoded_text_is_decoded_to_the_same_text(texts in prop::collection::vec(".*", 0..8)) {
        let mut bytes = BytesMut::new();
        for text in &texts {
            encode_text(text, &mut bytes);
        }
        encode_closing(&mut bytes);
        let mut decoder = Decoder::new(DecoderConfig::new());
        for text in &texts {
            prop_assert_eq!(decoder.decode(&mut bytes), Ok(Some(Frame::Text(Text::from(&**text)))));
        }
        prop_assert_eq!(decoder.decode(&mut bytes), Ok(Some(Frame::Closing)));
        prop_assert_eq!(decoder.decode(&mut bytes), Ok(None));
    }

    #[test]
    fn all_ways_to_encode_agree(text in ".*") {
        let mut bytes = Vec::new();
        encode_text(&text, &mut bytes);
        let frame = EncodedFrame::text(&text);
        prop_assert_eq!(frame.as_bytes(), &bytes);
        prop_assert_eq!(frame.to_text(), Some(Text::from(text.clone())));
        let shared = Text::from(text);
        prop_assert_eq!(EncodedFrame::from(&shared).into_bytes(), bytes.clone());
        let mut again = Vec::new();
        shared.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn text_from_bytes_agrees_with_std(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let shared = Bytes::from(bytes.clone());
        match std::str::from_utf8(&bytes) {
            Ok(text) => prop_assert_eq!(Text::from_utf8(shared.clone()).unwrap(), text),
            Err(error) => {
                let ours = Text::try_from(shared.clone()).unwrap_err();
                prop_assert_eq!(ours.valid_up_to(), error.valid_up_to());
            }
        }
        prop_assert_eq!(Text::from_utf8_lossy(shared), &*String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn text_frame_on_the_wire_is_00_text_ff() {
    let mut bytes = Vec::new();
    encode_text("hi", &mut bytes);
    assert_eq!(bytes, b"\x00hi\xff");
}

#[test]
fn text_of_each_length_is_encoded_whole_into_what_grows_and_what_does_not() {
    let long = [2 << 10, 4 << 10, 1 << 20].map(|len: usize| len - 1..=len + 1);
    // Miri would take minutes for the longest.
    let long = long
        .into_iter()
        .flatten()
        .filter(|len| !cfg!(miri) || *len < 3000);
    for len in lens(140).chain(long) {
        let text: String = ('a'..='z').cycle().take(len).collect();
        let expected = [b"\0", text.as_bytes(), b"\xff"].concat();
        let mut vec = Vec::new();
        encode_text(&text, &mut vec);
        assert!(vec == expected, "{len} bytes");
        // Held in place if it is short, and where it is anyway.
        for text in [Text::from(text.as_str()), Text::from(text)] {
            let mut bytes = BytesMut::new();
            text.encode(&mut bytes);
            assert!(bytes == expected, "{len} bytes");
            let mut vec = b"before".to_vec();
            text.encode_to_vec(&mut vec);
            assert!(vec == [b"before", &expected[..]].concat(), "{len} bytes");
        }
        let mut fixed = vec![0; len + 3];
        let mut room = &mut fixed[..];
        encode_text(str::from_utf8(&expected[1..=len]).unwrap(), &mut room);
        assert_eq!(room.len(), 1);
        assert!(fixed.starts_with(&expected), "{len} bytes");
    }
}

#[test]
fn closing_frame_on_the_wire_is_ff_00_and_holds_no_text() {
    // X1
    let mut bytes = Vec::new();
    encode_closing(&mut bytes);
    assert_eq!(bytes, b"\xff\x00");
    assert_eq!(EncodedFrame::closing().as_bytes(), &bytes);
    assert_eq!(EncodedFrame::closing().to_text(), None);
}

#[test]
fn text_of_an_encoded_frame_shares_its_bytes() {
    let frame = EncodedFrame::text("shared");
    let text = frame.to_text().unwrap();
    assert_eq!(text.as_bytes().as_ptr(), frame.as_bytes()[1..].as_ptr());
}

#[test]
fn text_from_bytes_is_utf8_or_an_error() {
    let (good, bad) = (
        Bytes::from_static(b"gr\xc3\xbcn"),
        Bytes::from_static(b"gr\xfcn"),
    );
    assert_eq!(Text::from_utf8(good.clone()).unwrap(), "gr\u{fc}n");
    assert_eq!(Text::from_utf8(bad.clone()).unwrap_err().valid_up_to(), 2);
    let text = Text::from_utf8_lossy(good.clone());
    assert_eq!(text.as_bytes().as_ptr(), good.as_ptr(), "no copy");
    assert_eq!(Text::from_utf8_lossy(bad), "gr\u{fffd}n");
}

/// Bytes, and a text that is said to be theirs.
struct Owner(Bytes, String);

impl AsRef<Bytes> for Owner {
    fn as_ref(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<str> for Owner {
    fn as_ref(&self) -> &str {
        match self.1.is_empty() {
            true => std::str::from_utf8(&self.0).unwrap(),
            false => &self.1,
        }
    }
}

#[test]
fn text_of_proven_bytes_is_shared_unless_it_is_short_or_lies_elsewhere() {
    for (len, is_shared) in [(0, false), (46, false), (47, true), (5000, true)] {
        let owner = Owner(Bytes::from("a".repeat(len)), String::new());
        let text = Text::from_proven(&owner);
        assert_eq!(text.as_bytes(), owner.0);
        assert_eq!(text.as_bytes().as_ptr() == owner.0.as_ptr(), is_shared);
        // Whatever the bytes are, a text holds none that were not proven.
        let other = "b".repeat(len + 1);
        for bytes in [vec![0xff; len + 1], vec![0xff; len]] {
            let text = Text::from_proven(&Owner(Bytes::from(bytes), other.clone()));
            assert_eq!(text, *other);
        }
    }
}

#[test]
fn text_reads_as_a_string() {
    let text = Text::from_static("日本");
    assert_eq!(text.as_str(), "日本");
    assert_eq!(text.chars().count(), 2);
    assert_eq!((text.len(), text.is_empty()), (6, false));
    assert!(Text::new().is_empty());
    assert_eq!(Text::default(), Text::new());
    assert_eq!(format!("{text} {text:?}"), "日本 \"日本\"");
    assert_eq!(AsRef::<str>::as_ref(&text), "日本");
    assert_eq!(AsRef::<[u8]>::as_ref(&text), "日本".as_bytes());
    assert!(text == *"日本" && text != "other" && text != *"other");
    assert_eq!(Text::from(&text), text);
    assert_eq!(text.clone().into_bytes(), "日本".as_bytes());
}

#[test]
fn text_is_the_same_wherever_its_bytes_lie() {
    let hash = |text: &Text| BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    for string in ["", "b", "日本", &"b".repeat(46), &"b".repeat(47)] {
        let short = Text::from(string);
        let shared = Text::from_utf8(Bytes::copy_from_slice(string.as_bytes())).unwrap();
        assert_eq!(short, shared);
        assert_eq!(hash(&short), hash(&shared));
        assert_eq!(short.cmp(&shared), Ordering::Equal);
        let mut room = Vec::with_capacity(80);
        let is_short = string.len() <= ShortText::MAX_LEN;
        let frame_len = short.encode_short_to_vec(&mut room);
        assert_eq!(frame_len, is_short.then_some(string.len() + 2));
        assert_eq!(shared.encode_short_to_vec(&mut room), None);
        let frame = EncodedFrame::text(string).into_bytes();
        assert_eq!(room, frame.slice(..frame_len.unwrap_or(0)));
        assert_eq!(short.encode_short_to_vec(&mut Vec::new()), None, "no room");
        for text in [short, shared] {
            assert_eq!(
                (text.len(), text.is_empty()),
                (string.len(), string.is_empty())
            );
            assert_eq!(text.as_str(), string);
            assert_eq!(text.clone().into_bytes(), string.as_bytes());
            let (longer, other) = (Text::from(format!("{string}a")), Text::from("a"));
            assert!(text < longer && text != longer && hash(&text) != hash(&longer));
            assert_eq!(text > other, !string.is_empty());
        }
    }
}

#[test]
fn text_stays_small() {
    assert!(size_of::<Frame>() <= 56);
}

#[test]
fn owned_text_lets_go_of_the_buffer() {
    for string in ["kept", &"kept".repeat(50)] {
        let text = EncodedFrame::text(string).to_text().unwrap();
        let owned = text.to_owned_text();
        assert_eq!(owned, text);
        assert_ne!(owned.as_bytes().as_ptr(), text.as_bytes().as_ptr());
    }
}

// X1, X2, X4: the closing handshake, in each order of events.

#[test]
fn peer_that_closes_is_answered_once() {
    let mut closing = ClosingHandshake::new();
    assert!(closing.can_send());
    assert!(closing.received());
    assert!(!closing.can_send() && closing.is_received());
    assert!(!closing.is_sent() && !closing.is_finished());
    assert!(
        !closing.received(),
        "a second closing frame is not answered"
    );
    closing.sent();
    assert!(closing.is_finished() && closing.is_sent());
    assert!(!closing.received());
    closing.sent();
    assert!(closing.is_finished());
}

#[test]
fn answer_to_our_closing_frame_is_not_answered() {
    let mut closing = ClosingHandshake::default();
    closing.sent();
    closing.sent();
    assert!(!closing.can_send() && closing.is_sent() && !closing.is_received());
    assert!(!closing.is_finished());
    assert!(!closing.received(), "X4: both at once, and no third frame");
    assert!(closing.is_finished() && closing.is_received());
}
