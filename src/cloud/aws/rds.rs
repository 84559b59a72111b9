//! RDS's query protocol, as far as two reads need it.
//!
//! The SDK's crate for RDS is by far the largest that this program could have: it would make a first build longer by a
//! third, for two operations. What it is generated over is used instead: credentials, signing, retries and time-outs are
//! the SDK's own, and only the fields are named here.

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_ecs::config::retry::{RetryConfig, RetryPartition};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use super::errors::{during, unexpected};
use crate::cloud::CloudError;

const VERSION: &str = "2014-10-31";

/// The parameters of a request.
type Form = Vec<(&'static str, String)>;

/// A client of RDS.
#[derive(Debug)]
pub(super) struct Rds(Operation<Form, Vec<u8>, ErrorMetadata>);

/// A page of records: the text of each one's fields, and where the next page begins.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) records: Vec<Vec<(String, String)>>,
    pub(super) marker: Option<String>,
}

impl Rds {
    /// A client with the settings and credentials of `config`.
    pub(super) fn new(config: &SdkConfig, http: SharedHttpClient, allowance: RetryPartition) -> Self {
        let region = config.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
        let mut layer = Layer::new("rds");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigningName::from_static("rds"));
        layer.store_put(SigningRegion::from(region.clone()));
        layer.store_put(SigV4OperationSigningConfig {
            signing_options: SigningOptions::default(),
            ..SigV4OperationSigningConfig::default()
        });
        layer.store_put(allowance);
        let resolver = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new("rds")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(resolver)))
            .with_sleep_impl(config.sleep_impl())
            .with_time_source(config.time_source());
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let settings = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
        let mut builder = Operation::builder()
            .service_name("RDS")
            .operation_name("Describe")
            .http_client(http)
            .endpoint_url(&endpoint(config, &region))
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .runtime_plugin(settings);
        if let Some(timeouts) = config.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        Self(builder.serializer(request).deserializer(answer).build())
    }

    /// One page of what `action` describes; `record` is the element of one record.
    pub(super) async fn describe(
        &self,
        operation: &'static str,
        action: &'static str,
        record: &str,
        parameters: Form,
    ) -> Result<Page, CloudError> {
        let mut form: Form = vec![("Action", action.to_owned()), ("Version", VERSION.to_owned())];
        form.extend(parameters);
        let body = self.0.invoke(form).await.map_err(during(operation))?;
        page(&body, record).map_err(|error| unexpected(operation, error.to_string()))
    }
}

/// Where RDS is: as set for it, as set for all services, or its usual place.
fn endpoint(config: &SdkConfig, region: &Region) -> String {
    let key = ServiceConfigKey::builder().service_id("RDS").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = config.service_config().zip(key.ok()).and_then(|(config, key)| config.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
        let domain = if region.as_ref().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://rds.{region}.{domain}")
    })
}

fn request(form: Form) -> Result<HttpRequest, BoxError> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    request.headers_mut().insert("content-length", length);
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        Ok(body.to_vec())
    } else {
        // A proxy's page has neither code nor message; its status says what it means.
        Err(OrchestratorError::operation(refusal(body).unwrap_or_default()))
    }
}

fn refusal(body: &[u8]) -> Result<ErrorMetadata, XmlDecodeError> {
    let mut refusal = ErrorMetadata::builder();
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    while let Some(mut error) = root.next_tag() {
        while let Some(mut field) = error.next_tag() {
            match field.start_el().local() {
                "Code" => refusal = refusal.code(try_data(&mut field)?),
                "Message" => refusal = refusal.message(try_data(&mut field)?),
                _ => {}
            }
        }
    }
    Ok(refusal.build())
}

/// `<…Response><…Result><Marker>…</Marker><…s><record><field>…`.
fn page(body: &[u8], record: &str) -> Result<Page, XmlDecodeError> {
    let mut page = Page::default();
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    while let Some(mut result) = root.next_tag() {
        while let Some(mut part) = result.next_tag() {
            if part.start_el().local() == "Marker" {
                page.marker = Some(try_data(&mut part)?.into_owned()).filter(|marker| !marker.is_empty());
                continue;
            }
            while let Some(mut element) = part.next_tag() {
                if element.start_el().local() != record {
                    continue;
                }
                let mut fields = Vec::new();
                while let Some(mut field) = element.next_tag() {
                    let name = field.start_el().local().to_owned();
                    // Fields with fields of their own are none that is needed.
                    fields.extend(try_data(&mut field).ok().map(|text| (name, text.into_owned())));
                }
                page.records.push(fields);
            }
        }
    }
    Ok(page)
}
