//! The worked keys of the draft and those of other implementations (C1 to C6).

use bytes::BytesMut;
use ws76_handshake::{
    Accept, Challenge, HandshakeError, HeadLimits, Incoming, Key, KeyError, RequestReader, WhichKey,
};

struct Vector {
    source: &'static str,
    key1: &'static str,
    key2: &'static str,
    key3: [u8; 8],
    response: [u8; 16],
}

/// The draft's own come first.
const VECTORS: [Vector; 12] = [
    Vector {
        source: "draft-76 1.2",
        key1: "4 @1  46546xW%0l 1 5",
        key2: "12998 5 Y3 1  .P00",
        key3: *b"^n:ds[4U",
        response: *b"8jKS'y:G*Co,Wxa-",
    },
    Vector {
        source: "draft-76 1.3",
        key1: "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
        key2: "1_ tx7X d  <  nw  334J702) 7]o}` 0",
        key3: *b"Tm[K T2u",
        response: *b"fQJ,fN/4F4!~K~MH",
    },
    Vector {
        source: "draft-76 4.1",
        key1: "P388 O503D&ul7 {K%gX( %7  15",
        key2: "1 N ?|k UT0or 3o  4 I97N 5-S3O 31",
        key3: [0x47, 0x30, 0x22, 0x2D, 0x5A, 0x3F, 0x47, 0x58],
        response: *b"0st3Rl&q-2ZU^weu",
    },
    Vector {
        source: "draft-76 5.2",
        key1: "3e6b263  4 17 80",
        key2: "17  9 G`ZD9   2 2b 7X 3 /r90",
        key3: *b"WjN}|M(6",
        response: *b"n`9eBk9z$R8pOtVb",
    },
    Vector {
        source: "Chromium",
        key1: "388P O503D&ul7 {K%gX( %7  15",
        key2: "1 N ?|k UT0or 3o  4 I97N 5-S3O 31",
        key3: [0x47, 0x30, 0x22, 0x2D, 0x5A, 0x3F, 0x47, 0x58],
        response: *b"0st3Rl&q-2ZU^weu",
    },
    Vector {
        source: "faye",
        key1: "1   38 wZ3f9 23O0 3l 0r",
        key2: "27   0E 6 2  1665:< ;U 1H",
        key3: 0x9125_3ED3_A9E7_6A88_u64.to_be_bytes(),
        response: 0xB49C_6E40_5304_0426_E51B_BF6C_B79F_1DF9_u128.to_be_bytes(),
    },
    Vector {
        source: "pywebsocket, key 3 holds FF",
        key1: "36 7   74 i  92 2'm 9 0G",
        key2: "y  R2 48 Q1O4  e|BV3 i5 1  u- 65",
        key3: 0x01D1_DD3B_D156_63FF_u64.to_be_bytes(),
        response: 0x0B99_FA55_BD01_237B_45A2_F1D0_878A_EEEB_u128.to_be_bytes(),
    },
    Vector {
        source: "Protocol::WebSocket, key 3 holds 00",
        key1: "55 997",
        key2: "3  3  64  98",
        key3: 0x0009_6832_0078_C710_u64.to_be_bytes(),
        response: 0xC415_C2C8_295C_948A_95B9_4DEC_5B1D_33CE_u128.to_be_bytes(),
    },
    Vector {
        source: "cowboy",
        key1: "Y\" 4 1Lj!957b8@0H756!i",
        key2: "1711 M;4\\74  80<6",
        key3: 0x0FF5_0812_02CC_8521_u64.to_be_bytes(),
        response: 0xA9F4_BF67_9221_953B_4A68_4305_6376_ABEC_u128.to_be_bytes(),
    },
    Vector {
        source: "mochiweb",
        key1: "33j284    9  z63 e 9 7",
        key2: "TF'3|6D12659H 7 70",
        key3: 0xAFB5_BFD7_80C3_9078_u64.to_be_bytes(),
        response: 0xE690_ED5E_54D6_2945_F496_86A7_DD67_EFF6_u128.to_be_bytes(),
    },
    Vector {
        source: "sockjs",
        key1: "4 @1  46546xW%0l 1 5",
        key2: "12998 5 Y3 1  .P00",
        key3: *b"aaaaaaaa",
        response: 0xCA34_00D8_A508_4797_2CD5_715A_BABF_437B_u128.to_be_bytes(),
    },
    Vector {
        source: "recorded from Chrome",
        key1: "527z5   [| 2 @1     ? ,566",
        key2: "2  0 l 542 6  9    6 8",
        key3: 0x67EC_C150_84FF_2925_u64.to_be_bytes(),
        response: 0x46F2_6741_32CA_76C9_4EBA_E9A9_6588_ADEC_u128.to_be_bytes(),
    },
];

#[test]
fn c5_c6_keys_give_the_response_of_every_vector() {
    for vector in &VECTORS {
        let part1 = Key::parse(vector.key1.as_bytes()).unwrap().part();
        let part2 = Key::parse(vector.key2.as_bytes()).unwrap().part();
        let challenge = Challenge::new(part1, part2, vector.key3);
        assert_eq!(challenge.response(), vector.response, "{}", vector.source);
        assert_eq!(
            challenge.as_bytes()[..4],
            part1.to_be_bytes(),
            "C5, big-endian"
        );
        assert_eq!(challenge.as_bytes()[8..], vector.key3, "C5");
    }
}

#[test]
fn r8_a_whole_request_is_answered_by_the_response_of_every_vector() {
    for vector in &VECTORS {
        let mut src = BytesMut::from(&request(vector.key1, vector.key2)[..]);
        src.extend_from_slice(&vector.key3);
        let mut dst = BytesMut::new();
        let Ok(Some(Incoming::WebSocket(request))) =
            RequestReader::new(HeadLimits::new()).read(&mut src)
        else {
            panic!("{} is not accepted", vector.source);
        };
        let mut awaiting = request.accept(Accept::new(), &mut dst).unwrap();
        assert!(awaiting.read(&mut src, &mut dst).is_some());
        assert!(
            dst.ends_with(&[b"\r\n\r\n", &vector.response[..]].concat()),
            "{}",
            vector.source
        );
        assert!(src.is_empty());
    }
}

#[test]
fn c4_parts_named_by_the_draft_and_by_other_sources_are_found() {
    let parts = [
        ("18x 6]8vM;54 *(5:  {   U1]8  z [  8", 155_712_099),
        ("1_ tx7X d  <  nw  334J702) 7]o}` 0", 173_347_027),
        ("P388 O503D&ul7 {K%gX( %7  15", 777_007_543),
        ("1 N ?|k UT0or 3o  4 I97N 5-S3O 31", 114_997_259),
        ("3e6b263  4 17 80", 906_585_445),
        ("17  9 G`ZD9   2 2b 7X 3 /r90", 179_922_739),
        ("527z5   [| 2 @1     ? ,566", 0x02DB_C21A),
        ("2  0 l 542 6  9    6 8", 0x0105_36C2),
    ];
    for (key, part) in parts {
        assert_eq!(Key::parse(key.as_bytes()).map(Key::part), Ok(part), "{key}");
    }
}

#[test]
fn c3_the_misultin_keys_with_tabs_are_no_multiples() {
    let keys = ["4j\t  20%  78u0 5y^\t   /7 Lw56", "296324-q\t  { -1S85  6"];
    for key in keys {
        assert_eq!(
            Key::parse(key.as_bytes()),
            Err(KeyError::NotMultiple),
            "{key}"
        );
    }
    let mut src = BytesMut::from(&request(keys[0], keys[1])[..]);
    assert_eq!(
        RequestReader::new(HeadLimits::new()).read(&mut src),
        Err(HandshakeError::Key {
            which: WhichKey::Key1,
            error: KeyError::NotMultiple
        })
    );
}

fn request(key1: &str, key2: &str) -> Vec<u8> {
    format!(
        "GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key2: {key2}\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: {key1}\r\n\r\n"
    )
    .into_bytes()
}
