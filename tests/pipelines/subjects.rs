//! The pipeline files, each with what its application answers at places of its own.

use std::time::Duration;

use crate::run::{Figures, Subject};

macro_rules! subject {
    ($name:ident, $file:literal, $environment:literal, $pages:expr, $figures:expr) => {
        pub(crate) fn $name() -> Subject {
            Subject {
                file: concat!("assets/pipelines/", $file, ".toml"),
                text: include_str!(concat!("../../assets/pipelines/", $file, ".toml")),
                environment: $environment,
                component: None,
                pages: $pages,
                figures: $figures,
            }
        }
    };
}

subject!(content_aggregation_production, "content-aggregation", "production", CONTENT, minutes(10, 5));
subject!(plccoach_production, "plccoach", "production", PLCCOACH, Figures::default());
subject!(conflicto_dev, "conflicto", "dev", CONFLICTO, Figures::default());
subject!(conflicto_production, "conflicto", "production", CONFLICTO, Figures::default());
subject!(experimentation_production, "experimentation", "production", EXPERIMENTATION, minutes(30, 5));
subject!(optimization_staging, "optimization", "staging", "", minutes(5, 2));
subject!(optimization_production, "optimization", "production", "", minutes(5, 2));

/// A release and a rollback in at most so many minutes. What programs take is their own: here, a second each.
fn minutes(release: u64, rollback: u64) -> Figures {
    Figures { release: Some(Duration::from_mins(release)), rollback: Some(Duration::from_mins(rollback)) }
}

/// The page that users see first.
macro_rules! home {
    ($title:literal) => {
        concat!(
            "[[page]]\npath = \"/\"\nheaders = { content-type = \"text/html; charset=utf-8\" }\n",
            "body = \"<!doctype html><title>",
            $title,
            "</title>\"\n"
        )
    };
}

const CONTENT: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy"}'
[[page]]
path = "/health/detailed"
body = '{"status": "healthy", "database": {"status": "healthy", "query_ms": 12}}'
"#;

const PLCCOACH: &str = concat!(
    r#"
[[page]]
path = "/health"
body = '{"status": "healthy", "version": "${version}", "timestamp": "${time}"}'
[[page]]
path = "/auth/clever/login"
status = 302
headers = { location = "https://clever.com/oauth/authorize?client_id=plccoach&redirect_uri=https%3A%2F%2Fplccoach.example.com%2Fauth%2Fclever%2Fcallback" }
"#,
    home!("plccoach")
);

const CONFLICTO: &str = concat!(
    r#"
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
"#,
    home!("conflicto")
);

const EXPERIMENTATION: &str = r#"
[[page]]
path = "/health"
body = '{"status": "healthy"}'
[[page]]
path = "/api/v1/assignments/test"
body = '{"variant": "control"}'
"#;
