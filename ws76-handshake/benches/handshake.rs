//! What a browser's handshake costs: `request/browser`, `challenge/response`, `accept/browser`.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ws76_handshake::{Accept, Challenge, HeadLimits, Incoming, RequestReader};

const REQUEST: &[u8] = b"GET /chat?room=1 HTTP/1.1\r\n\
    Upgrade: WebSocket\r\n\
    Connection: Upgrade\r\n\
    Host: server.example.com:8080\r\n\
    Origin: http://www.example.com\r\n\
    Cookie: session=31d4d96e407aad42; theme=dark; _ga=GA1.2.1033501218.1368477899\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
    \r\n^n:ds[4U";

const RESPONSE: &[u8; 16] = b"8jKS'y:G*Co,Wxa-";

fn handshake(c: &mut Criterion) {
    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    group.bench_function("browser", |b| {
        b.iter_batched(
            || BytesMut::from(REQUEST),
            |mut src| {
                let incoming = RequestReader::new(HeadLimits::new()).read(&mut src);
                assert!(matches!(incoming, Ok(Some(Incoming::WebSocket(_)))));
                (src, incoming)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();

    let mut group = c.benchmark_group("challenge");
    group.throughput(Throughput::Bytes(16));
    group.bench_function("response", |b| {
        b.iter(|| {
            let challenge = Challenge::new(black_box(829_309_203), 259_970_620, *b"^n:ds[4U");
            let response = challenge.response();
            assert_eq!(&response, RESPONSE);
            response
        });
    });
    group.finish();

    let mut group = c.benchmark_group("accept");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    group.bench_function("browser", |b| {
        b.iter_batched(
            || (BytesMut::from(REQUEST), BytesMut::with_capacity(512)),
            |(mut src, mut dst)| {
                let incoming = RequestReader::new(HeadLimits::new()).read(&mut src);
                let Ok(Some(Incoming::WebSocket(request))) = incoming else {
                    panic!("a good request");
                };
                let Ok(mut awaiting) = request.accept(Accept::new(), &mut dst) else {
                    panic!("no subprotocol on either side");
                };
                assert!(awaiting.read(&mut src, &mut dst).is_some());
                assert!(dst.ends_with(RESPONSE));
                (src, dst)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
