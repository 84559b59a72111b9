//! Saving log lines to a file.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::app::logs::LogPane;
use crate::domain::ids::Side;
use crate::domain::log::LineRef;

/// Lines on their way to a file: how many, and its name, or why there is none.
pub(super) type Saving = Pin<Box<dyn Future<Output = Result<(u64, String), String>> + Send>>;

/// Saves the lines that are shown to a new file, away from the cockpit's loop. `pane` is a copy: it is packed, and small.
pub(super) fn start(path: String, pane: LogPane) -> Saving {
    let task = tokio::task::spawn_blocking(move || {
        let path = at_home(&path);
        match save(&path, &pane) {
            Ok(lines) => Ok((lines, path.display().to_string())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(format!("{} is there already: type another name", path.display()))
            }
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    });
    Box::pin(async move { task.await.unwrap_or_else(|_| Err("the writer failed".to_owned())) })
}

/// A leading `~/` is the home directory, as shells have it.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        (None, _) | (_, None) => PathBuf::from(path),
    }
}

/// A line is its moment in UTC, its side, its task, its level and its text as written. A file that could not be written
/// whole is left as far as it came, and the error is told.
fn save(path: &Path, pane: &LogPane) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut out = BufWriter::new(file);
    let mut lines = 0;
    let mut outcome = Ok(());
    pane.each_shown(|line| {
        if outcome.is_ok() {
            outcome = write(&mut out, line);
            lines += 1;
        }
    });
    outcome.and_then(|()| out.flush()).map(|()| lines)
}

fn write(out: &mut impl Write, line: LineRef<'_>) -> io::Result<()> {
    let side = match line.side {
        Some(Side::Blue) => "blue",
        Some(Side::Green) => "green",
        None => "other",
    };
    let at = jiff::Timestamp::from_millisecond(line.at.millis()).unwrap_or_default();
    writeln!(out, "{at:.3} {side} {} {} {}", line.task, line.level.word(), line.text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::filter::Filter;
    use crate::app::fixture;
    use crate::engine::handle::LogBatch;

    #[tokio::test]
    async fn what_is_shown_is_saved_for_its_owner_alone_and_never_over_another_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lines.log").display().to_string();
        let mut pane = LogPane::default();
        pane.take(LogBatch { lines: fixture::lines(3_000, true), dropped: 0 });
        pane.set_filter(Filter::default().with_text("pool").unwrap());
        let shown = pane.shown_len() as u64;
        assert_eq!(start(path.clone(), pane.clone()).await, Ok((shown, path.clone())));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count() as u64, shown);
        assert!(
            text.lines().all(|line| line.contains("Z blue a03e WARN pool") || line.contains("Z green 7c1f WARN pool"))
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = start(path.clone(), pane).await;
        assert_eq!(again, Err(format!("{path} is there already: type another name")));
        let nowhere = home.path().join("no/such/place").display().to_string();
        assert!(start(nowhere, LogPane::default()).await.is_err_and(|why| why.contains("No such file")));
    }
}
