//! Every case against `ws76-server`, over TCP: whole, byte by byte, and at cuts.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tokio::{net::TcpListener, runtime::Runtime};
use ws76_conform::{Case, Cuts, Suite, Target, Verdict, run_tcp};
use ws76_server::{Connection, Decision, Handler, Request, Server, Subprotocol, Text};

struct Echo;

impl Handler for Echo {
    async fn on_request(&self, request: &Request) -> Decision {
        match request.subprotocols().next().map(Subprotocol::try_from) {
            Some(Ok(first)) => Decision::accept().with_subprotocol(first),
            _ => Decision::accept(),
        }
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        connection.send(text).await.ok();
    }
}

#[test]
fn every_case_is_kept_by_the_server_however_it_is_cut() {
    let runtime = Runtime::new().unwrap();
    let target = Target::new(serve(&runtime));
    let suite = Suite::builtin().unwrap();
    let cases: Vec<&Case> = suite
        .cases()
        .iter()
        .filter(|case| !case.is_pure())
        .collect();
    let next = AtomicUsize::new(0);
    let failures: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                failures.extend(failure(case, &target));
            }
            failures
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        let failures = threads.into_iter().map(|thread| thread.join().unwrap());
        failures.flatten().collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_whole_run_says_that_all_is_kept() {
    let runtime = Runtime::new().unwrap();
    let target = Target::new(serve(&runtime));
    let suite = Suite::builtin().unwrap();
    let mut ran = 0;
    let report = suite
        .run(&target, Cuts::None, None, |at, _, _| ran = at)
        .unwrap();
    assert!(report.is_kept(true), "{}", report.display(true));
    assert_eq!(report.cases.len(), ran);
    let of_one = suite
        .run(&target, Cuts::None, Some("X1"), |_, _, _| {})
        .unwrap();
    assert!((5..ran).contains(&of_one.cases.len()));
}

#[test]
fn a_server_that_dies_is_reported_by_the_name_of_the_case() {
    let runtime = Runtime::new().unwrap();
    let target = Target::new(serve(&runtime));
    let mut runtime = Some(runtime);
    let suite = Suite::builtin().unwrap();
    let mut name = String::new();
    let report = suite.run(&target, Cuts::None, Some("X1"), |at, _, case| {
        if at == 3 {
            name = case.name().to_owned();
            drop(runtime.take());
        }
    });
    let report = report.unwrap();
    assert_eq!(report.gone_after, Some(name));
    assert!(!report.is_kept(false));
    assert!(report.display(false).to_string().contains("no good client"));
}

#[test]
fn without_a_server_there_is_no_report() {
    let suite = Suite::builtin().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(closed.local_addr().unwrap());
    drop(closed);
    assert!(suite.run(&target, Cuts::None, None, |_, _, _| {}).is_err());
}

fn failure(case: &Case, target: &Target) -> Option<String> {
    match run_tcp(case, target, Cuts::Some).unwrap() {
        Verdict::Kept => None,
        other => Some(format!("{}: {}: {other:?}", case.subject(), case.name())),
    }
}

/// An echo server on a free port, for as long as the runtime lives.
fn serve(runtime: &Runtime) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let addr = listener.local_addr().unwrap();
    runtime.spawn(async { Server::new(listener).serve(Echo).await });
    addr
}

/// Connections at a time.
const CONNECTIONS: usize = 8;
