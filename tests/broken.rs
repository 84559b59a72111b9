//! Files as people write them when something goes wrong, through the program itself: each mistake with its place, its
//! line and its remedy, all of a file at once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `config check` says of a file, run beside it.
fn check(dir: &Path, file: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.current_dir(dir).args(["--config", file, "config", "check"]).env_clear().env("HOME", dir);
    command.output().unwrap()
}

fn broken() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| panic!("what is said is no UTF-8"))
}

#[test]
fn every_broken_file_is_told_in_full() {
    let mut files: Vec<String> = fs::read_dir(broken())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort_unstable();
    assert!(files.len() >= 20, "only {} files", files.len());
    let mut all = String::new();
    for file in files {
        let said = check(&broken(), &file);
        let (out, err) = (text(&said.stdout), text(&said.stderr));
        assert_eq!(said.status.code(), Some(2), "{file}: {err}");
        assert_eq!(out, "", "{file}");
        assert!(!err.contains(['\u{1b}', '\0']), "{file}: what is said steers no terminal: {err:?}");
        for secret in ["hunter2", "AKIAIOSFODNN7", "XXXXXXXX"] {
            assert!(!err.contains(secret), "{file} shows a secret: {err}");
        }
        write!(all, "── {file}\n{err}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_no_text_or_far_too_much_is_refused_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let said = |name: &str, bytes: &[u8]| {
        fs::write(dir.path().join(name), bytes).unwrap();
        let said = check(dir.path(), name);
        assert_eq!(said.status.code(), Some(2), "{name}");
        text(&said.stderr)
    };
    let latin = said("latin.toml", b"[environments.z\xfcrich]\n");
    assert!(latin.contains("latin.toml") && latin.contains("UTF-8"), "{latin}");
    let wide = said("wide.toml", b"\xff\xfe[\0e\0n\0v\0]\0");
    assert!(wide.contains("UTF-8"), "{wide}");
    let huge = said("huge.toml", "# filler\n".repeat(200_000).as_bytes());
    assert!(huge.contains("larger than 1 MiB"), "{huge}");
    assert!(huge.len() < 300, "what is refused is not repeated: {huge}");
    let missing = check(dir.path(), "gone.toml");
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("gone.toml"));
    let directory = check(dir.path(), ".");
    assert_eq!(directory.status.code(), Some(2), "{}", text(&directory.stderr));
}
