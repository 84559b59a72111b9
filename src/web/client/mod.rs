//! The port by hyper and rustls: a connection of its own for every request, so that each sees the server's certificate
//! and none profits from another's connection.

mod certificate;
mod connect;
mod exchange;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use self::exchange::Target;
use super::Web;
use crate::clock::Clock;
use crate::domain::check::{Fetched, NoAnswer, Request};

/// Says for a host and port which address to connect to instead of the name's own.
pub type Resolve = dyn Fn(&str, u16) -> Option<SocketAddr> + Send + Sync;

/// An HTTP client.
pub struct Client {
    clock: Clock,
    proxies: Matcher,
    resolve: Option<Box<Resolve>>,
    trusted: Vec<CertificateDer<'static>>,
    /// The host's own authorities and the trusted ones, read when they are first needed.
    roots: OnceLock<Arc<RootCertStore>>,
}

impl Client {
    /// A client that trusts the host's own authorities and goes through `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`
    /// where they are set.
    pub fn new(clock: Clock) -> Self {
        Self::with_proxies(clock, Matcher::from_env())
    }

    fn with_proxies(clock: Clock, proxies: Matcher) -> Self {
        Self { clock, proxies, resolve: None, trusted: Vec::new(), roots: OnceLock::new() }
    }

    /// A client for a world of its own: it connects where `resolve` says, through no proxy, and trusts this authority,
    /// in DER, besides the host's own.
    pub fn within(
        clock: Clock,
        authority: Vec<u8>,
        resolve: impl Fn(&str, u16) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        let trusted = vec![CertificateDer::from(authority)];
        Self { resolve: Some(Box::new(resolve)), trusted, ..Self::with_proxies(clock, Matcher::builder().build()) }
    }

    /// The authorities that certificates must come from.
    async fn roots(&self, ca_file: Option<&str>) -> Result<Arc<RootCertStore>, NoAnswer> {
        match ca_file {
            Some(file) => tls::roots_in(file).await.map(Arc::new),
            None => Ok(Arc::clone(self.roots.get_or_init(|| Arc::new(tls::roots_of_host(&self.trusted))))),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("trusted", &self.trusted.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Web for Client {
    async fn fetch(&self, request: &Request, timeout: Duration) -> Result<Fetched, NoAnswer> {
        let target = Target::of(request)?;
        let begun = self.clock.now();
        let answer = tokio::time::timeout(self.clock.real(timeout), exchange::ask(self, request, &target));
        let mut fetched = answer.await.map_err(|_| NoAnswer::TimedOut(timeout))??;
        fetched.took = self.clock.now().since(begun);
        Ok(fetched)
    }
}
