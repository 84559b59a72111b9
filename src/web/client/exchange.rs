//! One request over one connection.

use http::header::{CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use url::Url;

use super::connect::{Connection, Proxied, Stream, connect, deepest};
use super::{Client, tls};
use crate::domain::check::{Certificate, Fetched, NoAnswer, Request};
use crate::web::LONGEST_BODY;

/// Who asks.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("cutover/", env!("CARGO_PKG_VERSION")));

/// Where a request goes.
pub(super) struct Target {
    pub(super) url: Url,
    /// The host as it stands in URLs: an IPv6 address is in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

impl Target {
    pub(super) fn of(request: &Request) -> Result<Self, NoAnswer> {
        let wrong = |what: &str| NoAnswer::Impossible(format!("{what}: `{}`", request.url));
        let url = Url::parse(&request.url).map_err(|error| wrong(&error.to_string()))?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("neither http nor https")),
        };
        let host = url.host_str().ok_or_else(|| wrong("no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| wrong("no port"))?;
        Ok(Self { url, host, port, is_tls })
    }

    /// The URL without its path, for whoever chooses a proxy by it.
    pub(super) fn origin(&self) -> Result<Uri, http::Error> {
        let authority = format!("{}:{}", self.host, self.port);
        Uri::builder().scheme(self.url.scheme()).authority(authority).path_and_query("/").build()
    }

    /// What the `Host` header says.
    fn authority(&self) -> String {
        self.url.port().map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }
}

/// Asks, and reads the answer; `took` is the caller's to fill in.
pub(super) async fn ask(client: &Client, request: &Request, target: &Target) -> Result<Fetched, NoAnswer> {
    let Connection { stream, proxied } = connect(client, target, request.connect.as_deref()).await?;
    let message = message(request, target, proxied.as_ref())?;
    if target.is_tls {
        let roots = client.roots(request.ca_file.as_deref()).await?;
        let (stream, certificate) = tls::shake_hands(stream, target, roots, client.clock).await?;
        exchange(Box::new(stream), message, certificate).await
    } else {
        exchange(stream, message, None).await
    }
}

fn message(
    request: &Request,
    target: &Target,
    proxied: Option<&Proxied>,
) -> Result<http::Request<Full<Bytes>>, NoAnswer> {
    let impossible = |what: String| NoAnswer::Impossible(what);
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| impossible(error.to_string()))?;
    let url = &target.url;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let uri = if proxied.is_some() { format!("{}://{}{path}", url.scheme(), target.authority()) } else { path };
    let uri: Uri = uri.parse().map_err(|error: http::uri::InvalidUri| impossible(error.to_string()))?;
    let mut message = http::Request::new(Full::new(Bytes::from(request.body.clone().unwrap_or_default())));
    *message.method_mut() = method;
    *message.uri_mut() = uri;
    let headers = message.headers_mut();
    let host = HeaderValue::from_str(&target.authority()).map_err(|error| impossible(error.to_string()))?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, AGENT);
    if request.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(authorization) = proxied.and_then(|proxied| proxied.authorization.clone()) {
        headers.insert(PROXY_AUTHORIZATION, authorization);
    }
    for (name, value) in &request.headers {
        let named = HeaderName::from_bytes(name.as_bytes());
        // The value is not repeated: it may be secret.
        match (named, HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            _ => return Err(impossible(format!("the header `{name}` cannot be sent"))),
        }
    }
    Ok(message)
}

/// Sends the message and reads its answer. The connection is driven here, not on a task of its own, so that it ends
/// with whoever waits for it.
async fn exchange(
    stream: Box<dyn Stream>,
    message: http::Request<Full<Bytes>>,
    certificate: Option<Certificate>,
) -> Result<Fetched, NoAnswer> {
    let lost = |error: hyper::Error| NoAnswer::Lost(deepest(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let talk = async {
        let answer = sender.send_request(message).await.map_err(lost)?;
        let (head, body) = answer.into_parts();
        let (body, is_cut) = read(body).await.map_err(lost)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Ok(Fetched {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body,
            is_cut,
            certificate,
            ..Fetched::default()
        })
    };
    let mut talk = std::pin::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        fetched = talk.as_mut() => fetched,
        // When it ends first, what it has brought is still to be read.
        _ = connection.as_mut() => talk.await,
    }
}

/// The first part of a body, and whether it went on; the rest is left on the wire.
async fn read(mut body: Incoming) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = LONGEST_BODY - bytes.len();
        bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}
