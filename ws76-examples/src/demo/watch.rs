//! What tells others how the server does: the log, `/health` and `/metrics`.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::LevelFilter;
use ws76_server::{FieldValue, Head, Response, Status};

use crate::settings::{Log, MetricsFor};

/// What `/health` and `/metrics` answer.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    draining: AtomicBool,
    metrics: Option<(PrometheusHandle, MetricsFor)>,
}

impl Watch {
    /// Measures from now on, unless nobody may know. To be made before the server.
    pub(crate) fn new(metrics: MetricsFor) -> Result<Self, String> {
        if metrics == MetricsFor::Nobody {
            return Ok(Self::default());
        }
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())?;
        let upkeep = handle.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(UPKEEP);
            loop {
                interval.tick().await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self {
            draining: AtomicBool::new(false),
            metrics: Some((handle, metrics)),
        })
    }

    #[cfg(test)]
    pub(crate) fn show_to(&mut self, whom: MetricsFor) {
        self.metrics.as_mut().unwrap().1 = whom;
    }

    /// `/health` says 503 from now on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> Response {
        if self.draining.load(Ordering::Relaxed) {
            text(Status::SERVICE_UNAVAILABLE, "draining\n")
        } else {
            text(Status::OK, "ok\n")
        }
    }

    /// The numbers, for those who may see them; others learn nothing.
    pub(crate) fn metrics(&self, head: &Head, peer: Option<SocketAddr>) -> Option<Response> {
        let (handle, whom) = self.metrics.as_ref()?;
        // A proxy on this machine that is not trusted is the peer itself, and one that is may pass on
        // what a client says: whoever it is for is elsewhere, or could as well ask directly.
        let through_proxy = PROXY_FIELDS
            .iter()
            .any(|name| head.fields_named(name).next().is_some());
        let local =
            peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) && !through_proxy;
        if *whom == MetricsFor::Loopback && !local {
            return None;
        }
        let response = Response::new(Status::OK).with_body(handle.render());
        Some(of_kind(
            response,
            "text/plain; version=0.0.4; charset=utf-8",
        ))
    }
}

/// Tells on standard error what happens, from that level on.
pub(crate) fn log(level: Log) {
    let level = match level {
        Log::Off => LevelFilter::OFF,
        Log::Error => LevelFilter::ERROR,
        Log::Warn => LevelFilter::WARN,
        Log::Info => LevelFilter::INFO,
        Log::Debug => LevelFilter::DEBUG,
        Log::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
}

/// A response of that text.
pub(crate) fn text(status: Status, body: &'static str) -> Response {
    of_kind(
        Response::new(status).with_body(body),
        "text/plain; charset=utf-8",
    )
}

pub(crate) fn of_kind(response: Response, kind: &str) -> Response {
    match FieldValue::try_from(kind) {
        Ok(kind) => response.with_content_type(kind),
        Err(_) => response,
    }
}

/// From a broadcast to a few up to the timeout of a handshake, in seconds.
const BUCKETS: &[f64] = &[
    0.000_01, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0,
];
/// What proxies add to a request.
const PROXY_FIELDS: &[&str] = &["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"];
/// Samples of histograms pile up in between.
const UPKEEP: Duration = Duration::from_secs(5);
