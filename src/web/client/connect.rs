//! Opening a connection: by name, straight to an address, or through a proxy.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Client;
use super::exchange::Target;
use crate::domain::check::NoAnswer;

/// A host's next address is tried when the one before has not answered for so long: one of its networks may be dead.
const STAGGER: Duration = Duration::from_millis(250);

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that a request can be sent over.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    /// A proxy at the other end wants to be told the whole URL, and this.
    pub(super) proxied: Option<Proxied>,
}

/// What a proxy must be told with each request.
pub(super) struct Proxied {
    pub(super) authorization: Option<HeaderValue>,
}

/// Connects to where `target` is, or to `instead`.
pub(super) async fn connect(client: &Client, target: &Target, instead: Option<&str>) -> Result<Connection, NoAnswer> {
    let straight = |stream: TcpStream| Connection { stream: Box::new(stream), proxied: None };
    if let Some(address) = instead {
        let (host, port) = split(address, target.port)
            .ok_or_else(|| NoAnswer::Impossible(format!("`{address}` is no host with a port")))?;
        return reach(client, host, port).await.map(straight);
    }
    let proxy = target.origin().ok().and_then(|uri| client.proxies.intercept(&uri));
    let Some(proxy) = proxy else { return reach(client, &target.host, target.port).await.map(straight) };
    let uri = proxy.uri();
    let (Some(host), port) = (uri.host(), uri.port_u16().unwrap_or(80)) else {
        return Err(NoAnswer::Impossible("the proxy of the environment has no host".to_owned()));
    };
    let stream = reach(client, host, port).await?;
    let authorization = proxy.basic_auth().cloned();
    if target.is_tls {
        let stream = tunnel(stream, target, authorization).await?;
        return Ok(Connection { stream, proxied: None });
    }
    Ok(Connection { stream: Box::new(stream), proxied: Some(Proxied { authorization }) })
}

/// `host:port`, `[::1]:port`, or a host alone, which keeps the port it had.
fn split(address: &str, port: u16) -> Option<(&str, u16)> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.starts_with('[')) => {
            Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
        }
        Some(_) => None,
        None => Some((address, port)),
    }
}

async fn reach(client: &Client, host: &str, port: u16) -> Result<TcpStream, NoAnswer> {
    let address = format!("{host}:{port}");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match client.resolve.as_ref().map(|resolve| resolve(host, port)) {
        Some(one) => one.into_iter().collect(),
        None => match tokio::net::lookup_host((host, port)).await {
            Ok(found) => found.collect(),
            Err(_) => Vec::new(),
        },
    };
    if addresses.is_empty() {
        return Err(NoAnswer::NoSuchHost(host.to_owned()));
    }
    first(addresses).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => NoAnswer::Refused(address),
        _ => NoAnswer::Unreachable { address, reason: error.to_string() },
    })
}

/// The first address that answers; each is begun a little after the one before.
async fn first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let attempt = |(address, wait): (SocketAddr, Duration)| async move {
        tokio::time::sleep(wait).await;
        TcpStream::connect(address).await
    };
    let waits = std::iter::successors(Some(Duration::ZERO), |wait| Some(*wait + STAGGER));
    let mut attempts: FuturesUnordered<_> = addresses.into_iter().zip(waits).map(attempt).collect();
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Asks a proxy for a way to the target.
async fn tunnel(
    stream: TcpStream,
    target: &Target,
    authorization: Option<HeaderValue>,
) -> Result<Box<dyn Stream>, NoAnswer> {
    let unreachable =
        |reason: String| NoAnswer::Unreachable { address: format!("{}:{}", target.host, target.port), reason };
    let lost = |error: hyper::Error| unreachable(format!("the proxy: {}", deepest(&error)));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let authority = format!("{}:{}", target.host, target.port);
    let uri = Uri::builder().authority(authority.as_str()).build();
    let mut request = http::Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = uri.map_err(|error| unreachable(error.to_string()))?;
    let host = HeaderValue::from_str(&authority).map_err(|error| unreachable(error.to_string()))?;
    request.headers_mut().insert(HOST, host);
    if let Some(authorization) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
    }
    let asked = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        if status.is_success() { hyper::upgrade::on(answer).await.map(Ok) } else { Ok(Err(status)) }
    };
    // Driven here, not on a task of its own, so that nothing is left behind when the check is given up.
    let mut asked = std::pin::pin!(asked);
    let connection = std::pin::pin!(connection.with_upgrades());
    let asked = tokio::select! {
        biased;
        asked = asked.as_mut() => asked,
        _ = connection => asked.await,
    };
    match asked.map_err(lost)? {
        Ok(upgraded) => Ok(Box::new(TokioIo::new(upgraded))),
        Err(status) => Err(unreachable(format!("the proxy answers {status}"))),
    }
}

/// The last reason behind an error: what the operating system or the other end said.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
