//! `cutover sim`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::words::speed;

const EXAMPLES: &str = "\
Example:
  cutover sim --listen 127.0.0.1:4566 --scenario errors
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws ecs describe-services --cluster shop --services api-blue";

/// Serve the simulated AWS over HTTP, for the AWS CLI or any other client
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Sim {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach: whoever can, can change the simulated world
    #[arg(long)]
    pub expose: bool,
    /// What happens: a scenario that comes along, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "healthy")]
    pub scenario: String,
    /// How many times faster than real time
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Write the authority of the simulated application's certificate here, for clients that come over HTTPS
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    /// Chance, as a number: the same gives the same world to the same calls at the same times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}
