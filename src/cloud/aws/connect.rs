//! From settings to clients: credentials, retries, time-outs, and the HTTP client that they share.

use std::sync::Mutex;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_ecs::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use futures_util::FutureExt as _;

use super::Aws;
use super::app_config::AppConfig;
use super::credentials::{Fresh, Known, Noted};
use super::dynamodb::DynamoDb;
use super::pace::{Pace, system_time};
use super::rds::Rds;
use crate::clock::Clock;

/// How long the simulated AWS's credentials hold.
const SESSION: Duration = Duration::from_hours(1);

/// Which AWS, and as whom.
///
/// Endpoints come from the SDK's own settings: `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_ECS` and its like, or the
/// profile's `endpoint_url`.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Region.
    pub region: String,
    /// ECS cluster that the services run in, by name or ARN.
    pub cluster: String,
    /// Profile of the shared configuration; `None` leaves the choice to the environment.
    pub profile: Option<String>,
    /// Role to take on with the profile's credentials.
    pub role_arn: Option<String>,
    /// HTTP client; `None` opens connections of its own, through `HTTPS_PROXY` and `HTTP_PROXY` where they are set. As
    /// with every AWS tool, `NO_PROXY` must then name the hosts of credentials, `169.254.169.254` and `169.254.170.2`.
    pub http: Option<SharedHttpClient>,
    /// The clock that retries and time-outs wait on. Requests are signed with the machine's own time all the same.
    pub clock: Clock,
}

impl Aws {
    /// Connects to AWS. Nothing is sent yet: missing or expired credentials show at the first call.
    pub async fn connect(connection: Connection) -> Self {
        let Connection { region, cluster, profile, role_arn, http, clock } = connection;
        let http = http.unwrap_or_else(https_client);
        let known = Known::default();
        let load = {
            let http = http.clone();
            move || load(region.clone(), profile.clone(), http.clone(), clock)
        };
        let config = load().await;
        let make = move || {
            let loaded = load();
            let provider = async move {
                let config = loaded.await;
                config.credentials_provider().unwrap_or_else(|| SharedCredentialsProvider::new(Nobody))
            };
            provider.boxed()
        };
        let fresh = SharedCredentialsProvider::new(Fresh::new(Box::new(make), clock, known.clone()));
        let mut config = config.into_builder().credentials_provider(fresh).build();
        if let Some(role_arn) = role_arn {
            let role = AssumeRoleProvider::builder(role_arn).configure(&config).session_name("cutover").build().await;
            config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(role)).build();
        }
        Self::assemble(config, known, http, cluster)
    }

    /// Connects to the simulated AWS behind `http`. Neither the environment nor any file is looked at, and retries are
    /// paced without chance, so that the same seed gives the same run.
    pub fn simulated(http: SharedHttpClient, clock: Clock, region: &str, cluster: &str) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(SimulatedLogin { clock }))
            .http_client(http.clone())
            .sleep_impl(SharedAsyncSleep::new(Pace(clock)))
            .time_source(SharedTimeSource::new(Pace(clock)))
            .retry_config(retries().with_use_static_exponential_base(true))
            .timeout_config(timeouts())
            .build();
        Self::assemble(config, Known::default(), http, cluster.to_owned())
    }

    fn assemble(config: SdkConfig, known: Known, http: SharedHttpClient, cluster: String) -> Self {
        let config = match config.credentials_provider() {
            Some(inner) => {
                let noted = SharedCredentialsProvider::new(Noted::new(inner, known.clone()));
                config.into_builder().credentials_provider(noted).build()
            }
            None => config,
        };
        // The SDK's default allowance of retries is one for the whole process: one connection's storm would starve
        // another's, and one test's another's.
        let allowance = || RetryPartition::custom("cutover").token_bucket(TokenBucket::default()).build();
        let ecs = aws_sdk_ecs::config::Builder::from(&config).retry_partition(allowance());
        let elb = aws_sdk_elasticloadbalancingv2::config::Builder::from(&config).retry_partition(allowance());
        let codedeploy = aws_sdk_codedeploy::config::Builder::from(&config).retry_partition(allowance());
        let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(&config).retry_partition(allowance());
        let logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config).retry_partition(allowance());
        let sns = aws_sdk_sns::config::Builder::from(&config).retry_partition(allowance());
        let sts = aws_sdk_sts::config::Builder::from(&config).retry_partition(allowance());
        let ecr = aws_sdk_ecr::config::Builder::from(&config).retry_partition(allowance());
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config).retry_partition(allowance());
        Self {
            ecs: aws_sdk_ecs::Client::from_conf(ecs.build()),
            elb: aws_sdk_elasticloadbalancingv2::Client::from_conf(elb.build()),
            codedeploy: aws_sdk_codedeploy::Client::from_conf(codedeploy.build()),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            ecr: aws_sdk_ecr::Client::from_conf(ecr.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            rds: Rds::new(&config, http.clone(), allowance()),
            app_config: AppConfig::new(&config, http.clone(), allowance()),
            dynamodb: DynamoDb::new(&config, http, allowance()),
            cluster,
            known,
            rules: Mutex::default(),
            revisions: Mutex::default(),
            autopsies: Mutex::default(),
            superseded: Mutex::default(),
        }
    }
}

/// What the environment and the shared files say, read now.
async fn load(region: String, profile: Option<String>, http: SharedHttpClient, clock: Clock) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(http)
        .sleep_impl(Pace(clock))
        .retry_config(retries())
        .timeout_config(timeouts());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// For calls that must not be sent twice: a lost answer is the caller's to deal with.
pub(super) fn sent_once() -> RetryConfig {
    RetryConfig::disabled()
}

/// For calls that bring traffic back: no answer within 3 s is worth a second try.
pub(super) fn hasty() -> TimeoutConfig {
    timeouts().to_builder().operation_attempt_timeout(Duration::from_secs(3)).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(250))
        .with_max_backoff(Duration::from_secs(2))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build()
}

/// Longest that opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// TLS by rustls and ring, with the machine's own certificates. Unlike the SDK's default client it honours the usual
/// proxy variables: hosts from which production may be changed often reach AWS no other way.
pub fn https_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// Has no credentials.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
    }
}

/// Credentials that the simulated AWS takes: new ones for an hour, whenever they are asked for.
#[derive(Debug)]
struct SimulatedLogin {
    clock: Clock,
}

impl ProvideCredentials for SimulatedLogin {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let until = system_time(self.clock.now() + SESSION);
        future::ProvideCredentials::ready(Ok(Credentials::new(
            "AKIASIMULATED0000000",
            "simulated",
            None,
            Some(until),
            "simulated",
        )))
    }
}
