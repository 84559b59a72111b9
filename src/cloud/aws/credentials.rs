//! Credentials that stay usable as long as a release lasts.
//!
//! The SDK renews what a role, a login or a program gives, and reads the shared files only once. An engine may live
//! longer than what stands in them: so they are read anew. What came with the environment of its own process nobody can
//! renew, which is told in time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use futures_util::future::BoxFuture;

use super::lock;
use super::pace::{system_time, timestamp};
use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// Credentials that say nothing of their end are used for this long before they are read again.
const REREAD: Duration = Duration::from_mins(1);

/// Where tools that put a session into the environment say when it ends.
const ENDS: &str = "AWS_CREDENTIAL_EXPIRATION";

/// What is known of the credentials in use, as of the last time the SDK was given any.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<Validity>>);

#[derive(Clone, Copy, Debug, Default)]
struct Validity {
    expires: Option<Timestamp>,
    /// They are, or rest on, a session out of the environment, which ends when `expires` says, if it says so.
    is_session: bool,
}

impl Known {
    /// When they expire, if that is known.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        lock(&self.0).expires
    }

    /// Whether new ones are had before they expire.
    pub(super) fn is_renewed(&self) -> bool {
        !lock(&self.0).is_session
    }

    fn note(&self, credentials: &Credentials) {
        let is_reread = credentials.get_property::<ReadAgain>().is_some();
        let mut validity = lock(&self.0);
        // What rests on a session ends with it, however often it is renewed until then.
        if !validity.is_session {
            validity.expires = credentials.expiry().filter(|_| !is_reread).map(timestamp);
        }
    }
}

/// Hands out another provider's credentials and notes when they expire: the SDK keeps that to itself, and asking the
/// provider again would run a login or a program once more.
#[derive(Debug)]
pub(super) struct Noted {
    inner: SharedCredentialsProvider,
    known: Known,
}

impl Noted {
    pub(super) fn new(inner: SharedCredentialsProvider, known: Known) -> Self {
        Self { inner, known }
    }
}

impl ProvideCredentials for Noted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.inner.provide_credentials().await?;
            self.known.note(&credentials);
            Ok(credentials)
        })
    }
}

/// Makes a provider that has read nothing yet.
type Make = Box<dyn Fn() -> BoxFuture<'static, SharedCredentialsProvider> + Send + Sync>;

/// Looks through the environment, the shared files and the machine's role anew whenever it is asked.
pub(super) struct Fresh {
    make: Make,
    clock: Clock,
    known: Known,
}

/// Marks credentials whose expiry only says when to read them again.
#[derive(Clone, Copy, Debug)]
struct ReadAgain;

impl Fresh {
    pub(super) fn new(make: Make, clock: Clock, known: Known) -> Self {
        Self { make, clock, known }
    }

    fn dated(&self, mut credentials: Credentials) -> Credentials {
        let features = credentials.get_property::<Vec<AwsCredentialFeature>>();
        if features.is_some_and(|features| features.contains(&AwsCredentialFeature::CredentialsEnvVars)) {
            let is_session = credentials.session_token().is_some();
            let expires = if is_session { session_end() } else { None };
            *lock(&self.known.0) = Validity { expires, is_session };
        } else if credentials.expiry().is_none() {
            *credentials.expiry_mut() = Some(system_time(self.clock.now() + REREAD));
            credentials.set_property(ReadAgain);
        }
        credentials
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

impl ProvideCredentials for Fresh {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let provider = (self.make)().await;
            Ok(self.dated(provider.provide_credentials().await?))
        })
    }
}

/// When the session in the environment ends, if whoever put it there says so.
fn session_end() -> Option<Timestamp> {
    let end: jiff::Timestamp = std::env::var(ENDS).ok()?.parse().ok()?;
    Some(Timestamp::from_millis(end.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use aws_config::profile::{ProfileFileCredentialsProvider, profile_file};
    use aws_config::provider_config::ProviderConfig;
    use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};

    use super::*;
    use crate::cloud::aws::testing::{START, Script};

    #[expect(deprecated, reason = "their new names are in a crate that nothing else here needs")]
    #[tokio::test(start_paused = true)]
    async fn credentials_of_a_file_are_read_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        let log_in = |name: &str| {
            let text = format!(
                "[default]\naws_access_key_id = {name}\naws_secret_access_key = secret\naws_session_token = token\n"
            );
            std::fs::write(&path, text).unwrap();
        };
        let file = path.clone();
        let http = http_client_fn(|_, _| SharedHttpConnector::new(Script::new()));
        let config = ProviderConfig::without_region().with_http_client(http);
        let make: Make = Box::new(move || {
            let files = profile_file::ProfileFiles::builder()
                .with_file(profile_file::ProfileFileKind::Credentials, &file)
                .build();
            let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_files(files).build();
            Box::pin(std::future::ready(SharedCredentialsProvider::new(provider)))
        });
        let known = Known::default();
        let clock = Clock::starting_at(START, 1.0);
        let noted = Noted::new(SharedCredentialsProvider::new(Fresh::new(make, clock, known.clone())), known.clone());
        for name in ["FIRST", "SECOND"] {
            log_in(name);
            let credentials = noted.provide_credentials().await.unwrap();
            assert_eq!(credentials.access_key_id(), name);
            assert_eq!(credentials.expiry(), Some(system_time(START + REREAD)), "asked for again soon");
            assert_eq!((known.expires(), known.is_renewed()), (None, true), "which says nothing of their end");
        }
    }

    #[test]
    fn a_session_out_of_the_environment_is_told_from_keys_that_last() {
        let of = |token: Option<&str>| {
            let known = Known::default();
            let make: Make = Box::new(|| Box::pin(std::future::pending()));
            let fresh = Fresh::new(make, Clock::starting_at(START, 1.0), known.clone());
            let mut credentials = Credentials::new("AKID", "secret", token.map(str::to_owned), None, "test");
            credentials.set_property(vec![AwsCredentialFeature::CredentialsEnvVars]);
            let dated = fresh.dated(credentials);
            (dated.expiry(), known.is_renewed())
        };
        assert_eq!(of(Some("token")), (None, false));
        assert_eq!(of(None), (None, true));
    }
}
