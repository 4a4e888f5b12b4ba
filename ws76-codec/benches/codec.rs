//! Decoding and encoding, beside what bounds them: the same bytes, in the same group, searched for
//! 0xFF, checked to be UTF-8, and copied. Under each group stands how its figures compare.
//!
//! UTF-8 is checked by what the feature `simd` says; compare with `--features simd`.

mod measure;

use std::{hint::black_box, str};

use bytes::{Buf, BufMut, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use memchr::memchr;
use simdutf8::basic;
use ws76_codec::{Decoder, DecoderConfig, EncodedFrame, Frame, ShortText, Text, encode_text};

use crate::measure::Group;

/// The lengths that messages have, in bytes.
const LENS: [(&str, usize); 5] = [
    ("16", 16),
    ("125", 125),
    ("1k", 1 << 10),
    ("16k", 16 << 10),
    ("1m", 1 << 20),
];

const SCRIPTS: [(&str, &str); 2] = [("ascii", "0123456789abcdef"), ("japanese", "日本語")];

/// As many of `pattern` as fit into `len` bytes, filled up with spaces.
fn text(pattern: &str, len: usize) -> String {
    let mut text = pattern.repeat(len / pattern.len());
    text.extend([' '].iter().cycle().take(len - text.len()));
    text
}

/// `count` frames of `text`.
fn frames(text: &str, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..count {
        encode_text(text, &mut bytes);
    }
    bytes
}

/// Decodes all of `src`, and returns how many bytes of text there were.
fn decode_all(decoder: &mut Decoder, src: &mut BytesMut) -> usize {
    let mut len = 0;
    while let Some(Frame::Text(text)) = decoder.decode(src).unwrap() {
        len += black_box(text.as_bytes()).len();
    }
    len
}

/// As [`decode_all`], texts alone.
fn decode_all_texts(decoder: &mut Decoder, src: &mut BytesMut) -> usize {
    let mut len = 0;
    while let Some(text) = decoder.decode_text(src).unwrap() {
        len += black_box(text.as_bytes()).len();
    }
    len
}

/// As [`decode_all`], each text a part of the buffer, as a server has them that shares what it reads.
fn decode_all_shared(decoder: &Decoder, src: &mut BytesMut) -> usize {
    let src = src.split().freeze();
    let (mut at, mut len) = (0, 0);
    while let Some(text) = decoder.decode_shared(&src, at) {
        at += text.len() + 2;
        len += black_box(text.as_bytes()).len();
    }
    len
}

/// As [`decode_all`], of short texts where they lie.
fn find_all_short(decoder: &Decoder, mut src: &[u8]) -> usize {
    let mut padding = [0; ShortText::MAX_FRAME_LEN];
    let mut len = 0;
    while let Some(frame) = decoder.find_short(src, &mut padding) {
        len += black_box(&frame).text_len();
        src = &src[frame.frame_len()..];
    }
    len
}

/// As [`decode_all`], without owners.
fn decode_all_where_they_lie(decoder: &Decoder, mut src: &[u8]) -> usize {
    let mut len = 0;
    while let Some(text) = decoder.decode_str(src) {
        len += black_box(text).len();
        src = &src[text.len() + 2..];
    }
    len
}

/// As [`decode_all`], by nothing but a search and a check.
fn search_and_check(mut src: &[u8], check: impl Fn(&[u8]) -> bool) -> usize {
    let mut len = 0;
    while let Some(end) = memchr(0xff, src) {
        let text = &src[1..end];
        assert!(check(black_box(text)));
        len += text.len();
        src = &src[end + 1..];
    }
    len
}

/// As [`search_and_check`], with a part of the buffer for each text, as its owner.
fn search_check_and_own(src: &mut BytesMut) -> usize {
    let mut len = 0;
    while let Some(end) = memchr(0xff, src) {
        let frame = black_box(src.split_to(end + 1).freeze());
        assert!(basic::from_utf8(&frame[1..end]).is_ok());
        len += end - 1;
    }
    len
}

fn decode_frames(criterion: &mut Criterion, shape: &str, text: &str, count: usize) {
    let bytes = frames(text, count);
    let content = text.len() * count;
    let mut group = Group::new(criterion, &format!("decode/{shape}"), bytes.len(), count);
    let mut decoder = Decoder::new(DecoderConfig::new());
    let ours = group.of_buffers("ws76", &bytes, |src| {
        assert_eq!(decode_all(&mut decoder, src), content);
    });
    let texts = group.of_buffers("ws76, decode_text", &bytes, |src| {
        assert_eq!(decode_all_texts(&mut decoder, src), content);
    });
    let shared = group.of_buffers("ws76, decode_shared", &bytes, |src| {
        assert_eq!(decode_all_shared(&decoder, src), content);
    });
    let where_it_lies = group.of_buffers("ws76, decode_str", &bytes, |src| {
        assert_eq!(decode_all_where_they_lie(&decoder, src), content);
    });
    if text.len() <= ShortText::MAX_LEN {
        group.of_buffers("ws76, find_short", &bytes, |src| {
            assert_eq!(find_all_short(&decoder, src), content);
        });
    }
    group.of_buffers("memchr", &bytes, |src| {
        assert_eq!(search_and_check(src, |_| true), content);
    });
    group.of_buffers("std", &bytes, |src| {
        let check = |part: &[u8]| str::from_utf8(&part[1..=text.len()]).is_ok();
        assert!(src.chunks_exact(text.len() + 2).all(check));
    });
    group.of_buffers("simdutf8", &bytes, |src| {
        let check = |part: &[u8]| basic::from_utf8(&part[1..=text.len()]).is_ok();
        assert!(src.chunks_exact(text.len() + 2).all(check));
    });
    let limit = group.of_buffers("memchr for 0xFF, then simdutf8", &bytes, |src| {
        let check = |text: &[u8]| basic::from_utf8(text).is_ok();
        assert_eq!(search_and_check(src, check), content);
    });
    let owned = group.of_buffers("memchr, simdutf8, Bytes", &bytes, |src| {
        assert_eq!(search_check_and_own(src), content);
    });
    let mut copy = Vec::with_capacity(bytes.len());
    group.of_buffers("memcpy", &bytes, |src| {
        copy.clear();
        copy.extend_from_slice(black_box(src));
    });
    for ours in [ours, texts, shared] {
        group.compare(ours, limit);
        group.compare(ours, owned);
    }
    group.compare(where_it_lies, limit);
}

/// Every byte of `text` in a call of its own.
fn decode_single_bytes(criterion: &mut Criterion, shape: &str, text: &str) {
    let bytes = frames(text, 1);
    let mut group = Group::new(
        criterion,
        &format!("decode/{shape}"),
        bytes.len(),
        bytes.len(),
    );
    let mut decoder = Decoder::new(DecoderConfig::new());
    let mut src = BytesMut::new();
    let ours = group.of_buffers("ws76", &bytes, |single| {
        src.reserve(single.len());
        let mut len = 0;
        for &byte in single.iter() {
            src.put_u8(byte);
            len += decode_all(&mut decoder, &mut src);
        }
        assert_eq!(len, text.len());
    });
    let mut src = BytesMut::new();
    let limit = group.of_buffers("memchr for 0xFF, then simdutf8", &bytes, |single| {
        src.reserve(single.len());
        for &byte in single.iter() {
            src.put_u8(byte);
            if memchr(0xff, black_box(&src[src.len() - 1..])).is_some() {
                assert!(basic::from_utf8(&src[1..src.len() - 1]).is_ok());
            }
        }
        src.advance(src.len());
    });
    group.compare(ours, limit);
}

fn decode(criterion: &mut Criterion) {
    for (script, pattern) in SCRIPTS {
        for (name, len) in LENS {
            decode_frames(
                criterion,
                &format!("{script}_{name}"),
                &text(pattern, len),
                1,
            );
        }
        // 64 KiB, full.
        for len in [16, 32, 125, 1 << 10] {
            let (text, count) = (text(pattern, len), (64 << 10) / (len + 2));
            decode_frames(criterion, &format!("{script}_{len}_x{count}"), &text, count);
        }
        decode_single_bytes(
            criterion,
            &format!("{script}_1k_single"),
            &text(pattern, 1 << 10),
        );
    }
}

/// Bytes to be copied to `to`: half a page away from it within their pages. Where the two lie close together in
/// that, the instruction that x86 has for long copies takes twenty times as long, and is no limit to anything.
struct Source {
    room: Vec<u8>,
    at: usize,
}

impl Source {
    fn new(bytes: &[u8], to: &[u8]) -> Self {
        let mut room: Vec<u8> = Vec::with_capacity(bytes.len() + PAGE);
        let at = (to.as_ptr().addr() + PAGE / 2).wrapping_sub(room.as_ptr().addr()) % PAGE;
        room.resize(at, 0);
        room.extend_from_slice(bytes);
        Self { room, at }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[self.at..]
    }
}

const PAGE: usize = 4 << 10;

fn encode(criterion: &mut Criterion) {
    let lens = [&LENS[..4], &[("64k", 64 << 10), LENS[4]]].concat();
    for (script, pattern) in SCRIPTS {
        for &(name, len) in &lens {
            encode_text_of(criterion, &format!("{script}_{name}"), &text(pattern, len));
        }
    }
}

fn encode_text_of(criterion: &mut Criterion, shape: &str, string: &str) {
    let bytes = frames(string, 1);
    let mut group = Group::new(criterion, &format!("encode/{shape}"), bytes.len(), 1);
    let mut dst = BytesMut::with_capacity(bytes.len());
    let source = Source::new(string.as_bytes(), &dst);
    let string = str::from_utf8(source.bytes()).unwrap();
    let ours = group.of("encode_text", || {
        dst.clear();
        encode_text(black_box(string), &mut dst);
        assert_eq!(black_box(&dst).len(), bytes.len());
    });
    let text = Text::from(string);
    group.of("Text::encode", || {
        dst.clear();
        black_box(&text).encode(&mut dst);
        assert_eq!(black_box(&dst).len(), bytes.len());
    });
    let source = Source::new(&bytes, &dst);
    let limit = group.of("memcpy", || {
        dst.clear();
        dst.extend_from_slice(black_box(source.bytes()));
        assert_eq!(black_box(&dst).len(), bytes.len());
    });
    group.compare(ours, limit);
    let ours = group.of("EncodedFrame::text", || {
        let frame = EncodedFrame::text(black_box(string));
        assert_eq!(frame.as_bytes().len(), bytes.len());
    });
    let limit = group.of("memcpy into a new Vec", || {
        assert_eq!(black_box(&bytes).clone().len(), bytes.len());
    });
    group.compare(ours, limit);
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
