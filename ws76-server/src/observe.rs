//! What the crates `metrics` and `tracing` are told, where the features of these names are on.
//!
//! Without a feature its half is a twin that does nothing and costs nothing. `Counters` is told
//! everything first and passes it on, so that the numbers of [`Stats`](crate::Stats), of the
//! metrics and of the events are the same ones.

#[cfg(feature = "tracing")]
pub(crate) mod events;
#[cfg(not(feature = "tracing"))]
#[path = "observe/no_events.rs"]
pub(crate) mod events;

#[cfg(feature = "metrics")]
mod meters;
#[cfg(not(feature = "metrics"))]
#[path = "observe/no_meters.rs"]
mod meters;

pub(crate) use meters::{FanOut, Meters, Opening};
