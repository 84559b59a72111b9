//! How often healthy releases are taken back, how soon bad ones are, and at what cost to users: by cutover's detector and by the
//! rules of others, on the same requests.
//!
//! `cargo bench --bench judging` prints every table of docs/judging.md, `-- --write` writes them there. Everything is drawn from
//! seeds: the same command finds the same.

#![expect(clippy::indexing_slicing, reason = "a benchmark may stop at a mistake of its own")]

mod kayenta;
mod rules;
mod score;
mod tables;
mod world;

use std::error::Error;
use std::io::Write;
use std::path::Path;

const USAGE: &str = "\
cargo bench --bench judging -- [TABLE]... [--runs N] [--seed N] [--rates R,R] [--only TEXT] [--write]

  TABLE     healthy worse mix jitter safe controls; all of them if none is named
  --runs N  seeds for each case; five times as many for healthy ones, a fifth at 500 requests a second [default: 100]
  --seed N  the first seed [default: 1]
  --rates   requests a second [default: 5,50,500]
  --only    only the cases whose words hold this, such as 'sticky clusters, 1 %'
  --write   write the tables into docs/judging.md instead of printing them
";

/// What is asked for.
pub(crate) struct Wanted {
    pub(crate) runs: u64,
    pub(crate) seed: u64,
    pub(crate) rates: Vec<f64>,
    /// Only the cases whose words hold this.
    pub(crate) only: String,
}

impl Wanted {
    /// The same without the rates at which a run takes long.
    pub(crate) fn slow(&self) -> Self {
        let rates = self.rates.iter().copied().filter(|rate| *rate <= 100.0).collect();
        Self { runs: self.runs, seed: self.seed, rates, only: self.only.clone() }
    }

    /// Fewer seeds where a run takes long.
    pub(crate) fn runs_at(&self, rate: f64) -> u64 {
        if rate > 100.0 { (self.runs / 5).max(1) } else { self.runs }
    }
}

#[derive(PartialEq)]
enum Place {
    Screen,
    Page,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut wanted = Wanted { runs: 100, seed: 1, rates: vec![5.0, 50.0, 500.0], only: String::new() };
    let mut names: Vec<String> = Vec::new();
    let mut place = Place::Screen;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a number is missing");
        match argument.as_str() {
            "--runs" => wanted.runs = value()?.parse()?,
            "--seed" => wanted.seed = value()?.parse()?,
            "--rates" => wanted.rates = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--only" => wanted.only = value()?,
            "--write" => place = Place::Page,
            // Cargo says so to every benchmark.
            "--bench" => {}
            name if tables::NAMES.contains(&name) => names.push(name.to_owned()),
            other => return Err(format!("{other} is not known\n\n{USAGE}").into()),
        }
    }
    if names.is_empty() {
        names = tables::NAMES.map(str::to_owned).to_vec();
    }
    for name in names {
        let table = tables::make(&name, &wanted);
        match place {
            Place::Screen => writeln!(std::io::stderr(), "{name}\n\n{table}")?,
            Place::Page => write(&name, &table)?,
        }
    }
    Ok(())
}

/// Puts a table between its marks in the documentation.
fn write(name: &str, table: &str) -> Result<(), Box<dyn Error>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/judging.md");
    let text = std::fs::read_to_string(&page)?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let missing = || format!("{} has no marks for {name}", page.display());
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    std::fs::write(&page, format!("{before}{begin}{table}{end}{after}"))?;
    Ok(())
}
