//! The conformance suite for servers of WebSocket draft-76 (hixie-76, hybi-00).
//!
//! The cases are data, in `cases/*.toml`: what is sent, and what may come back, each with the ids
//! of the clauses of the draft ([`CLAUSES`]) or the threats ([`THREATS`]) that it is about. One
//! harness holds the conversations, with bytes handed over whole, one by one, and in two pieces cut
//! at each place:
//!
//! - [`run_pure`] against an echo server made of `ws76-codec` and `ws76-handshake`, in memory;
//! - [`run_tcp`] and [`Suite::run`] against any server that echoes, in blocking I/O on threads.
//!
//! `ws76 conform HOST:PORT` of the crate `ws76-examples` does the latter from a shell. README.md
//! says how a case is written.
//!
//! Most cases have two expectations, as the draft leaves much open: what this project does
//! (`ours`), and what a server may do without breaking the draft (`anybody`). [`Verdict::Differs`]
//! is between them.
//!
//! ```no_run
//! use ws76_conform::{Cuts, Suite, Target};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut target = Target::new("127.0.0.1:9000".parse()?);
//! target.path = "/echo".to_owned();
//! let report = Suite::builtin()?.run(&target, Cuts::Some, None, |_, _, _| {})?;
//! println!("{}", report.display(false));
//! # Ok(())
//! # }
//! ```
//!
//! Over TCP nobody can make a cut arrive as it was made: the harness turns Nagle's algorithm off
//! and lets [`Target::pause`] go by between two pieces. Where a case depends on a cut it waits for
//! an answer to the bytes before it instead.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod case;
mod clauses;
mod conversation;
mod observed;
mod outcome;
mod pure;
mod report;
mod request;
mod suite;
mod tcp;
mod template;

pub use case::{Case, CaseError};
pub use clauses::{CLAUSES, Clause, THREATS};
pub use conversation::{Difference, Feeding, Verdict};
pub use report::{CaseResult, Line, Report, Tally};
pub use suite::{Cuts, Suite, run_pure, run_tcp};
pub use tcp::Target;
