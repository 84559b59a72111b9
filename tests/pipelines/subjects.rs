//! The pipeline files, each with what its application answers at places of its own.

use crate::run::Subject;

macro_rules! subject {
    ($name:ident, $file:literal, $environment:literal, $pages:expr) => {
        pub(crate) fn $name() -> Subject {
            Subject {
                file: concat!("assets/pipelines/", $file, ".toml"),
                text: include_str!(concat!("../../assets/pipelines/", $file, ".toml")),
                environment: $environment,
                component: None,
                pages: $pages,
            }
        }
    };
}

subject!(content_aggregation_production, "content-aggregation", "production", CONTENT);
subject!(plccoach_production, "plccoach", "production", PLCCOACH);
subject!(conflicto_dev, "conflicto", "dev", CONFLICTO);
subject!(conflicto_production, "conflicto", "production", CONFLICTO);
subject!(experimentation_production, "experimentation", "production", EXPERIMENTATION);
subject!(optimization_staging, "optimization", "staging", "");
subject!(optimization_production, "optimization", "production", "");

const CONTENT: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy"}'
[[page]]
path = "/health/detailed"
body = '{"status": "healthy", "database": {"status": "healthy", "query_ms": 12}}'
"#;

const PLCCOACH: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy", "version": "${version}", "timestamp": "${time}"}'
[[page]]
path = "/auth/clever/login"
status = 302
headers = { location = "https://clever.com/oauth/authorize?client_id=plccoach&redirect_uri=https%3A%2F%2Fplccoach.example.com%2Fauth%2Fclever%2Fcallback" }
[[page]]
path = "/"
headers = { content-type = "text/html; charset=utf-8" }
body = "<!doctype html><title>plccoach</title>"
"#;

const CONFLICTO: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy", "environment": "prod", "version": "${version}", "timestamp": "${time}"}'
[[page]]
path = "/health/deep"
body = '{"status": "healthy", "database": "connected"}'
[[page]]
path = "/api/sessions"
method = "POST"
status = 201
body = '{"id": 7, "name": "Test Session"}'
[[page]]
path = "/api/me"
status = 401
[[page]]
path = "/"
headers = { content-type = "text/html; charset=utf-8" }
body = "<!doctype html><title>conflicto</title>"
"#;

const EXPERIMENTATION: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy"}'
[[page]]
path = "/api/v1/assignments/test"
body = '{"variant": "control"}'
"#;
