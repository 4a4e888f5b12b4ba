//! Fuzzes [`ws76_fuzz::server`], or replays files on it.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| ws76_fuzz::server(input));
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    ws76_fuzz::replay(ws76_fuzz::server)
}
