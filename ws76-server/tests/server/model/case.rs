//! What is generated: the configuration of a server, and what is done to it.

use proptest::{collection::vec, option, prelude::*, sample::select};
use ws76_server::SlowReceiver;

use super::sends::Command;

/// Clients at a time.
pub(crate) const CLIENTS: usize = 6;
/// The longest message; a frame of it fills the sockets' buffers after a few.
pub(crate) const MAX_LEN: usize = 2500;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Unicast,
    TrySend,
    Broadcast,
    SendAll,
    /// Unicast to an id of this number that never was.
    Never,
}

/// A method, the client that it is for or from, and the length of the text.
pub(crate) type Sending = (Method, usize, usize);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Opens a client; when its place is taken, that one has read, and is reset, or closes.
    Open {
        at: usize,
        draft76: bool,
        answers: bool,
    },
    Say {
        at: usize,
        command: Command,
        count: usize,
        len: usize,
    },
    /// Sends of the test, without an await between them.
    Burst(Vec<Sending>),
    /// Sends with turns for the server between them: what the kernel takes leaves the queue.
    Flood {
        count: usize,
        sending: Sending,
    },
    /// Sends of many tasks, and meanwhile a client opens, or the application closes one.
    Storm {
        tasks: Vec<Vec<Sending>>,
        meanwhile: Option<(usize, bool)>,
    },
    Close {
        at: usize,
        then: Vec<Sending>,
    },
    Stop(usize),
    Resume(usize),
    Release(usize),
    ClosingFrame(usize),
    Fin(usize),
    Reset(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) ops: Vec<Op>,
    pub(crate) policy: SlowReceiver,
    pub(crate) max_messages: usize,
    pub(crate) max_len: usize,
    pub(crate) threads: bool,
    pub(crate) graceful: bool,
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 0..40_usize,
        3 => select(vec![500, 990]),
        2 => Just(MAX_LEN),
        1 => Just(MAX_LEN + 1),
    ]
}

fn sending() -> impl Strategy<Value = Sending> {
    let method = prop_oneof![
        4 => Just(Method::Unicast),
        2 => Just(Method::TrySend),
        3 => Just(Method::Broadcast),
        2 => Just(Method::SendAll),
        1 => Just(Method::Never),
    ];
    (method, 0..CLIENTS, len())
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..CLIENTS;
    let command = prop_oneof![
        2 => Just(Command::Say),
        4 => Just(Command::Echo),
        4 => Just(Command::Relay),
        2 => Just(Command::All),
        2 => Just(Command::Hold),
        1 => Just(Command::Close),
        1 => Just(Command::Panic),
    ];
    prop_oneof![
        8 => (at(), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(at, draft76, answers)| Op::Open { at, draft76, answers }),
        6 => (at(), command, 1..4_usize, 0..1200_usize)
            .prop_map(|(at, command, count, len)| Op::Say { at, command, count, len }),
        6 => vec(sending(), 1..12).prop_map(Op::Burst),
        3 => (1..40_usize, sending()).prop_map(|(count, sending)| Op::Flood { count, sending }),
        2 => (vec(vec(sending(), 1..8), 2..4), option::of((at(), any::<bool>())))
            .prop_map(|(tasks, meanwhile)| Op::Storm { tasks, meanwhile }),
        2 => (at(), vec(sending(), 0..3)).prop_map(|(at, then)| Op::Close { at, then }),
        3 => at().prop_map(Op::Stop),
        2 => at().prop_map(Op::Resume),
        2 => at().prop_map(Op::Release),
        1 => at().prop_map(Op::ClosingFrame),
        1 => at().prop_map(Op::Fin),
        1 => at().prop_map(Op::Reset),
    ]
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let policy = select(vec![
        SlowReceiver::Disconnect,
        SlowReceiver::DropNewest,
        SlowReceiver::DropOldest,
    ]);
    let max_len = select(vec![3000, 256 << 10]);
    let rest = (
        policy,
        1..7_usize,
        max_len,
        any::<bool>(),
        prop::bool::weighted(0.7),
    );
    (vec(op(), 1..40), rest).prop_map(
        |(ops, (policy, max_messages, max_len, threads, graceful))| Case {
            ops,
            policy,
            max_messages,
            max_len,
            threads,
            graceful,
        },
    )
}
