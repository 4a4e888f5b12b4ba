//! A server with its clients, and the model that is kept in step with it.

use tokio::sync::mpsc;
use ws76_server::{Connection, ConnectionId, Registry, SendError};

use super::{
    ledger::{Cause, Conn, Kind, Rules, Status},
    peer::Peer,
    sends::{Command, Commanded, Gates, Record, To, send},
};

use crate::support::{Client, Seen, Speaks, TestServer, narrow_listener, within};

pub(crate) struct World {
    server: Option<TestServer>,
    pub(crate) registry: Registry,
    pub(crate) rules: Rules,
    records: mpsc::UnboundedReceiver<Record>,
    gates: Gates,
    /// Every connection there ever was; the id is the index plus 1 (P5).
    pub(crate) conns: Vec<Conn>,
    /// Number of the next text.
    next: u64,
    /// Over all connections: what was queued by all sends together.
    pub(crate) queued: u64,
    /// Messages of which nobody knows whether the client had them.
    lost: u64,
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        let (sender, records) = mpsc::unbounded_channel();
        let gates = Gates::default();
        let handler = Commanded {
            records: sender,
            gates: gates.clone(),
        };
        let server = TestServer::on(narrow_listener(), rules.config.clone(), handler);
        Self {
            registry: server.registry.clone(),
            server: Some(server),
            rules,
            records,
            gates,
            conns: Vec::new(),
            next: 0,
            queued: 0,
            lost: 0,
        }
    }

    /// A text that there is only once, of that sender.
    pub(crate) fn text(&mut self, sender: usize, len: usize) -> String {
        self.next += 1;
        let start = format!("{sender}:{}:", self.next);
        format!("{start:x<len$}")
    }

    async fn event(&mut self) -> Seen {
        self.server.as_mut().expect("serves").next().await
    }

    /// Opens a client; returns its index.
    pub(crate) async fn open(&mut self, speaks: Speaks, answers: bool) -> usize {
        let client = Client::connect_narrow(self.server.as_ref().expect("serves").addr).await;
        let client = client.opened(speaks).await;
        let id = self.conns.len() as u64 + 1;
        let connection = loop {
            match self.event().await {
                Seen::Open(open) => {
                    assert_eq!(open, id, "ids count up and never repeat");
                    let all = self.registry.connections();
                    let mut all = all.into_iter();
                    break all.find(|one| one.id().get() == id).expect("registered");
                }
                other => self.note(other),
            }
        };
        let peer = Peer::new(client, answers);
        self.conns.push(Conn::new(connection, speaks, peer));
        self.conns.len() - 1
    }

    /// P4: takes in an event, which must be one that may come now.
    fn note(&mut self, seen: Seen) {
        let at = match seen {
            Seen::Open(id)
            | Seen::Message(id, _)
            | Seen::Binary(id, _)
            | Seen::Error(id, _)
            | Seen::Closed(id, _)
            | Seen::Forbidden(id, _) => index(id),
        };
        let conn = &mut self.conns[at];
        assert_ne!(
            conn.status,
            Status::Closed,
            "{seen:?} after the closed event"
        );
        match seen {
            Seen::Message(id, text) => {
                assert_eq!(Some(&text), conn.sent.get(conn.delivered), "{id} said");
                assert_eq!(conn.error, None, "{id} said something after its error");
                conn.delivered += 1;
            }
            Seen::Error(id, error) => {
                assert_eq!(conn.error.replace(error), None, "{id} had two errors");
            }
            Seen::Closed(_, reason) => {
                conn.reason = Some(reason);
                conn.status = Status::Closed;
                let late = conn.connection.try_send("late");
                assert_eq!(late, Err(SendError::Closed));
                let id = conn.connection.id();
                assert!(self.registry.get(id).is_none(), "closed but registered");
            }
            seen => panic!("{seen:?}"),
        }
    }

    /// Waits for events until that is so of a connection, or it is closed.
    async fn until(&mut self, at: usize, done: impl Fn(&Conn) -> bool) {
        while self.conns[at].status != Status::Closed && !done(&self.conns[at]) {
            let seen = self.event().await;
            self.note(seen);
        }
    }

    /// A send by the test itself.
    pub(crate) fn send(&mut self, to: To, len: usize) {
        let text = self.text(0, len);
        let record = send(&self.registry, to, text);
        self.take_in(&record);
    }

    /// A client says something; what the handler does then is awaited when it can be.
    pub(crate) async fn say(&mut self, at: usize, command: Command, count: usize, len: usize) {
        let texts: Vec<String> = (0..count)
            .map(|_| self.text(0, len))
            .map(|text| command.message(&text))
            .collect();
        self.thaw();
        let conn = &mut self.conns[at];
        conn.peer.as_mut().expect("may send").send(&texts).await;
        conn.sent.extend(texts);
        match command {
            Command::Close => conn.ends(Cause::App, Status::Fuzzy),
            Command::Panic => conn.ends(Cause::Panic, Status::Fuzzy),
            _ => {}
        }
        if conn.held || !conn.reading || conn.status != Status::Open {
            return;
        }
        let mut left = if command.sends() { count } else { 0 };
        while self.conns[at].status != Status::Closed
            && (self.conns[at].delivered < self.conns[at].sent.len() || left > 0)
        {
            let server = self.server.as_mut().expect("serves");
            tokio::select! {
                seen = server.next() => self.note(seen),
                Some(record) = self.records.recv(), if left > 0 => {
                    self.take_in(&record);
                    left -= 1;
                }
            }
        }
        // What was recorded before a closed event.
        while let Ok(record) = self.records.try_recv() {
            self.take_in(&record);
        }
        self.conns[at].held = command == Command::Hold && self.conns[at].status == Status::Open;
    }

    pub(crate) fn release(&mut self, at: usize) {
        if std::mem::take(&mut self.conns[at].held) {
            self.gates.of(self.conns[at].id()).notify_one();
        }
    }

    /// The server may have had a turn: what was in a queue may not be any more.
    pub(crate) fn thaw(&mut self) {
        for conn in &mut self.conns {
            conn.frozen = false;
        }
    }

    /// Waits for all that was set going, and checks what came of it.
    pub(crate) async fn settle(&mut self) {
        self.thaw();
        for at in 0..self.conns.len() {
            let conn = &self.conns[at];
            let slow = conn.causes == [Cause::Slow];
            match conn.status {
                _ if conn.done => {}
                // Its closed event came while another was waited for.
                Status::Closed => self.finish(at).await,
                _ if conn.held && (conn.status != Status::Open || !conn.reading) => {}
                _ if conn.peer.is_none() => self.finish(at).await,
                Status::Ending if slow => self.finish(at).await,
                _ if !conn.reading => {}
                Status::Fuzzy if slow => self.catch_up(at).await,
                Status::Open => self.catch_up(at).await,
                _ => self.finish(at).await,
            }
        }
        // With one thread, what is sent now stays in its queue until the test awaits something.
        for conn in &mut self.conns {
            conn.frozen = self.rules.single && conn.reading && conn.status == Status::Open;
        }
    }

    /// P2: waits for room, queues a last message, and reads up to it.
    async fn catch_up(&mut self, at: usize) {
        if !self.conns[at].held {
            self.until(at, |conn| conn.delivered == conn.sent.len())
                .await;
        }
        let marker = self.text(0, 0);
        let rules = self.rules.clone();
        let conn = &mut self.conns[at];
        let connection = conn.connection.clone();
        let peer = conn.peer.as_mut().expect("reads");
        let (sent, ()) = tokio::join!(
            within("room in a queue", connection.send(&marker)),
            peer.read_until(&marker)
        );
        if sent.is_err() {
            assert_ne!(conn.status, Status::Open, "{}: {sent:?}", conn.id());
            return self.finish(at).await;
        }
        self.queued += 1;
        conn.status = Status::Open;
        conn.causes.clear();
        conn.settle(&rules, &marker, &[Kind::Queued], false);
        let flushed = within("a flush", connection.flush()).await;
        assert_eq!(flushed, Ok(()));
        assert_eq!(connection.queued(), 0, "{}: flushed and read", conn.id());
        self.lost += conn.check();
    }

    /// Waits for the end of a connection.
    async fn finish(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        let slow = conn.causes == [Cause::Slow];
        match &mut conn.peer {
            // Whoever is disconnected because it does not read need not read for that.
            Some(peer) if !slow => peer.read_to_end().await,
            _ => {}
        }
        self.until(at, |_| false).await;
        let conn = &mut self.conns[at];
        if let Some(peer) = &mut conn.peer {
            peer.read_to_end().await;
        }
        self.lost += conn.check();
        conn.check_reason();
        conn.check_end();
        conn.peer = None;
        conn.done = true;
    }

    /// P8, P4, P5: shuts down in good order, or by dropping the server, whatever is going on; then
    /// the accounts of all connections must be even.
    pub(crate) async fn end(mut self, graceful: bool) {
        let mut server = self.server.take().expect("once");
        let cause = if graceful {
            Cause::Shutdown
        } else {
            Cause::Abort
        };
        let open = (0..self.conns.len()).filter(|at| !self.conns[*at].done);
        let open: Vec<usize> = open.collect();
        for &at in &open {
            if self.conns[at].status != Status::Closed {
                self.conns[at].ends(cause, Status::Fuzzy);
            }
            self.conns[at].reading = true;
        }
        if graceful {
            server.shut_down();
            self.server = Some(server);
            for &at in &open {
                self.release(at);
            }
            for &at in &open {
                self.finish(at).await;
            }
            server = self.server.take().expect("still there");
            assert_eq!(
                server.ended().await,
                [],
                "events after the last closed event"
            );
        } else {
            let peers: Vec<_> = open
                .iter()
                .filter_map(|&at| Some((at, self.conns[at].peer.take()?)))
                .map(|(at, peer)| (at, tokio::spawn(peer.hang_up())))
                .collect();
            for seen in server.dropped().await {
                self.note(seen);
            }
            for (at, peer) in peers {
                self.conns[at].peer = Some(within("a client", peer).await.expect("no panic"));
            }
            for &at in &open {
                self.lost += self.conns[at].check();
                self.conns[at].check_reason();
            }
        }
        let mut sum = 0;
        for conn in &self.conns {
            assert_eq!(
                conn.status,
                Status::Closed,
                "{}: no closed event",
                conn.id()
            );
            assert_eq!(conn.connection.queued(), 0);
            sum += conn.received + conn.connection.dropped();
        }
        assert!(sum <= self.queued);
        assert!(
            sum + self.lost >= self.queued,
            "{} queued, {sum} accounted for",
            self.queued
        );
    }

    /// Checks that what is in the registry is what the model says.
    pub(crate) fn check_registry(&self) {
        let mut ids: Vec<u64> = self
            .registry
            .connections()
            .iter()
            .map(|one| one.id().get())
            .collect();
        ids.sort_unstable();
        let open = |status| self.conns.iter().filter(move |conn| conn.status == status);
        for conn in open(Status::Open).chain(open(Status::Closing)) {
            assert!(ids.contains(&conn.id()), "{} is not registered", conn.id());
        }
        for conn in open(Status::Closed) {
            assert!(!ids.contains(&conn.id()), "{} is registered", conn.id());
        }
        assert!(ids.len() <= self.conns.len());
    }

    pub(crate) fn target(&self, at: usize) -> (ConnectionId, Connection) {
        let connection = &self.conns[at].connection;
        (connection.id(), connection.clone())
    }
}

pub(crate) fn index(id: u64) -> usize {
    usize::try_from(id).expect("ids are small") - 1
}
