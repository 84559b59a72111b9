//! AppConfig's REST protocol, as far as switching a flag needs it. See the [API reference][api] and the form of
//! [feature flags][flags].
//!
//! [api]: https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/Welcome.html
//! [flags]: https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html

use std::collections::HashMap;
use std::sync::Mutex;

use aws_config::SdkConfig;
use aws_sdk_ecs::config::retry::RetryPartition;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ErrorMetadata;
use serde_json::{Value, json};

use super::errors::{during, not_found, unexpected};
use super::lock;
use super::plain::{self, Service};
use crate::cloud::{CloudError, FlagDeployment, FlagState, FlagStep};
use crate::domain::flag::{FeatureFlag, Switch};

const APP_CONFIG: Service = Service { id: "AppConfig", name: "appconfig" };

/// The kind of profile that holds flags.
const FEATURE_FLAGS: &str = "AWS.AppConfig.FeatureFlags";

/// All clients at once: a way back waits for nothing. One of AWS's own strategies.
const AT_ONCE: &str = "AppConfig.AllAtOnce";

/// Longest list that is gone through, in pages: more is no list of one team's.
const PAGES: usize = 50;

const APPLICATIONS: &str = "appconfig:ListApplications";
const ENVIRONMENTS: &str = "appconfig:ListEnvironments";
const PROFILES: &str = "appconfig:ListConfigurationProfiles";
const DEPLOYMENTS: &str = "appconfig:ListDeployments";
const DEPLOYMENT: &str = "appconfig:GetDeployment";
const VERSION: &str = "appconfig:GetHostedConfigurationVersion";
const CREATE: &str = "appconfig:CreateHostedConfigurationVersion";
const START: &str = "appconfig:StartDeployment";
const STOP: &str = "appconfig:StopDeployment";

/// A request.
#[derive(Debug)]
struct Ask {
    method: &'static str,
    path: String,
    /// A JSON document, or the content of a version.
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

/// An answer.
#[derive(Debug)]
struct Told {
    body: Vec<u8>,
    version: Option<u32>,
}

/// A client of AppConfig.
#[derive(Debug)]
pub(super) struct AppConfig {
    calls: Operation<Ask, Told, ErrorMetadata>,
    /// Where each flag is, once that was looked up: ids do not change.
    places: Mutex<HashMap<FeatureFlag, Place>>,
}

/// A flag's place, by ids.
#[derive(Clone, Debug)]
struct Place {
    application: String,
    environment: String,
    profile: String,
    /// The profile's name, by which deployments are listed.
    profile_name: String,
}

impl AppConfig {
    /// A client with the settings and credentials of `config`.
    pub(super) fn new(config: &SdkConfig, http: SharedHttpClient, allowance: RetryPartition) -> Self {
        let calls = plain::operation(APP_CONFIG, config, http, allowance);
        Self { calls: calls.serializer(request).deserializer(answer).build(), places: Mutex::default() }
    }

    /// See [`Flags::flag`](crate::cloud::Flags::flag).
    pub(super) async fn flag(&self, flag: &FeatureFlag) -> Result<FlagState, CloudError> {
        let place = self.place(flag).await?;
        let (newest, version) = self.deployments(&place).await?;
        let deployed = match version {
            None => None,
            Some(version) => Some(is_on(&self.content(&place, version).await?, flag)?),
        };
        Ok(FlagState { deployed, newest })
    }

    /// See [`Flags::switch_flag`](crate::cloud::Flags::switch_flag).
    pub(super) async fn switch(&self, flag: &FeatureFlag, to: Switch, note: &str) -> Result<u32, CloudError> {
        let place = self.place(flag).await?;
        let (_, version) = self.deployments(&place).await?;
        let Some(version) = version else {
            let profile = &place.profile_name;
            return Err(unexpected(DEPLOYMENTS, format!("no version of {profile} has been deployed yet: deploy one")));
        };
        let mut content = self.content(&place, version).await?;
        is_on(&content, flag)?;
        let values = content.as_object_mut().map(|all| all.entry("values").or_insert_with(|| json!({})));
        let value =
            values.and_then(Value::as_object_mut).map(|all| all.entry(&*flag.flag).or_insert_with(|| json!({})));
        let Some(value) = value.and_then(Value::as_object_mut) else {
            return Err(unexpected(VERSION, format!("the value of flag {} is no object", flag.flag)));
        };
        value.insert("enabled".to_owned(), Value::Bool(to == Switch::On));
        let Place { application, environment, profile, .. } = &place;
        let path = format!("/applications/{application}/configurationprofiles/{profile}/hostedconfigurationversions");
        let ask = Ask { method: "POST", path, body: Some(content), headers: vec![("description", note.to_owned())] };
        let made = self.calls.invoke(ask).await.map_err(during(CREATE))?;
        let made = made.version.ok_or_else(|| unexpected(CREATE, "an answer without the version's number"))?;
        let strategy = match to {
            Switch::On => flag.strategy.as_str(),
            Switch::Off => AT_ONCE,
        };
        let body = json!({
            "ConfigurationProfileId": profile,
            "ConfigurationVersion": made.to_string(),
            "DeploymentStrategyId": strategy,
            "Description": note,
        });
        let path = format!("/applications/{application}/environments/{environment}/deployments");
        let ask = Ask { method: "POST", path, body: Some(body), headers: Vec::new() };
        let begun = self.document(START, ask).await?;
        number(&begun, "DeploymentNumber").ok_or_else(|| unexpected(START, "an answer without the deployment's number"))
    }

    /// See [`Flags::stop_flag`](crate::cloud::Flags::stop_flag).
    pub(super) async fn stop(&self, flag: &FeatureFlag, deployment: u32) -> Result<(), CloudError> {
        let Place { application, environment, .. } = self.place(flag).await?;
        let path = format!("/applications/{application}/environments/{environment}/deployments/{deployment}");
        // Without this AppConfig stops none that has reached everybody, though it may do so between the look and this call.
        let headers = vec![("allow-revert", "true".to_owned())];
        let ask = Ask { method: "DELETE", path, body: None, headers };
        self.calls.invoke(ask).await.map(|_| ()).map_err(during(STOP))
    }

    /// The newest deployment of the environment, and the version of the profile that was deployed last to the end.
    async fn deployments(&self, place: &Place) -> Result<(Option<FlagDeployment>, Option<u32>), CloudError> {
        let Place { application, environment, profile_name, .. } = place;
        let path = format!("/applications/{application}/environments/{environment}/deployments");
        let mut all = self.list(DEPLOYMENTS, &path).await?;
        all.sort_by_key(|deployment| std::cmp::Reverse(number(deployment, "DeploymentNumber")));
        let is_deployed = |it: &&Value| {
            text(it, "ConfigurationName") == Some(profile_name)
                && text(it, "State").is_some_and(|state| state == "COMPLETE")
        };
        let version = all.iter().find(is_deployed).and_then(|it| text(it, "ConfigurationVersion")?.parse().ok());
        let newest = match all.first().and_then(|it| number(it, "DeploymentNumber")) {
            None => None,
            Some(number) => {
                let ask = Ask { method: "GET", path: format!("{path}/{number}"), body: None, headers: Vec::new() };
                let it = self.document(DEPLOYMENT, ask).await?;
                Some(FlagDeployment {
                    number,
                    note: text(&it, "Description").unwrap_or_default().to_owned(),
                    step: step_of(text(&it, "State").unwrap_or_default()),
                    percent: it.get("PercentageComplete").and_then(Value::as_f64).map_or(0, percent),
                })
            }
        };
        Ok((newest, version))
    }

    async fn content(&self, place: &Place, version: u32) -> Result<Value, CloudError> {
        let Place { application, profile, .. } = place;
        let path = format!(
            "/applications/{application}/configurationprofiles/{profile}/hostedconfigurationversions/{version}"
        );
        self.document(VERSION, Ask { method: "GET", path, body: None, headers: Vec::new() }).await
    }

    async fn place(&self, flag: &FeatureFlag) -> Result<Place, CloudError> {
        if let Some(known) = lock(&self.places).get(flag) {
            return Ok(known.clone());
        }
        let applications = self.list(APPLICATIONS, "/applications").await?;
        let application = id(named(APPLICATIONS, "application", &applications, &flag.application)?);
        let environments = self.list(ENVIRONMENTS, &format!("/applications/{application}/environments")).await?;
        let environment = id(named(ENVIRONMENTS, "environment", &environments, &flag.environment)?);
        let path = format!("/applications/{application}/configurationprofiles");
        let profiles = self.list(PROFILES, &path).await?;
        let profile = named(PROFILES, "configuration profile", &profiles, &flag.profile)?;
        if text(profile, "Type") != Some(FEATURE_FLAGS) || text(profile, "LocationUri") != Some("hosted") {
            let message = format!("profile {} holds no feature flags that AppConfig hosts", flag.profile);
            return Err(unexpected(PROFILES, message));
        }
        let profile_name = text(profile, "Name").unwrap_or_default().to_owned();
        let place = Place { application, environment, profile: id(profile), profile_name };
        lock(&self.places).insert(flag.clone(), place.clone());
        Ok(place)
    }

    /// All items of a list, page by page.
    async fn list(&self, operation: &'static str, path: &str) -> Result<Vec<Value>, CloudError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let path = paged(path, token.as_deref());
            let mut page =
                self.document(operation, Ask { method: "GET", path, body: None, headers: Vec::new() }).await?;
            if let Some(Value::Array(items)) = page.get_mut("Items").map(Value::take) {
                all.extend(items);
            }
            token = text(&page, "NextToken").map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn document(&self, operation: &'static str, ask: Ask) -> Result<Value, CloudError> {
        let told = self.calls.invoke(ask).await.map_err(during(operation))?;
        serde_json::from_slice(&told.body).map_err(|error| unexpected(operation, error.to_string()))
    }
}

fn paged(path: &str, token: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("max_results", "50");
    query.extend_pairs(token.map(|token| ("next_token", token)));
    format!("{path}?{}", query.finish())
}

/// Whether a flag is on in a version of a profile.
fn is_on(content: &Value, flag: &FeatureFlag) -> Result<Switch, CloudError> {
    let key = flag.flag.as_str();
    let known = content.get("flags").and_then(Value::as_object);
    if known.is_none_or(|known| !known.contains_key(key)) {
        let names: Vec<&str> = known.into_iter().flat_map(|known| known.keys().map(String::as_str)).collect();
        let message = format!("profile {} has no flag {key}; it has {}", flag.profile, names.join(", "));
        return Err(not_found(VERSION, message));
    }
    let value = content.get("values").and_then(|values| values.get(key));
    if value.is_some_and(|value| value.get("_variants").is_some()) {
        return Err(unexpected(VERSION, format!("flag {key} has variants, which are not on or off as a whole")));
    }
    let enabled = value.and_then(|value| value.get("enabled")).and_then(Value::as_bool);
    Ok(if enabled == Some(true) { Switch::On } else { Switch::Off })
}

/// What a deployment's state means; see `State` of `GetDeployment`.
fn step_of(state: &str) -> FlagStep {
    match state {
        "VALIDATING" | "DEPLOYING" => FlagStep::Growing,
        "BAKING" => FlagStep::Baking,
        "COMPLETE" => FlagStep::Complete,
        "ROLLING_BACK" => FlagStep::GoingBack,
        "ROLLED_BACK" | "REVERTED" => FlagStep::TakenBack,
        _ => FlagStep::Unknown,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
fn percent(share: f64) -> u8 {
    share.clamp(0.0, 100.0).round() as u8
}

fn named<'v>(operation: &'static str, what: &str, items: &'v [Value], wanted: &str) -> Result<&'v Value, CloudError> {
    let is_it = |item: &&Value| text(item, "Id") == Some(wanted) || text(item, "Name") == Some(wanted);
    items.iter().find(is_it).ok_or_else(|| not_found(operation, format!("there is no {what} `{wanted}`")))
}

fn id(item: &Value) -> String {
    text(item, "Id").unwrap_or_default().to_owned()
}

fn text<'v>(item: &'v Value, member: &str) -> Option<&'v str> {
    item.get(member)?.as_str()
}

fn number(item: &Value, member: &str) -> Option<u32> {
    item.get(member)?.as_u64()?.try_into().ok()
}

fn request(ask: Ask) -> Result<HttpRequest, BoxError> {
    let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default();
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(ask.method)?;
    request.set_uri(ask.path)?;
    if ask.body.is_some() {
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("content-length", length);
    }
    for (name, value) in ask.headers {
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Told, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        let version = response.headers().get("version-number").and_then(|number| number.parse().ok());
        return Ok(Told { body: body.to_vec(), version });
    }
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut refusal = ErrorMetadata::builder();
    // `BadRequestException:http://internal.amazon.com/…`, or without what comes after the colon.
    if let Some(kind) = response.headers().get("x-amzn-errortype") {
        refusal = refusal.code(kind.split(':').next().unwrap_or(kind));
    }
    if let Some(message) = text(&said, "Message").or_else(|| text(&said, "message")) {
        refusal = refusal.message(message);
    }
    Err(OrchestratorError::operation(refusal.build()))
}
