//! RDS's query protocol, as far as two reads need it.

use aws_config::SdkConfig;
use aws_sdk_ecs::config::retry::RetryPartition;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

use super::errors::{during, unexpected};
use super::plain::{self, Service};
use crate::cloud::CloudError;

const RDS: Service = Service { id: "RDS", name: "rds" };

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
        Self(plain::operation(RDS, config, http, allowance).serializer(request).deserializer(answer).build())
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
