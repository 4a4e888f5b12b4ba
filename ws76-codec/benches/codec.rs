//! Decoding and encoding, beside what bounds them in the same group: a search for 0xFF, a check of
//! UTF-8 and a copy of the same bytes.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ws76_codec::{Decoder, DecoderConfig, Frame, Text, encode_text};

/// `count` text frames of `len` bytes each, repeating `pattern`.
fn frames(pattern: &str, len: usize, count: usize) -> (Text, BytesMut) {
    let text = pattern.repeat(len / pattern.len());
    let mut bytes = BytesMut::new();
    for _ in 0..count {
        encode_text(&text, &mut bytes);
    }
    (Text::from(text), bytes)
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let shapes = [
        ("text_16_x3640", "0123456789abcdef", 16, 3640),
        ("text_125", "abcde", 125, 1),
        ("text_1k", "abcdefgh", 1 << 10, 1),
        ("text_64k", "abcdefgh", 1 << 16, 1),
        ("text_1m", "abcdefgh", 1 << 20, 1),
        ("japanese_1k", "日本語", 1 << 10, 1),
        ("japanese_64k", "日本語", 1 << 16, 1),
    ];
    for (name, pattern, len, count) in shapes {
        let (text, bytes) = frames(pattern, len, count);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || (Decoder::new(DecoderConfig::new()), bytes.clone()),
                |(decoder, src)| {
                    let mut messages = 0;
                    while let Some(Frame::Text(message)) = decoder.decode(src).unwrap() {
                        messages += usize::from(message.len() == text.len());
                    }
                    assert_eq!(messages, count);
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("{name}/limit"), |bencher| {
            let content = text.as_bytes();
            bencher.iter(|| {
                for _ in 0..count {
                    let content = black_box(content);
                    assert_eq!(memchr::memchr(0xff, content), None);
                    assert!(Text::from_utf8(content.clone()).is_ok());
                }
            });
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, len) in [
        ("text_125", 125),
        ("text_1k", 1 << 10),
        ("text_64k", 1 << 16),
    ] {
        let (text, bytes) = frames("abcde", len, 1);
        let mut dst = BytesMut::with_capacity(bytes.len());
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                dst.clear();
                black_box(&text).encode(&mut dst);
                assert_eq!(dst.len(), bytes.len());
            });
        });
        group.bench_function(format!("{name}/limit"), |bencher| {
            bencher.iter(|| {
                dst.clear();
                dst.extend_from_slice(black_box(&bytes));
                assert_eq!(dst.len(), bytes.len());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
