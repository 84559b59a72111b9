//! AppConfig: a REST protocol, whose parameters come in the path, the query, headers and the body.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::{Map, Value as Json};

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::domain::time::Timestamp;
use crate::sim::world::app_config::{Deployment, Named, StartDeployment};
use crate::sim::world::{ApiResult, World};

/// The member of an answer that is its whole body.
pub(super) const PAYLOAD: &str = "Content";

/// Items a page, unless asked otherwise, and at most.
const PAGE: usize = 50;

/// The operation that a request is for, and its parameters as one structure; `None` when it is not for AppConfig.
pub(super) fn recognise(parts: &Parts, body: &Bytes) -> Option<(&'static str, Bytes)> {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let is = |method: Method| parts.method == method;
    let (operation, named): (&str, &[(&str, &str)]) = match path.as_slice() {
        ["applications"] if is(Method::GET) => ("ListApplications", &[]),
        ["applications", a, "environments"] if is(Method::GET) => ("ListEnvironments", &[("ApplicationId", *a)]),
        ["applications", a, "configurationprofiles"] if is(Method::GET) => {
            ("ListConfigurationProfiles", &[("ApplicationId", *a)])
        }
        ["applications", a, "configurationprofiles", p, "hostedconfigurationversions"] if is(Method::POST) => {
            ("CreateHostedConfigurationVersion", &[("ApplicationId", *a), ("ConfigurationProfileId", *p)])
        }
        ["applications", a, "configurationprofiles", p, "hostedconfigurationversions", n] if is(Method::GET) => (
            "GetHostedConfigurationVersion",
            &[("ApplicationId", *a), ("ConfigurationProfileId", *p), ("VersionNumber", *n)],
        ),
        ["applications", a, "environments", e, "deployments"] if is(Method::GET) => {
            ("ListDeployments", &[("ApplicationId", *a), ("EnvironmentId", *e)])
        }
        ["applications", a, "environments", e, "deployments"] if is(Method::POST) => {
            ("StartDeployment", &[("ApplicationId", *a), ("EnvironmentId", *e)])
        }
        ["applications", a, "environments", e, "deployments", n] if is(Method::GET) => {
            ("GetDeployment", &[("ApplicationId", *a), ("EnvironmentId", *e), ("DeploymentNumber", *n)])
        }
        ["applications", a, "environments", e, "deployments", n] if is(Method::DELETE) => {
            ("StopDeployment", &[("ApplicationId", *a), ("EnvironmentId", *e), ("DeploymentNumber", *n)])
        }
        _ => return None,
    };
    let operation = OPERATIONS.into_iter().find(|known| *known == operation)?;
    let mut all = match operation {
        "StartDeployment" => serde_json::from_slice::<Map<String, Json>>(body).unwrap_or_default(),
        _ => Map::new(),
    };
    if operation == "CreateHostedConfigurationVersion" {
        all.insert(PAYLOAD.to_owned(), serde_json::from_slice(body).unwrap_or_default());
    }
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned()));
    let named = named.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let headers = [("description", "Description"), ("allow-revert", "AllowRevert")];
    let headers =
        headers.into_iter().filter_map(|(header, name)| Some((name.to_owned(), header_of(&parts.headers, header)?)));
    all.extend(query.chain(named).chain(headers).map(|(name, value)| (name, Json::String(value))));
    Some((operation, serde_json::to_vec(&all).unwrap_or_default().into()))
}

const OPERATIONS: [&str; 9] = [
    "ListApplications",
    "ListEnvironments",
    "ListConfigurationProfiles",
    "CreateHostedConfigurationVersion",
    "GetHostedConfigurationVersion",
    "ListDeployments",
    "StartDeployment",
    "GetDeployment",
    "StopDeployment",
];

fn header_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    let listed = |items: Vec<Value>| {
        let size = input.count("max_results", 1..=50)?.unwrap_or(PAGE);
        let (shown, next) = page(Service::AppConfig, operation, items, input.text("next_token")?, size)?;
        Ok(Fields::new().with("Items", Value::List(shown)).maybe("NextToken", next).into())
    };
    let all = |items: Vec<Named>| items.into_iter().map(|it| named(it).into()).collect::<Vec<Value>>();
    let application = || input.required("ApplicationId");
    let environment = || input.required("EnvironmentId");
    match operation {
        "ListApplications" => listed(all(world.list_config_applications())),
        "ListEnvironments" => listed(all(world.list_config_environments(application()?)?)),
        "ListConfigurationProfiles" => {
            let profiles = world.list_config_profiles(application()?)?.into_iter();
            let profile =
                |it| named(it).with("LocationUri", "hosted").with("Type", "AWS.AppConfig.FeatureFlags").into();
            listed(profiles.map(profile).collect())
        }
        "GetHostedConfigurationVersion" => {
            let (profile, number) = (input.required("ConfigurationProfileId")?, input.required("VersionNumber")?);
            let content = world.hosted_version(application()?, profile, number)?;
            Ok(version(number.to_owned(), Some(&content)))
        }
        "CreateHostedConfigurationVersion" => {
            let profile = input.required("ConfigurationProfileId")?;
            let content = input.raw(PAYLOAD).cloned().ok_or_else(|| input.missing(PAYLOAD))?;
            let number = world.create_hosted_version(application()?, profile, content.clone())?;
            Ok(version(number.to_string(), Some(&content)))
        }
        "ListDeployments" => {
            let found = world.list_config_deployments(application()?, environment()?)?;
            listed(found.into_iter().map(|it| summary(&it).into()).collect())
        }
        "GetDeployment" => {
            let number = input.required("DeploymentNumber")?;
            Ok(deployment(world.get_config_deployment(application()?, environment()?, number)?))
        }
        "StartDeployment" => {
            let start = StartDeployment {
                profile: input.required("ConfigurationProfileId")?,
                version: input.required("ConfigurationVersion")?,
                strategy: input.required("DeploymentStrategyId")?,
                description: input.text("Description")?,
            };
            Ok(deployment(world.start_config_deployment(application()?, environment()?, &start)?))
        }
        "StopDeployment" => {
            let number = input.required("DeploymentNumber")?;
            let allow_revert = input.flag("AllowRevert")?.unwrap_or(false);
            Ok(deployment(world.stop_config_deployment(application()?, environment()?, number, allow_revert)?))
        }
        _ => Err(Service::AppConfig.unknown_operation(operation)),
    }
}

fn named(it: Named) -> Fields {
    Fields::new().with("Id", it.id).with("Name", it.name)
}

fn version(number: String, content: Option<&Json>) -> Value {
    Fields::new().with("VersionNumber", number).maybe(PAYLOAD, content).into()
}

/// A deployment as it is listed.
fn summary(it: &Deployment) -> Fields {
    Fields::new()
        .with("DeploymentNumber", it.number)
        .with("ConfigurationName", &it.profile.name)
        .with("ConfigurationVersion", it.version.to_string())
        .with("DeploymentDurationInMinutes", it.strategy.deploys.as_secs() / 60)
        .with("FinalBakeTimeInMinutes", it.strategy.bakes.as_secs() / 60)
        .with("GrowthType", "LINEAR")
        .with("GrowthFactor", it.strategy.growth)
        .with("State", it.state)
        .with("PercentageComplete", it.percent)
        .with("StartedAt", written(it.at))
        .maybe("CompletedAt", it.ended.map(written))
}

fn deployment(it: Deployment) -> Value {
    let summary = summary(&it);
    summary
        .with("ConfigurationProfileId", it.profile.id)
        .with("DeploymentStrategyId", it.strategy.id)
        .maybe("Description", it.description)
        .into()
}

/// A moment as this protocol writes it.
fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map(|at| at.to_string()).unwrap_or_default()
}
