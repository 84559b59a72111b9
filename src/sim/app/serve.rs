//! One listener of the simulated application.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::sim::Sim;
use crate::sim::wire::{Answer, answer_app};

/// Bytes of a request body that are read at most.
const MAX_REQUEST: usize = 1024 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves every connection that comes, for ever.
pub(super) async fn accept(sim: Sim, listener: TcpListener, port: u16, tls: Option<TlsAcceptor>) {
    // Its connections end with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(greet(sim.clone(), stream, port, tls.clone()));
                }
                // Out of descriptors or a client that hung up: the next one may do better, a little later.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(sim: Sim, stream: S, port: u16, tls: Option<TlsAcceptor>) {
    match tls {
        Some(tls) => {
            // A client that does not like the certificate goes away.
            if let Ok(stream) = tls.accept(stream).await {
                converse(sim, stream, port).await;
            }
        }
        None => converse(sim, stream, port).await,
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(sim: Sim, stream: S, port: u16) {
    let service = service_fn(move |request| respond(sim.clone(), request, port));
    // A client that hangs up in the middle is its own affair.
    let _hung_up = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// Answers one request. An error closes the connection without a response, which is what a broken one looks like.
async fn respond(sim: Sim, request: Request<Incoming>, port: u16) -> Result<Response<Full<Bytes>>, BoxError> {
    let (mut parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST).collect().await?.to_bytes();
    let scheme = if port == super::HTTP { "http" } else { "https" };
    parts.headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    parts.headers.insert("x-forwarded-port", HeaderValue::from(port));
    match answer_app(&sim, Request::from_parts(parts, body)) {
        Answer::Reply { response, after } => {
            // Sockets and cryptography take their real time, and so does the answer: in a world that goes fast, clients
            // would otherwise take the one for the other.
            tokio::time::sleep(after).await;
            Ok(response.map(Full::new))
        }
        Answer::Stream { .. } | Answer::Broken { .. } => Err("nobody answers".into()),
    }
}
