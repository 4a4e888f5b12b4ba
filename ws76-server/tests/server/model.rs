//! A model test of the registry and of connection life: generated sequences of what clients, the
//! application and the handler do, on a real server over real sockets, in step with a model of
//! plain vectors that knows what may come of it.
//!
//! What is equal and what is bounded:
//!
//! - With one thread, nothing moves between two sends without an await, so the outcome of each send
//!   to a client that has read everything is known, and so is what it receives. With two threads,
//!   an outcome is known as long as the queue must have room; otherwise `Full` is allowed as well.
//! - Ok = received + dropped, exactly, for every connection whose client reads to the end. After a
//!   RST of the client, or an abort of the server, what the kernel had taken is lost without a
//!   trace: Ok >= received + dropped.
//!
//! `PROPTEST_CASES` raises the count of cases.

mod case;
mod ledger;
mod outcomes;
mod peer;
mod sends;
mod world;

use std::{sync::OnceLock, time::Duration};

use case::{CLIENTS, Case, MAX_LEN, Method, Op, Sending, case};
use ledger::{Cause, MOST_BESIDE, Rules, Status};
use proptest::prelude::*;
use sends::{Command, Record, To, send};
use world::World;
use ws76_server::{Config, ConnectionId};

use crate::support::{BOTH, Client, Quiet, TestServer, settle, within};

impl Case {
    /// The limits of the queue are small; nothing is ever due.
    fn config(&self) -> Config {
        let never = Duration::from_secs(3600);
        Config::new()
            .with_slow_receiver(self.policy)
            .with_max_queued_messages(self.max_messages)
            .with_max_queued_len(self.max_len)
            .with_max_message_len(MAX_LEN)
            .with_handshake_timeout(never)
            .with_closing_timeout(never)
            .with_idle_timeout(never)
            .with_ping_interval(never)
            .with_pong_timeout(never)
            .with_write_timeout(never)
            .with_shutdown_timeout(never)
    }

    fn run(self) {
        let never = never_existing();
        let mut builder = if self.threads {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let whole = async {
            let rules = Rules {
                config: self.config(),
                single: !self.threads,
                slack: (0, 0),
            };
            let mut run = Run {
                world: World::new(rules),
                places: [None; CLIENTS],
                never,
            };
            for op in self.ops {
                run.step(op).await;
                run.world.settle().await;
                run.world.check_registry();
            }
            run.world.end(self.graceful).await;
        };
        // Turns a hang into a failure; nothing is measured by it.
        let guard = Duration::from_secs(60);
        let done = runtime.block_on(async { tokio::time::timeout(guard, whole).await });
        done.expect("something that should come never came");
    }
}

/// An id of a server that had more connections than any of a case.
fn never_existing() -> ConnectionId {
    static ID: OnceLock<ConnectionId> = OnceLock::new();
    *ID.get_or_init(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let mut server = TestServer::start(Quiet).await;
            for id in 1..100 {
                Client::open(server.addr, BOTH[0]).await;
                server.opened(id).await;
                server.closed().await;
            }
            let _client = Client::open(server.addr, BOTH[0]).await;
            server.opened(100).await.id()
        })
    })
}

/// A case under way.
struct Run {
    world: World,
    /// The connection of each client, by its index in the world.
    places: [Option<usize>; CLIENTS],
    never: ConnectionId,
}

impl Run {
    /// For whom a send is; none for a client that was never there.
    fn to(&self, (method, at, _): Sending) -> Option<To> {
        let target = || self.places[at].map(|at| self.world.target(at));
        Some(match method {
            Method::Unicast => To::One(target()?.0),
            Method::TrySend => To::Try(target()?.1),
            Method::Broadcast => To::But(target().map_or(self.never, |(id, _)| id)),
            Method::SendAll => To::All,
            Method::Never => To::One(self.never),
        })
    }

    fn send(&mut self, sending: Sending) {
        if let Some(to) = self.to(sending) {
            self.world.send(to, sending.2);
        }
    }

    /// The client there, if it has a connection of which the handler was not told that it closed.
    fn live(&self, at: usize) -> Option<usize> {
        let live = |at: &usize| {
            let conn = &self.world.conns[*at];
            conn.status != Status::Closed && conn.peer.is_some()
        };
        self.places[at].filter(live)
    }

    /// As [`Self::live`], when the client may still send.
    fn speaker(&self, at: usize) -> Option<usize> {
        let peer = |at: usize| self.world.conns[at].peer.as_ref();
        self.live(at)
            .filter(|at| peer(*at).is_some_and(|peer| peer.may_send()))
    }

    async fn step(&mut self, op: Op) {
        match op {
            Op::Open {
                at,
                draft76,
                answers,
            } if self.live(at).is_none() => {
                let speaks = if draft76 {
                    BOTH[0]
                } else {
                    BOTH[BOTH.len() - 1]
                };
                self.places[at] = Some(self.world.open(speaks, answers).await);
            }
            Op::Say {
                at,
                command,
                count,
                len,
            } => {
                let Some(at) = self.speaker(at) else { return };
                let conn = &self.world.conns[at];
                let blocked = conn.held || !conn.reading || conn.status != Status::Open;
                let once = matches!(command, Command::Hold | Command::Close | Command::Panic);
                if !blocked || !(command.sends() || command == Command::Hold) {
                    let count = if once { 1 } else { count };
                    self.world.say(at, command, count, len).await;
                }
            }
            Op::Burst(sendings) => sendings.into_iter().for_each(|one| self.send(one)),
            Op::Flood { count, sending } => {
                for _ in 0..count {
                    self.send(sending);
                    self.world.thaw();
                    settle().await;
                }
            }
            Op::Storm { tasks, meanwhile } => self.storm(tasks, meanwhile).await,
            Op::Close { at, then } => {
                let Some(at) = self.places[at] else { return };
                self.close(at);
                then.into_iter().for_each(|one| self.send(one));
            }
            Op::Stop(at) => {
                if let Some(at) = self.live(at) {
                    self.world.conns[at].reading = false;
                }
            }
            Op::Resume(at) => {
                if let Some(at) = self.live(at) {
                    self.world.conns[at].reading = true;
                }
            }
            Op::Release(at) => {
                if let Some(at) = self.live(at) {
                    self.world.release(at);
                }
            }
            Op::ClosingFrame(at) => self.end_by(at, Cause::Peer).await,
            Op::Fin(at) => self.end_by(at, Cause::Fin).await,
            Op::Reset(at) => {
                let Some(at) = self.live(at) else { return };
                let conn = &mut self.world.conns[at];
                conn.ends(Cause::Reset, Status::Fuzzy);
                conn.reset();
            }
            Op::Open { .. } => {}
        }
    }

    /// The application closes, which does nothing to a connection that has closed.
    fn close(&mut self, at: usize) {
        let conn = &mut self.world.conns[at];
        conn.connection.close();
        match conn.status {
            Status::Open => conn.ends(Cause::App, Status::Closing),
            Status::Fuzzy => conn.ends(Cause::App, Status::Ending),
            _ => {}
        }
    }

    /// The client ends the connection in good order.
    async fn end_by(&mut self, at: usize, cause: Cause) {
        let Some(at) = self.speaker(at) else { return };
        let conn = &mut self.world.conns[at];
        conn.ends(cause, Status::Fuzzy);
        let peer = conn.peer.as_mut().expect("a speaker");
        match cause {
            Cause::Peer => peer.send_closing().await,
            _ => peer.finish().await,
        }
    }

    async fn storm(&mut self, tasks: Vec<Vec<Sending>>, meanwhile: Option<(usize, bool)>) {
        let mut slack = (0, 0);
        let mut running = Vec::new();
        for (sender, sendings) in (1..).zip(tasks) {
            let mut texts = Vec::new();
            for sending in sendings {
                let Some(to) = self.to(sending) else { continue };
                let text = self.world.text(sender, sending.2);
                slack = (slack.0 + 1, slack.1 + text.len() + MOST_BESIDE);
                texts.push((to, text));
            }
            let registry = self.world.registry.clone();
            running.push(tokio::spawn(async move {
                let mut records: Vec<Record> = Vec::new();
                for (to, text) in texts {
                    records.push(send(&registry, to, text));
                    tokio::task::yield_now().await;
                }
                records
            }));
        }
        self.world.thaw();
        let mut newcomer = None;
        let mut closing = None;
        match meanwhile {
            Some((at, true)) if self.live(at).is_none() => {
                let opened = self.world.open(BOTH[at % BOTH.len()], true).await;
                self.places[at] = Some(opened);
                newcomer = Some(opened);
                self.world.conns[opened].status = Status::Fuzzy;
            }
            Some((at, false)) => {
                closing = self.live(at);
                if let Some(at) = closing {
                    self.close(at);
                }
            }
            _ => {}
        }
        let before = closing.map(|at| self.world.conns[at].status);
        if let Some(at) = closing {
            self.world.conns[at].status = Status::Fuzzy;
        }
        self.world.rules.slack = slack;
        for task in running {
            for record in within("senders", task).await.expect("no panic") {
                self.world.take_in(&record);
            }
        }
        self.world.rules.slack = (0, 0);
        if let Some(at) = newcomer {
            self.world.conns[at].greeted();
        }
        if let (Some(at), Some(status)) = (closing, before) {
            let conn = &mut self.world.conns[at];
            conn.status = match status {
                Status::Closing if conn.causes.contains(&Cause::Slow) => Status::Ending,
                status => status,
            };
        }
    }
}

fn config() -> ProptestConfig {
    let raised = std::env::var_os("PROPTEST_CASES").is_some();
    let mut config = ProptestConfig::default();
    if !raised {
        config.cases = 64;
    }
    config.failure_persistence = None;
    config.max_shrink_iters = 100;
    config
}

proptest! {
    #![proptest_config(config())]

    /// P1 to P7, with the exact accounting; the end also P8.
    #[test]
    fn server_does_what_the_model_says(case in case()) {
        case.run();
    }
}
