//! What must hold for any bytes: the properties of `ws76-codec`, `ws76-handshake` and `ws76-server`.
//!
//! Each property is a function of one input, through public API only, and panics when it does not
//! hold. `fuzz_targets/` hands them to libFuzzer; `tests/seeds.rs` runs them over `seeds/` on
//! stable Rust. What is compared against is in modules that share nothing with the crates:
//! `naive` (frames, UTF-8, MD5) and `strict` (heads).
//!
//! An input begins with a few bytes of settings (limits, policies, cuts), read by `arbitrary`;
//! zeros stand for what is not there. The rest are bytes of the wire as they are, so that a seed
//! can be read and a finding can be pasted.

use std::path::PathBuf;
use std::{env, fs, io};

use arbitrary::{Arbitrary, Unstructured};

mod client;
mod frames;
mod head;
mod key;
mod naive;
mod reply;
mod server;
mod strict;

pub use crate::client::client;
pub use crate::frames::{bounded, chunked, decode, text_roundtrip};
pub use crate::head::handshake;
pub use crate::key::challenge;
pub use crate::reply::reply;
pub use crate::server::server;

/// What has to hold for an input; panics when it does not.
pub type Property = fn(&[u8]);

/// The names of all properties, which are those of the fuzz targets and of the seed folders.
pub const PROPERTIES: [(&str, Property); 9] = [
    ("decode", decode),
    ("chunked", chunked),
    ("text_roundtrip", text_roundtrip),
    ("bounded", bounded),
    ("handshake", handshake),
    ("challenge", challenge),
    ("reply", reply),
    ("client", client),
    ("server", server),
];

/// Runs a property over the files named on the command line: a finding, without a fuzzer.
///
/// # Errors
///
/// When a file cannot be read.
pub fn replay(property: Property) -> io::Result<()> {
    for path in env::args_os().skip(1).map(PathBuf::from) {
        property(&fs::read(&path)?);
        println!("{}: holds", path.display());
    }
    Ok(())
}

/// Where to cut: the lengths of the chunks, over and over. A zero stands for all that is left.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Cuts([u8; 4]);

impl Cuts {
    fn chunks(self, mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut chunks = Vec::new();
        for len in self.0.into_iter().cycle() {
            let len = match usize::from(len) {
                0 => bytes.len(),
                len => len.min(bytes.len()),
            };
            let (chunk, rest) = bytes.split_at(len);
            chunks.push(chunk);
            bytes = rest;
            if bytes.is_empty() {
                break;
            }
        }
        chunks
    }
}

/// Takes the settings off the front of an input; the rest is for the wire.
fn split_settings<'a, S: Arbitrary<'a>>(input: &'a [u8]) -> (S, &'a [u8]) {
    let mut input = Unstructured::new(input);
    let settings = input
        .arbitrary()
        .expect("settings of fixed length can be read from any bytes");
    (settings, input.take_rest())
}

/// The pieces of an input between the bytes 0x1E, which stand for nothing else.
fn pieces<const N: usize>(wire: &[u8]) -> [Option<&[u8]>; N] {
    let mut pieces = wire.splitn(N, |&byte| byte == 0x1e);
    [(); N].map(|()| pieces.next())
}
