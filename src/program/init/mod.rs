//! `cutover config init`: a first configuration, from a service as it runs. The account is read, and nothing but the file is
//! written.

mod draft;
mod find;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr, eyre};

use self::find::find;
use super::output::{self, Refused};
use crate::cli::ConfigInit;
use crate::clock::Clock;
use crate::cloud::aws::{Aws, Connection};
use crate::cloud::{Cloud as _, Inspect};
use crate::config::Config;

/// Reads the account and writes the file.
pub(super) async fn run(arguments: &ConfigInit) -> Result<u8> {
    let path = &arguments.output;
    // Looked at before anything is asked, and made sure of when it is written.
    if path.exists() {
        return Err(taken(path));
    }
    let region = arguments.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let Some(region) = region else {
        return Err(Refused::usage("the region is not known; say it with --region, such as --region eu-west-1"));
    };
    let aws = Aws::connect(Connection {
        region: region.clone(),
        cluster: arguments.cluster.clone(),
        profile: arguments.profile.clone(),
        role_arn: arguments.role.clone(),
        http: None,
        clock: Clock::system(),
    });
    let aws = Arc::new(aws.await);
    let identity = aws.identity().await.wrap_err("failed to find out whose credentials these are")?;
    let asked = draft::Asked {
        environment: arguments.environment.clone(),
        account: identity.account,
        region,
        profile: arguments.profile.clone(),
        role: arguments.role.clone(),
        cluster: arguments.cluster.clone(),
        service: arguments.service.clone(),
    };
    let found = find(aws.as_ref() as &dyn Inspect, &asked.cluster, &asked.service).await?;
    let text = draft::draft(&asked, &found);
    // What it writes, it can read: otherwise it is better not written.
    Config::read(&path.display().to_string(), &text, Path::new("."))
        .map_err(|wrong| eyre!("the configuration that was found cannot be used:\n{wrong}"))?;
    write(path, &text)?;
    let mut out = output::out();
    writeln!(out, "written to {}", path.display())?;
    for lack in found.lacks() {
        writeln!(out, "  lacking: {lack}")?;
    }
    writeln!(
        out,
        "next: read its comments, then `cutover config check`, `cutover doctor` and `cutover plan {}`",
        asked.environment
    )?;
    Ok(0)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Writes a new file; one that is there stays as it is.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = match std::fs::File::options().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(taken(path)),
        Err(error) => return Err(Refused::usage(format!("{} cannot be written: {error}", path.display()))),
    };
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

fn taken(path: &Path) -> color_eyre::Report {
    Refused::usage(format!("{} is there already and stays as it is; name another with --output", path.display()))
}
