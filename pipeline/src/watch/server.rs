//! How are `/metrics`, `/livez` and `/readyz` served over HTTP? By a small server on a thread of
//! its own.
//!
//! Whoever reaches the port can read figures and nothing else, and can change nothing. The bodies
//! of requests are not read. The head of a request has at most [`HEAD_BYTES_MAX`] bytes and must
//! come within [`HEAD_TIME`]. An exchange ends within [`EXCHANGE_TIME`]. At most
//! [`CONNECTIONS_MAX`] connections are open; for one more the oldest is closed, so that nobody who
//! is idle keeps a probe waiting.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
    sync::oneshot,
    task::{AbortHandle, JoinSet},
    time,
};

use super::{Watch, health::Health};

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// The time within which a request's head must have come.
const HEAD_TIME: Duration = Duration::from_secs(2);
/// The time within which an exchange must have ended.
const EXCHANGE_TIME: Duration = Duration::from_secs(10);
/// The most connections that are open at once.
const CONNECTIONS_MAX: usize = 64;
/// How long to wait after the system has refused to accept a connection.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Why the server could not be started.
#[derive(Debug, Error)]
#[error("listen at {listen} for /metrics, /livez and /readyz: {source}")]
pub struct ServeError {
    listen: String,
    source: io::Error,
}

/// A running server. It ends when this value is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Returns the address it listens at. Where port 0 was asked for, this has the port that it
    /// got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Starts a server that listens at `listen` (`address:port`).
///
/// # Errors
/// Fails if that is no address of this machine, or if the port is taken.
pub fn serve(listen: &str, watch: Arc<Watch>) -> Result<Server, ServeError> {
    let failed = |source| ServeError { listen: listen.to_owned(), source };
    let listener = StdListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
    let listener = runtime.block_on(async { TcpListener::from_std(listener) }).map_err(failed)?;
    let (stop, stopped) = oneshot::channel();
    let serve = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = stopped => {}
                () = accept(&listener, &watch) => {}
            }
        });
    };
    let thread = thread::Builder::new().name("weir-watch".to_owned()).spawn(serve).map_err(failed)?;
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
}

/// Accepts connections for ever.
async fn accept(listener: &TcpListener, watch: &Arc<Watch>) {
    let mut open = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        while open.len() >= CONNECTIONS_MAX {
            if let Some(oldest) = oldest_first.pop_front() {
                oldest.abort();
            }
            open.join_next().await;
        }
        oldest_first.retain(|connection| !connection.is_finished());
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => oldest_first.push_back(open.spawn(exchange(stream, Arc::clone(watch)))),
                // Too many files are open, or the peer is gone already.
                Err(_) => time::sleep(ACCEPT_AGAIN_AFTER).await,
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// Serves one connection: one request and its answer.
async fn exchange(stream: TcpStream, watch: Arc<Watch>) {
    let service = service_fn(|request| {
        let answer = answer(&request, &watch);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A peer that breaks off is no problem of ours.
    let _ = time::timeout(EXCHANGE_TIME, connection).await;
}

/// Answers a request.
fn answer(request: &Request<Incoming>, watch: &Arc<Watch>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "expected GET or HEAD\n".to_owned());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let probe = |health: Health| {
        let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        respond(status, JSON, health.json + "\n")
    };
    match request.uri().path() {
        "/metrics" => respond(StatusCode::OK, OPEN_METRICS, watch.exposition()),
        "/livez" => probe(watch.live()),
        "/readyz" => probe(watch.ready()),
        _ => respond(StatusCode::NOT_FOUND, TEXT, "expected /metrics, /livez or /readyz\n".to_owned()),
    }
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
