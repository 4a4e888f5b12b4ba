//! What became of a send, held against the model of every connection that it was for.

use ws76_server::SendError;

use super::{
    ledger::Kind,
    sends::{Outcome, Record, To},
    world::{World, index},
};

impl World {
    /// Takes in a send that was done: its outcome must be one that the model allows (P2, P3, P7).
    pub(crate) fn take_in(&mut self, record: &Record) {
        let len = record.text.len();
        let policy = !matches!(record.to, To::Try(_));
        let rules = self.rules.clone();
        match (&record.to, record.outcome) {
            (to, Outcome::One(result)) => {
                self.queued += u64::from(result.is_ok());
                let id = match to {
                    To::Try(connection) => connection.id(),
                    To::One(id) | To::But(id) => *id,
                    To::All => unreachable!("for many"),
                };
                let Some(conn) = self.conns.get_mut(index(id.get())) else {
                    assert_eq!(result, Err(SendError::Closed), "an id that never was");
                    return;
                };
                let mut allowed = conn.allowed(&rules, len, policy);
                if allowed.contains(&Kind::Absent) {
                    allowed.push(Kind::Closed);
                }
                let kind = Kind::of(result);
                assert!(allowed.contains(&kind), "{id}: {result:?}, not {allowed:?}");
                conn.settle(&rules, &record.text, &[kind], policy);
            }
            (to, Outcome::Many(delivery)) => {
                self.queued += delivery.queued as u64;
                let source = match to {
                    To::But(id) => id.get(),
                    _ => 0,
                };
                let mut least = [0; 4];
                let mut most = [0; 4];
                for conn in self.conns.iter_mut().filter(|conn| conn.id() != source) {
                    let kinds = conn.allowed(&rules, len, policy);
                    let mut counts: Vec<usize> = kinds.iter().map(|kind| column(*kind)).collect();
                    counts.sort_unstable();
                    counts.dedup();
                    for &column in &counts {
                        most[column] += 1;
                        least[column] += usize::from(counts.len() == 1);
                    }
                    conn.settle(&rules, &record.text, &kinds, policy);
                }
                let got = [delivery.queued, delivery.full, delivery.closed];
                for (at, count) in got.into_iter().enumerate() {
                    assert!(
                        (least[at]..=most[at]).contains(&count),
                        "{delivery:?}, not {least:?} to {most:?}, for {to:?}"
                    );
                }
                let all: usize = got.iter().sum();
                let others = self.conns.iter().filter(|conn| conn.id() != source).count();
                assert!(all + most[3] >= others && all + least[3] <= others);
            }
        }
    }
}

/// Where a [`Delivery`](ws76_server::Delivery) counts it.
const fn column(kind: Kind) -> usize {
    match kind {
        Kind::Queued => 0,
        Kind::Full | Kind::TooLong => 1,
        Kind::Closing | Kind::Closed => 2,
        Kind::Absent => 3,
    }
}
