//! The simulated AWS over TCP, so that the AWS CLI and any other client can look at it too.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::Sim;
use super::wire::{Answer, ConnectionFault, EVENT_STREAM, answer};

/// The port that a client means who names none.
const HTTPS: u16 = 443;

/// Bytes of a request body that are read at most.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// How to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// Whether others than this machine may be served. The simulated AWS checks nobody's credentials.
    pub allow_non_loopback: bool,
}

/// Why the simulated AWS does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is not of this machine alone.
    #[error(
        "{0} is reachable by other machines, and the simulated AWS checks no credentials: listen on 127.0.0.1, or \
         allow it explicitly"
    )]
    NotLoopback(SocketAddr),
    /// Something else listens there.
    #[error("{0} is in use: choose another port, or 0 for any free one")]
    InUse(SocketAddr),
    /// The operating system refuses the address.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address asked for.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;
/// Turns true when the server is to stop.
type Stopping = watch::Receiver<bool>;

/// A listening simulated AWS. It stops when this is dropped, abruptly, or by [`Listening::stop`], gracefully.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Where it listens; the port is the real one also when any was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets the requests under way finish, and closes live tails.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task ends by itself; it can only fail by panicking, which the runtime has reported already.
        _ = (&mut self.accepting).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves the simulated AWS on an address.
pub async fn listen(sim: Sim, address: SocketAddr, options: ListenOptions) -> Result<Listening, ListenError> {
    if !address.ip().is_loopback() && !options.allow_non_loopback {
        return Err(ListenError::NotLoopback(address));
    }
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse(address),
        _ => ListenError::Refused { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let (stop, stopping) = watch::channel(false);
    let accepting = tokio::spawn(accept(sim, listener, stopping));
    Ok(Listening { address, stop, accepting })
}

async fn accept(sim: Sim, listener: TcpListener, stopping: Stopping) {
    let mut stop = std::pin::pin!(stopped(stopping.clone()));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.as_mut() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(sim.clone(), TokioIo::new(stream), stopping.clone()));
                }
                // Out of descriptors or a client that hung up: the next one may do better, a little later.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Returns once the server is to stop, or is gone.
async fn stopped(mut stopping: Stopping) {
    // An error means that the sender is gone, which is a stop as well.
    _ = stopping.wait_for(|&stop| stop).await;
}

async fn serve(sim: Sim, io: TokioIo<TcpStream>, stopping: Stopping) {
    let stop = stopping.clone();
    let service = service_fn(move |request| respond(sim.clone(), request, stop.clone()));

    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that hangs up in the middle is its own affair, here and below.
        _ = connection.as_mut() => {}
        () = stopped(stopping) => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

/// Lets a client that takes this for its proxy talk to the simulated application as if it were there.
async fn tunnel(sim: Sim, request: Request<Incoming>, port: u16, stopping: Stopping) {
    let Ok(client) = hyper::upgrade::on(request).await else { return };
    tokio::select! {
        () = sim.serve_client(TokioIo::new(client), port) => {}
        () = stopped(stopping) => {}
    }
}

/// Answers one request. An error closes the connection without a response, which is what a broken one looks like.
async fn respond(sim: Sim, request: Request<Incoming>, stopping: Stopping) -> Result<Response<Body>, BoxError> {
    if request.method() == Method::CONNECT {
        let port = request.uri().port_u16().unwrap_or(HTTPS);
        tokio::spawn(tunnel(sim, request, port, stopping));
        return Ok(Response::new(Full::default().map_err(|never| match never {}).boxed_unsync()));
    }
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST).collect().await?.to_bytes();
    match answer(&sim, Request::from_parts(parts, body)) {
        Answer::Reply { response, after } => {
            sim.clock().sleep(after).await;
            Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
        }
        Answer::Stream { tail, after } => {
            sim.clock().sleep(after).await;
            let frames = tail.frames().map_ok(Frame::data).map_err(BoxError::from).take_until(stopped(stopping));
            Ok(Response::builder().header(CONTENT_TYPE, EVENT_STREAM).body(StreamBody::new(frames).boxed_unsync())?)
        }
        Answer::Broken { connection: ConnectionFault::TimedOut, .. } => {
            // Nothing ever answers, but the server can still be stopped.
            stopped(stopping).await;
            Err("no answer".into())
        }
        Answer::Broken { connection: ConnectionFault::Reset | ConnectionFault::Refused, after } => {
            sim.clock().sleep(after).await;
            Err("connection broken".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::clock::Clock;
    use crate::sim::scenario::{ApiFault, ApiFaultKind, Percent};
    use crate::sim::{FaultPlan, Scenario};

    fn sim() -> Sim {
        Sim::new(Scenario::named("healthy").unwrap(), 1, Clock::system())
    }

    fn any_port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn an_address_that_others_reach_is_refused_unless_allowed() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let refused = listen(sim(), everywhere, ListenOptions::default()).await.unwrap_err();
        assert!(matches!(refused, ListenError::NotLoopback(address) if address == everywhere));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let first = listen(sim(), any_port(), ListenOptions::default()).await.unwrap();
        let second = listen(sim(), first.address(), ListenOptions::default()).await.unwrap_err();
        assert!(matches!(second, ListenError::InUse(address) if address == first.address()));
        first.stop().await;
    }

    #[tokio::test]
    async fn a_live_tail_does_not_keep_it_from_stopping() {
        let listening = listen(sim(), any_port(), ListenOptions::default()).await.unwrap();
        let mut client = TcpStream::connect(listening.address()).await.unwrap();
        let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/api";
        let body = format!(r#"{{"logGroupIdentifiers":["{group}"]}}"#);
        let head = "POST / HTTP/1.1\r\nHost: logs\r\nX-Amz-Target: Logs_20140328.StartLiveTail\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.windows(12).any(|part| part == b"sessionStart") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "closed before the session began");
        }
        listening.stop().await;
        client.read_to_end(&mut answer).await.unwrap();
    }

    #[tokio::test]
    async fn a_lost_answer_is_a_connection_closed_without_a_response() {
        let sim = sim();
        sim.wire().set_faults(FaultPlan::of(vec![ApiFault::new(ApiFaultKind::LostResponse, Percent::all())]));
        let listening = listen(sim, any_port(), ListenOptions::default()).await.unwrap();
        let mut client = TcpStream::connect(listening.address()).await.unwrap();
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let request = format!("POST / HTTP/1.1\r\nHost: sts\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"");
        listening.stop().await;
    }

    #[tokio::test]
    async fn it_answers_over_tcp_and_stops_when_told_although_a_client_stays_connected() {
        let listening = listen(sim(), any_port(), ListenOptions::default()).await.unwrap();
        let mut client = TcpStream::connect(listening.address()).await.unwrap();
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let request = format!("POST / HTTP/1.1\r\nHost: sts\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("</GetCallerIdentityResponse>") {
            let mut part = [0; 4_096];
            let read = client.read(&mut part).await.unwrap();
            assert_ne!(read, 0, "closed early: {answer}");
            answer.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        listening.stop().await;
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
