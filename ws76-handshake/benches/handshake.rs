//! What a handshake costs with a browser's head: the server's side, that of a client, and refusals.
//! In the same groups stand the parts that it cannot do without: the MD5, and a copy of the bytes.

use std::{hint::black_box, str};

use bytes::BytesMut;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use ws76_handshake::{
    Accept, Challenge, ClientHandshake, ClientRequest, HeadLimits, Incoming, Location, Origin,
    RequestReader, Response, Status,
};

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

/// Reads a good request off `src`.
fn read(src: &mut BytesMut) -> ws76_handshake::Request {
    match RequestReader::new(HeadLimits::new()).read(src) {
        Ok(Some(Incoming::WebSocket(request))) => request,
        other => panic!("{other:?}"),
    }
}

/// Reads, verifies, and writes the whole reply.
fn accept(src: &mut BytesMut, dst: &mut BytesMut) {
    let mut awaiting = read(src).accept(Accept::new(), dst).unwrap();
    assert!(awaiting.read(src, dst).is_some());
}

/// Measures `routine` on a request, or whatever else `src` is, and an empty buffer with room.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    src: &[u8],
    mut routine: impl FnMut(&mut BytesMut, &mut BytesMut),
) {
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || (BytesMut::from(src), BytesMut::with_capacity(1 << 10)),
            |(src, dst)| routine(src, dst),
            BatchSize::SmallInput,
        );
    });
}

fn server(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("server/browser");
    group.throughput(Throughput::Elements(1));
    bench(&mut group, "read and verify", REQUEST, |src, _| {
        black_box(read(src));
    });
    bench(&mut group, "read, verify, reply", REQUEST, |src, dst| {
        accept(src, dst);
        assert!(dst.ends_with(RESPONSE));
    });
    bench(&mut group, "MD5 alone", REQUEST, |_, _| {
        let challenge = Challenge::new(black_box(829_309_203), 259_970_620, *b"^n:ds[4U");
        assert_eq!(&challenge.response(), RESPONSE);
    });
    bench(&mut group, "memcpy of the request", REQUEST, |src, dst| {
        dst.extend_from_slice(black_box(src));
    });
    bench(
        &mut group,
        "request in single bytes",
        REQUEST,
        |whole, dst| {
            let mut reader = RequestReader::new(HeadLimits::new());
            let count = whole.iter().take_while(|&&byte| {
                dst.extend_from_slice(&[byte]);
                reader.read(dst).unwrap().is_none()
            });
            assert_eq!(count.count() + 1, REQUEST.len() - 8);
        },
    );
    group.finish();
}

fn refusals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("server/refusal");
    group.throughput(Throughput::Elements(1));
    let text = str::from_utf8(REQUEST).unwrap();
    let broken = [
        (
            "key without spaces",
            text.replace("12998 5 Y3 1  .P00", "129985Y31.P00"),
        ),
        ("key of no multiple", text.replace(".P00", ".P01")),
        ("no host", text.replace("Host:", "Hosts:")),
        (
            "too long",
            text.replace("theme=dark", &"x".repeat(20 << 10)),
        ),
    ];
    for (name, request) in &broken {
        bench(&mut group, name, request.as_bytes(), |src, dst| {
            let error = RequestReader::new(HeadLimits::new()).read(src).unwrap_err();
            error.response().write(dst);
            assert!(dst.starts_with(b"HTTP/1.1 4"));
        });
    }
    bench(&mut group, "by the application", REQUEST, |src, dst| {
        read(src).reject(&Response::new(Status::FORBIDDEN), dst);
        assert!(dst.starts_with(b"HTTP/1.1 403"));
    });
    group.finish();
}

fn client(criterion: &mut Criterion) {
    let location = Location::parse("ws://server.example.com:8080/chat?room=1").unwrap();
    let origin = Origin::try_from("http://www.example.com").unwrap();
    let start = |dst: &mut BytesMut| {
        let request = ClientRequest::new(location.clone(), origin.clone());
        ClientHandshake::start(request, black_box(&[0x5a; 32]), dst)
    };
    let (mut request, mut reply) = (BytesMut::new(), BytesMut::new());
    let waiting = start(&mut request);
    accept(&mut request, &mut reply);

    let mut group = criterion.benchmark_group("client");
    group.throughput(Throughput::Elements(1));
    bench(&mut group, "write the request", b"", |_, dst| {
        black_box(start(dst));
    });
    group.bench_function("read and verify the reply", |bencher| {
        bencher.iter_batched_ref(
            || (waiting.clone(), reply.clone()),
            |(waiting, reply)| assert!(waiting.read(reply).unwrap().is_some()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, server, refusals, client);
criterion_main!(benches);
