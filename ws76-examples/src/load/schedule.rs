//! The course of a load test: open, settle, warm up, measure, drain, see that it is quiet, close.

use std::{
    cell::RefCell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    signal,
    task::{JoinSet, LocalSet},
};

use super::{
    Args, Scenario,
    broadcast::{self, Deliveries},
    closing, connect,
    connection::Connection,
    echo,
    error::LoadError,
    live::{Live, Phase},
    opening::Opener,
    process::Process,
    report::{Latency, Load, Report, Server},
    run::{Counts, Run},
};

/// Runs the whole test.
///
/// # Errors
///
/// What could not be done, or the first byte that was wrong.
pub(super) async fn run(
    args: &Args,
    opener: Opener,
    server: Option<Process>,
) -> Result<Report, LoadError> {
    let test = Test {
        args,
        opener: Rc::new(opener),
        run: Rc::new(Run::new(args.traffic(), args.in_flight)),
        server,
        own: Process::own(),
        tasks: JoinSet::new(),
        live: Live::new(),
        interrupt: interrupt(),
        last: (Counts::default(), Instant::now()),
    };
    LocalSet::new().run_until(test.run()).await
}

struct Test<'a> {
    args: &'a Args,
    opener: Rc<Opener>,
    run: Rc<Run>,
    server: Option<Process>,
    own: Option<Process>,
    /// Each goes on for ever, or fails.
    tasks: JoinSet<Result<Infallible, LoadError>>,
    live: Live,
    /// Somebody presses Ctrl-C.
    interrupt: Pin<Box<dyn Future<Output = ()>>>,
    /// When the counts changed last.
    last: (Counts, Instant),
}

/// Figures at one moment.
struct Moment {
    at: Instant,
    counts: Counts,
    own: Option<Duration>,
    server: Option<Duration>,
}

impl Test<'_> {
    async fn run(mut self) -> Result<Report, LoadError> {
        let memory = |server: &Option<Process>| server.as_ref().and_then(Process::memory);
        let memory_before = memory(&self.server);
        let connections = self.open().await?;
        let memory_idle = match self.args.scenario {
            Scenario::Connect => None,
            _ => {
                self.settle(connections.len()).await?;
                memory(&self.server)
            }
        };
        self.spawn(&connections);
        self.pause(Phase::WarmUp, self.args.warm_up).await?;
        self.run.take_latency();
        let begin = self.moment();
        match self.pause(Phase::Window, self.args.duration).await {
            Err(LoadError::Interrupted) => self.interrupt = interrupt(),
            paused => paused?,
        }
        let end = self.moment();
        let latency = Latency::of(&self.run.take_latency());
        self.run.is_draining.set(true);
        self.drain().await?;
        self.pause(Phase::Quiet, QUIET).await?;
        self.tasks.shutdown().await;
        let count = connections.len();
        closing::close(self.args.protocol, connections).await?;

        let seconds = (end.at - begin.at).as_secs_f64();
        let messages = end.counts.messages - begin.counts.messages;
        let cpu_time =
            |begin: Option<Duration>, end: Option<Duration>| Some(end?.saturating_sub(begin?));
        Ok(Report {
            scenario: self.args.scenario,
            protocol: self.args.protocol,
            connections: self.args.connections,
            in_flight: self.args.in_flight,
            len: self.args.len,
            text: self.args.text,
            seconds,
            messages,
            messages_per_second: messages as f64 / seconds,
            bytes_in: end.counts.bytes_in - begin.counts.bytes_in,
            bytes_out: end.counts.bytes_out - begin.counts.bytes_out,
            latency_us: latency,
            load: Load::new(cpu_time(begin.own, end.own), seconds),
            server: self.server.as_ref().map(|_| {
                let memory = (memory_before, memory_idle);
                let cpu_time = cpu_time(begin.server, end.server);
                Server::new(cpu_time, messages, memory, count)
            }),
        })
    }

    /// The connections that stay, the source first.
    async fn open(&mut self) -> Result<Vec<Rc<RefCell<Connection>>>, LoadError> {
        let count = self.args.staying();
        let opening = Rc::clone(&self.opener).open_all(Rc::clone(&self.run), count);
        let mut opening = std::pin::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => {
                    let shared = |connection| Rc::new(RefCell::new(connection));
                    return Ok(opened?.into_iter().map(shared).collect());
                }
                () = &mut self.interrupt => return Err(LoadError::Interrupted),
                () = tokio::time::sleep(TICK) => self.live.show(Phase::Opening, &self.run),
            }
        }
    }

    /// Gives the server time to take all connections in: until it has nothing to do, if it is
    /// known.
    async fn settle(&mut self, connections: usize) -> Result<(), LoadError> {
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        let pause = SETTLE + SETTLE_EACH * connections;
        self.pause(Phase::Settling, pause).await?;
        let cpu_time = |server: &Option<Process>| server.as_ref().and_then(Process::cpu_time);
        for _ in 0..MOST_PAUSES {
            let Some(before) = cpu_time(&self.server) else {
                break;
            };
            self.pause(Phase::Settling, SETTLE).await?;
            let after = cpu_time(&self.server);
            if after.is_none_or(|after| after.saturating_sub(before) < IDLE) {
                break;
            }
        }
        Ok(())
    }

    fn spawn(&mut self, connections: &[Rc<RefCell<Connection>>]) {
        let run = || Rc::clone(&self.run);
        let tasks = &mut self.tasks;
        match self.args.scenario {
            Scenario::Echo => {
                self.run.waiting.set(connections.len());
                for connection in connections {
                    tasks.spawn_local(echo::echo(run(), Rc::clone(connection)));
                }
            }
            Scenario::Idle => {
                for connection in connections {
                    tasks.spawn_local(echo::idle(run(), Rc::clone(connection)));
                }
            }
            Scenario::Broadcast => {
                self.run.waiting.set(1);
                let deliveries = Deliveries::new(self.args.connections, self.args.in_flight);
                let deliveries = Rc::new(RefCell::new(deliveries));
                let shared = || Rc::clone(&deliveries);
                let Some((source, receivers)) = connections.split_first() else {
                    return;
                };
                for receiver in receivers {
                    tasks.spawn_local(broadcast::receiver(run(), shared(), Rc::clone(receiver)));
                }
                tasks.spawn_local(broadcast::source(run(), shared(), Rc::clone(source)));
            }
            Scenario::Connect => {
                self.run.waiting.set(self.args.connections);
                for index in 0..self.args.connections {
                    let opener = Rc::clone(&self.opener);
                    tasks.spawn_local(connect::connect(run(), opener, index));
                }
            }
        }
    }

    /// Everything that is under way comes in.
    async fn drain(&mut self) -> Result<(), LoadError> {
        while self.run.waiting.get() > 0 {
            self.tick(Phase::Draining, Instant::now() + TICK).await?;
        }
        Ok(())
    }

    async fn pause(&mut self, phase: Phase, time: Duration) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        self.last = (self.run.counts(), Instant::now());
        while Instant::now() < end {
            self.tick(phase, end).await?;
        }
        Ok(())
    }

    /// Waits a little, at most until `end`.
    async fn tick(&mut self, phase: Phase, end: Instant) -> Result<(), LoadError> {
        let until = end.min(Instant::now() + TICK);
        tokio::select! {
            biased;
            Some(ended) = self.tasks.join_next() => {
                let Err(error) = ended.map_err(|error| LoadError::Internal(error.into()))?;
                return Err(error);
            }
            () = &mut self.interrupt => return Err(LoadError::Interrupted),
            () = tokio::time::sleep_until(until.into()) => {}
        }
        self.live.show(phase, &self.run);
        let counts = self.run.counts();
        let moves = self.args.scenario != Scenario::Idle && phase.moves();
        if counts != self.last.0 || !moves {
            self.last = (counts, Instant::now());
        }
        match self.last.1.elapsed() < self.args.timeout {
            true => Ok(()),
            false => Err(LoadError::Stalled(self.args.timeout)),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            at: Instant::now(),
            counts: self.run.counts(),
            own: self.own.as_ref().and_then(Process::cpu_time),
            server: self.server.as_ref().and_then(Process::cpu_time),
        }
    }
}

/// Ready when somebody presses Ctrl-C from now on.
fn interrupt() -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// Between two looks at how far it is.
const TICK: Duration = Duration::from_millis(20);
/// For a server to have taken in what was opened, and what of it for each connection.
const SETTLE: Duration = Duration::from_millis(100);
const SETTLE_EACH: Duration = Duration::from_micros(50);
/// CPU time that a server may use in one pause and count as idle.
const IDLE: Duration = Duration::from_millis(1);
const MOST_PAUSES: usize = 20;
/// For what may come at the end and should not.
const QUIET: Duration = Duration::from_millis(100);
