//! The simulated application on this machine's own sockets: plain HTTP and HTTPS as a load balancer serves them, for
//! checks that are meant to be real.

mod certificates;
mod serve;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use certificates::{Authority, CertificateError};

use super::Sim;
pub(super) use certificates::Identity;

/// The port that browsers use without TLS.
const HTTP: u16 = 80;

/// The port that browsers use with TLS.
const HTTPS: u16 = 443;

/// Why the application is not served.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It has no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No port of this machine can be listened on.
    #[error("cannot listen on this machine for the simulated application: {0}")]
    Port(#[from] io::Error),
}

/// The application, listening on ports of this machine that nobody else can reach. It ends when this is dropped.
pub struct AppServer {
    authority: Authority,
    /// The ports as clients know them, each with where it really is.
    doors: Vec<(u16, SocketAddr)>,
    _tasks: JoinSet<()>,
}

impl AppServer {
    /// The authority that its certificate comes from.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where to connect for a port that the application has: 80, 443, and its test listener's.
    pub fn door(&self, port: u16) -> Option<SocketAddr> {
        self.doors.iter().find(|(known, _)| *known == port).map(|(_, address)| *address)
    }

    /// All of them, for whoever connects in its stead.
    pub fn doors(&self) -> Vec<(u16, SocketAddr)> {
        self.doors.clone()
    }
}

impl fmt::Debug for AppServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppServer").field("doors", &self.doors).finish_non_exhaustive()
    }
}

impl Sim {
    /// The authority that the application's certificate comes from.
    pub fn authority(&self) -> Result<Authority, CertificateError> {
        Ok(self.identity()?.authority)
    }

    fn identity(&self) -> Result<Identity, CertificateError> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity.clone());
        }
        let made = Identity::make(&self.scenario().schema, self.clock().now())?;
        // Whoever was first is right.
        Ok(self.identity.get_or_init(|| made).clone())
    }

    /// Serves the application to one client that has come to its `port`, until the client goes.
    pub(super) async fn serve_client<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, port: u16) {
        // Without a certificate there is nothing to say.
        let Ok(identity) = self.identity() else { return };
        let tls = (port != HTTP).then(|| TlsAcceptor::from(identity.server));
        serve::greet(self, stream, port, tls).await;
    }

    /// Serves the application until what this returns is dropped.
    pub async fn serve_app(&self) -> Result<AppServer, AppError> {
        let Identity { authority, server } = self.identity()?;
        let mut tasks = JoinSet::new();
        let mut doors = Vec::new();
        for port in [HTTP, HTTPS, self.scenario().schema.app.test_port] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            doors.push((port, listener.local_addr()?));
            let tls = (port != HTTP).then(|| TlsAcceptor::from(server.clone()));
            tasks.spawn(serve::accept(self.clone(), listener, port, tls));
        }
        Ok(AppServer { authority, doors, _tasks: tasks })
    }
}
