//! The simulated load balancer's certificate and the authority that has signed it, made when they are first needed.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use crate::domain::time::Timestamp;
use crate::sim::scenario::Schema;
use crate::sim::scenario::schema::Credential;

const DAY: Duration = Duration::from_hours(24);

/// An authority, and what a server needs to speak TLS in its name.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Identity {
    pub(super) authority: Authority,
    pub(super) server: Arc<ServerConfig>,
}

/// Who vouches for the simulated application: whoever asks it must trust this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its certificate in DER.
    pub der: Vec<u8>,
    /// Its certificate in PEM.
    pub pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be made.
    #[error("cannot make a certificate for the simulated application: {0}")]
    Unmade(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error("cannot serve TLS for the simulated application: {0}")]
    Unserved(#[from] rustls::Error),
}

impl Identity {
    /// What `schema` says of the certificate, as of `now`.
    pub(super) fn make(schema: &Schema, now: Timestamp) -> Result<Self, CertificateError> {
        let credential = schema.app.certificate;
        let life = (now - 30 * DAY, now + 3_650 * DAY);
        let known = authority("Simulated Authority", life)?;
        let stranger = if credential == Credential::UnknownIssuer { Some(authority("Nobody", life)?) } else { None };
        let (signer, _) = stranger.as_ref().unwrap_or(&known);
        let mut hosts: Vec<String> = vec![schema.app.host.clone()];
        hosts.extend(schema.groups().filter_map(|(_, host)| host.clone()));
        if credential == Credential::WrongHost {
            hosts = vec!["www.elsewhere.test".to_owned()];
        }
        let (from, until) = match credential {
            Credential::Expired => (now - 93 * DAY, now - 3 * DAY),
            Credential::NotYetValid => (now + 2 * DAY, now + 92 * DAY),
            Credential::Valid | Credential::WrongHost | Credential::UnknownIssuer => {
                (now - DAY, now + schema.app.certificate_days * DAY)
            }
        };
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name = named(&schema.app.host);
        (params.not_before, params.not_after) = (date(from), date(until));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, signer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut server = builder.with_no_client_auth().with_single_cert(chain, key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { authority: known.1, server: Arc::new(server) })
    }
}

fn authority(
    name: &str,
    (from, until): (Timestamp, Timestamp),
) -> Result<(Issuer<'static, KeyPair>, Authority), CertificateError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date(from), date(until));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let authority = Authority { der: certificate.der().to_vec(), pem: certificate.pem() };
    Ok((Issuer::new(params, key), authority))
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
