//! Trust: the handshake, the authorities behind it, and what is wrong when there is none.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect::Stream;
use super::exchange::Target;
use super::{certificate, connect};
use crate::clock::Clock;
use crate::domain::check::{Certificate, NoAnswer, TlsTrouble};

/// The host's own authorities and these. One that cannot be read is left out: a server that needs it is not trusted.
pub(super) fn roots_of_host(trusted: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(trusted.iter().cloned());
    roots
}

/// The authorities in a PEM file.
pub(super) async fn roots_in(file: &str) -> Result<RootCertStore, NoAnswer> {
    let unusable = |why: String| NoAnswer::Impossible(format!("the authorities in {file} cannot be used: {why}"));
    let pem = tokio::fs::read(file).await.map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("it has no certificate".to_owned())) } else { Ok(roots) }
}

/// Shakes hands with the server; nothing is asked of one that cannot be trusted.
pub(super) async fn shake_hands(
    stream: Box<dyn Stream>,
    target: &Target,
    roots: Arc<RootCertStore>,
    clock: Clock,
) -> Result<(TlsStream<Box<dyn Stream>>, Option<Certificate>), NoAnswer> {
    let distrust = |trouble, certificate| NoAnswer::Tls { trouble, certificate };
    let other = |error: &dyn std::error::Error| distrust(TlsTrouble::Other(error.to_string()), None);
    let bare = target.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(|error| other(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
    let noting = Arc::new(Noting { verifier: verifier.map_err(|error| other(&error))?, shown: Mutex::default() });
    let config = configuration(provider, Arc::clone(&noting), clock).map_err(|error| other(&error))?;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let shown = noting.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shown = shown.and_then(|der| certificate::read(&der));
    match shaken {
        Ok(stream) => Ok((stream, shown)),
        Err(error) => Err(match trouble(&error) {
            Some(trouble) => distrust(trouble, shown),
            None => NoAnswer::Lost(connect::deepest(&error)),
        }),
    }
}

fn configuration(provider: Arc<CryptoProvider>, noting: Arc<Noting>, clock: Clock) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Now(clock)));
    // Not dangerous: it judges by the usual verifier and only notes what it was shown.
    let builder = builder.with_safe_default_protocol_versions()?.dangerous();
    let mut config = builder.with_custom_certificate_verifier(noting).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Every check sees the certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The clock's time: certificates are judged by the same time as everything else.
#[derive(Debug)]
struct Now(Clock);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let secs = u64::try_from(self.0.now().secs()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(secs)))
    }
}

/// The usual verifier, with a note of the certificate that the server has shown: people ask for it when it is refused.
#[derive(Debug)]
struct Noting {
    verifier: Arc<WebPkiServerVerifier>,
    shown: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// What is wrong with the other end; `None` when the connection was lost on the way.
fn trouble(error: &io::Error) -> Option<TlsTrouble> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(certificate) = error else { return Some(TlsTrouble::Other(error.to_string())) };
    Some(match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsTrouble::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsTrouble::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsTrouble::WrongHost,
        CertificateError::UnknownIssuer => TlsTrouble::UnknownIssuer,
        CertificateError::Revoked => TlsTrouble::Revoked,
        _ => TlsTrouble::Other(error.to_string()),
    })
}
