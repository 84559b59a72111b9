//! The AppSpec of a deployment to ECS
//! (<https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>).

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::LifecycleEventName;
use crate::sim::world::{ApiError, ApiResult};

/// What a deployment deploys.
#[derive(Clone, Debug)]
pub(super) struct AppSpec {
    pub(super) task_definition: String,
    pub(super) container: String,
    pub(super) port: u16,
    /// Functions by the event that they run at.
    pub(super) hooks: Vec<(LifecycleEventName, String)>,
    pub(super) sha256: String,
}

/// The events that a function may run at.
const HOOKED: [LifecycleEventName; 5] = [
    LifecycleEventName::BeforeInstall,
    LifecycleEventName::AfterInstall,
    LifecycleEventName::AfterAllowTestTraffic,
    LifecycleEventName::BeforeAllowTraffic,
    LifecycleEventName::AfterAllowTraffic,
];

impl AppSpec {
    /// Reads one; only JSON is simulated.
    pub(super) fn read(content: &str) -> ApiResult<Self> {
        let spec: Value = serde_json::from_str(content).map_err(|error| invalid(format!("it is no JSON: {error}")))?;
        let service = spec
            .get("Resources")
            .and_then(|resources| resources.get(0)?.get("TargetService"))
            .ok_or_else(|| invalid("Resources needs a TargetService"))?;
        if service.get("Type").and_then(Value::as_str) != Some("AWS::ECS::Service") {
            return Err(invalid("the Type of the TargetService must be AWS::ECS::Service"));
        }
        let text = |path: &str| {
            let found = service.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
            found.map(str::to_owned).ok_or_else(|| invalid(format!("TargetService needs {path}")))
        };
        let port = service.pointer("/Properties/LoadBalancerInfo/ContainerPort").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok());
        Ok(Self {
            task_definition: text("/Properties/TaskDefinition")?,
            container: text("/Properties/LoadBalancerInfo/ContainerName")?,
            port: port.ok_or_else(|| invalid("TargetService needs /Properties/LoadBalancerInfo/ContainerPort"))?,
            hooks: hooks(&spec)?,
            sha256: Sha256::digest(content).iter().fold(String::new(), |mut hex, byte| {
                // Writing into text cannot fail.
                let _written = write!(hex, "{byte:02x}");
                hex
            }),
        })
    }

    pub(super) fn function_at(&self, event: LifecycleEventName) -> Option<&str> {
        self.hooks.iter().find(|(at, _)| *at == event).map(|(_, function)| function.as_str())
    }
}

fn hooks(spec: &Value) -> ApiResult<Vec<(LifecycleEventName, String)>> {
    let hooks = spec.get("Hooks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = hooks.iter().filter_map(Value::as_object).flatten();
    named
        .map(|(event, function)| {
            let known = LifecycleEventName::parse(event).filter(|known| HOOKED.contains(known));
            let known = known.ok_or_else(|| invalid(format!("no function can run at {event}")))?;
            let function = function.as_str().ok_or_else(|| invalid(format!("{event} needs a function's name")))?;
            Ok((known, function.to_owned()))
        })
        .collect()
}

fn invalid(problem: impl std::fmt::Display) -> ApiError {
    ApiError::new("InvalidRevisionException", format!("The AppSpec file cannot be used: {problem}."))
}
