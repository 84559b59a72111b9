//! Operations of services whose crate of the SDK would cost a first build more than it gives: two reads of RDS, ten calls of
//! AppConfig, three of DynamoDB. What such a crate is generated over is used instead: credentials, signing, retries and time-outs are the
//! SDK's own, and only requests and answers are written by hand.

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_ecs::config::retry::{RetryConfig, RetryPartition};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// What the SDK's settings call it: `AWS_ENDPOINT_URL_…` and `services` of a profile.
    pub(super) id: &'static str,
    /// The first part of its host, and the name that its requests are signed for.
    pub(super) name: &'static str,
}

/// An operation with the settings and credentials of `config`, its request and answer still to be said.
pub(super) fn operation(
    service: Service,
    config: &SdkConfig,
    http: SharedHttpClient,
    allowance: RetryPartition,
) -> OperationBuilder {
    let region = config.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
    let mut layer = Layer::new(service.name);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigningName::from_static(service.name));
    layer.store_put(SigningRegion::from(region.clone()));
    layer.store_put(SigV4OperationSigningConfig {
        signing_options: SigningOptions::default(),
        ..SigV4OperationSigningConfig::default()
    });
    layer.store_put(allowance);
    let resolver = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new(service.name)
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(resolver)))
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    let settings = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
    let mut builder = Operation::builder()
        .service_name(service.id)
        .operation_name(service.id)
        .http_client(http)
        .endpoint_url(&endpoint(service, config, &region))
        .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .runtime_plugin(settings);
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    builder
}

/// Where it is: as set for it, as set for all services, or its usual place.
fn endpoint(service: Service, config: &SdkConfig, region: &Region) -> String {
    let key =
        ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = config.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
        let domain = if region.as_ref().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{}.{region}.{domain}", service.name)
    })
}
