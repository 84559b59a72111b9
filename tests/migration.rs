//! A migration for real: a SQLite database of the test's own, migrated by a separate program that is killed in the
//! middle, run again, verified and undone, in releases by the program itself. Rows are compared one by one with the backup.

#![cfg(test)]

#[path = "pty/site.rs"]
#[expect(dead_code, reason = "the tests in terminals use the rest")]
mod site;
#[path = "pty/terminal.rs"]
#[expect(dead_code, reason = "the tests in terminals use the rest")]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use site::{IMAGE, LOOK, Site, finish, gone, is_alive};

const EXAMPLE: &str = include_str!("../config.example.toml");

/// Says which part of the migration this program is to do, when it is started as one.
const STEP: &str = "MIGRATION_STEP";

const ROWS: i64 = 1_000;
const BATCH: i64 = 100;

/// While this file exists, `apply` stops in the middle of its sixth transaction, having written its number into `HELD`.
const HOLD: &str = "hold";
const HELD: &str = "held";
const HELD_AFTER: i64 = 500;

type Order = (i64, String, i64);

// ── The program that migrates ────────────────────────────────────────────────────────────────────────────────────────

/// Turns prices from euros into cents, in place: a row that is done twice is wrong, and nothing shows it.
#[test]
#[ignore = "this is the program that the other tests migrate with"]
fn the_migrating_program() {
    let Ok(step) = std::env::var(STEP) else { return };
    let mut database = Connection::open("shop.db").unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    // A small cache: what a transaction changes reaches the file before it is committed.
    database.execute_batch("PRAGMA cache_size = 2").unwrap();
    note(&step);
    match step.as_str() {
        "backup" => drop(database.execute("VACUUM INTO 'backup.db'", []).unwrap()),
        "apply" => apply(&mut database),
        "verify" => verify(&database),
        "undo" => undo(&mut database),
        other => panic!("there is no step {other}"),
    }
}

fn note(step: &str) {
    let steps = fs::read_to_string("steps").unwrap_or_default();
    fs::write("steps", format!("{steps}{step}\n")).unwrap();
}

/// How far it has come is kept in the transaction that brings it further.
#[expect(clippy::disallowed_methods, reason = "a program of its own, without a clock to simulate")]
fn apply(database: &mut Connection) {
    if version(database) == 2 {
        println!("nothing left to do");
        return;
    }
    database.execute_batch("CREATE TABLE IF NOT EXISTS progress (upto INTEGER NOT NULL)").unwrap();
    loop {
        let change = database.transaction().unwrap();
        let upto: i64 = change.query_row("SELECT coalesce(max(upto), 0) FROM progress", [], |row| row.get(0)).unwrap();
        if upto >= ROWS {
            change.execute_batch("DROP TABLE progress; PRAGMA user_version = 2").unwrap();
            change.commit().unwrap();
            return;
        }
        let range = [upto, upto + BATCH];
        change.execute("UPDATE orders SET price = price * 100 WHERE id > ? AND id <= ?", range).unwrap();
        if upto == HELD_AFTER && Path::new(HOLD).exists() {
            // Renamed, so that nobody reads half a number.
            fs::write("held.new", std::process::id().to_string()).unwrap();
            fs::rename("held.new", HELD).unwrap();
            while Path::new(HOLD).exists() {
                std::thread::sleep(LOOK);
            }
        }
        change.execute("INSERT INTO progress VALUES (?)", [upto + BATCH]).unwrap();
        change.commit().unwrap();
        println!("{} of {ROWS}", upto + BATCH);
    }
}

fn verify(database: &Connection) {
    database.execute_batch("ATTACH 'backup.db' AS before").unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let same = "SELECT count(*) FROM orders JOIN before.orders AS old USING (id) WHERE orders.price = old.price * 100";
    assert_eq!((version(database), count(same)), (2, count("SELECT count(*) FROM before.orders")));
    assert_eq!(count("SELECT count(*) FROM orders WHERE price < 0"), 0, "there are prices below zero");
}

fn undo(database: &mut Connection) {
    let change = database.transaction().unwrap();
    assert_eq!(version(&change), 2, "only a migration that is done is undone");
    change.execute_batch("UPDATE orders SET price = price / 100; PRAGMA user_version = 1").unwrap();
    change.commit().unwrap();
}

fn version(database: &Connection) -> i64 {
    database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

// ── Its surroundings ─────────────────────────────────────────────────────────────────────────────────────────────────

/// A place to release from, with a database.
struct Shop {
    site: Site,
}

impl Shop {
    /// `keys` are those of the stage, `apply` those of its main part, on top of what is needed.
    async fn new(keys: &str, apply: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let part = |step: &str, more: &str| {
            let run =
                format!("'{}', '--exact', 'the_migrating_program', '--ignored', '--nocapture'", program.display());
            format!("{step} = {{ run = [{run}], env = {{ {STEP} = '{step}' }}{more} }}\n")
        };
        let parts = [part("backup", ""), part("apply", apply), part("verify", ""), part("undo", "")].concat();
        let stage = format!("[[pipelines.standard.stages]]\nname = 'migrate'\nkind = 'migrate'\n{keys}{parts}\n");
        let from = EXAMPLE.find("[[pipelines.standard.stages]]\nname = \"migrate\"").unwrap();
        let to = EXAMPLE.find("[[pipelines.standard.stages]]\nname = \"deploy\"").unwrap();
        let site = Site::new(&[(EXAMPLE.get(from..to).unwrap(), &stage)]).await;
        let shop = Self { site };
        let database = shop.open("shop.db");
        database
            .execute_batch(&format!(
                "PRAGMA user_version = 1;
                 CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, price INTEGER NOT NULL);
                 WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS})
                 INSERT INTO orders SELECT id, 'customer ' || (id * 7919 % 311), id * 31 % 997 + 1 FROM n;"
            ))
            .unwrap();
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.path().join(name)
    }

    fn open(&self, name: &str) -> Connection {
        let database = Connection::open(self.path(name)).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database
    }

    fn rows(&self, name: &str) -> Vec<Order> {
        let database = self.open(name);
        let mut orders = database.prepare("SELECT id, customer, price FROM orders ORDER BY id").unwrap();
        let rows = orders.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// The steps that were begun, in order.
    fn steps(&self) -> Vec<String> {
        fs::read_to_string(self.path("steps")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Lets `apply` stop in its middle.
    fn hold(&self) {
        fs::write(self.path(HOLD), "").unwrap();
    }

    fn go_on(&self) {
        fs::remove_file(self.path(HOLD)).unwrap();
    }

    /// Waits until `apply` has stopped in its middle; its process.
    async fn held(&self, but: Option<Pid>) -> Pid {
        let held = self.path(HELD);
        let looking = async {
            loop {
                let pid = fs::read_to_string(&held).ok().and_then(|text| Pid::from_raw(text.parse().unwrap()));
                if let Some(pid) = pid.filter(|pid| Some(*pid) != but) {
                    return pid;
                }
                sleep(LOOK).await;
            }
        };
        timeout(Duration::from_mins(1), looking).await.expect("the migration never comes to its middle")
    }

    /// What the status says of the migration, once it stands so.
    async fn migration(&self, stands: &str) -> Value {
        let is_so = |status: &Value| status["stages"][1]["status"] == stands;
        self.site.until(&format!("the migration is {stands}"), is_so).await["stages"][1].clone()
    }

    /// No task definition was registered and no task of the new version started.
    async fn nothing_new_was_started(&self) {
        assert_eq!((self.site.definitions().await, self.site.weights().await), (1, vec![100, 0]));
    }

    /// Exactly the rows whose transactions were committed are migrated.
    fn is_migrated_up_to(&self, upto: i64) {
        let before = self.rows("backup.db");
        assert_eq!(before.len(), usize::try_from(ROWS).unwrap());
        let wanted = |(id, customer, price): Order| (id, customer, if id <= upto { price * 100 } else { price });
        assert_eq!(self.rows("shop.db"), before.into_iter().map(wanted).collect::<Vec<_>>());
    }

    /// Half of the rows are migrated, and nothing else was begun; somebody retries, and the backup from before is the good one.
    async fn is_retried_and_undone(&self) {
        self.is_migrated_up_to(HELD_AFTER);
        self.nothing_new_was_started().await;
        self.go_on();
        let ran = self.site.run(&["retry"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        self.goes_on_and_back().await;
        assert_eq!(self.steps(), ["backup", "apply", "apply", "verify", "undo"]);
    }

    /// Goes on to where green serves, and back; the database is then what it was.
    async fn goes_on_and_back(&self) {
        self.migration("passed").await;
        self.is_migrated_up_to(ROWS);
        self.site.until_green_serves().await;
        let ran = self.site.run(&["rollback"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let status = self.site.until("it has ended", |status| status["status"] == "rolled-back").await;
        assert_eq!((&status["exit_code"], &status["stages"][1]["status"]), (&4.into(), &"undone".into()));
        self.is_what_it_was();
    }

    fn is_what_it_was(&self) {
        self.is_migrated_up_to(0);
        assert_eq!(version(&self.open("shop.db")), 1);
    }
}

// ── What comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────

const SAFE: &str = "undo_is_safe = true\non_failure = 'wait'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_killed_in_the_middle_is_run_again_verified_and_undone() {
    let shop = Shop::new(SAFE, "").await;
    shop.hold();
    shop.site.release().await;
    let program = shop.held(None).await;
    kill_process(program, Signal::KILL).unwrap();
    let stage = shop.migration("failed").await;
    assert_eq!(stage["note"], "apply: ended by a signal");
    assert_eq!(shop.site.status().await["exit_code"], 6, "it waits for a human");
    shop.is_retried_and_undone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_engine_is_killed_ends_before_the_next_engine_runs_it_again() {
    let shop = Shop::new(SAFE, ", repeatable = true").await;
    shop.hold();
    shop.site.release().await;
    let program = shop.held(None).await;
    shop.site.end_engine(Signal::KILL).await;
    assert!(is_alive(program), "the migration was to outlive its engine");

    let _watching = shop.site.terminal(&["attach"]);
    let again = shop.held(Some(program)).await;
    assert!(!is_alive(program), "two of them would do the same rows");
    assert!(is_alive(again));
    shop.go_on();
    shop.goes_on_and_back().await;
    assert_eq!(shop.steps(), ["backup", "apply", "apply", "verify", "undo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_not_repeatable_waits_for_a_human_when_its_engine_was_killed() {
    let shop = Shop::new(SAFE, "").await;
    shop.hold();
    shop.site.release().await;
    let program = shop.held(None).await;
    shop.site.end_engine(Signal::KILL).await;

    let _watching = shop.site.terminal(&["attach"]);
    let stage = shop.migration("failed").await;
    assert_eq!(stage["note"], "the engine ended while its program ran; how that ended is unknown");
    gone(program).await;
    shop.is_retried_and_undone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_does_not_verify_is_undone_only_if_the_file_says_that_this_is_safe() {
    for is_safe in [true, false] {
        let shop = Shop::new(&format!("undo_is_safe = {is_safe}\n"), "").await;
        // What the migration finds was wrong before it.
        shop.open("shop.db").execute("UPDATE orders SET price = -5 WHERE id = 77", []).unwrap();
        let headless = shop.site.program(&["release", "demo", "--image", IMAGE, "--headless"]).spawn().unwrap();
        let ran = finish(headless).await;
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.out.contains("migrate failed: verify: exit 101"), "{ran:?}");
        shop.nothing_new_was_started().await;
        let steps = shop.steps();
        if is_safe {
            assert_eq!(steps, ["backup", "apply", "verify", "undo"]);
            shop.is_what_it_was();
        } else {
            assert_eq!(steps, ["backup", "apply", "verify"]);
            shop.is_migrated_up_to(ROWS);
        }
    }
}
