//! Tasks on ECS: one for each part of a stage, whatever becomes of answers and engines, and stopped before anything else
//! goes on.

use cutover::domain::command::Actor;
use cutover::sim::FaultPlan;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};
use cutover::sim::world::ecs::{Task, TaskStatus, UpdateService};

use super::*;

/// A pipeline whose migration can be undone, by a program here, and takes its time on ECS.
fn migrates(pipeline: &str) -> String {
    let undo = "undo = { run = [\"migrate-down\"] }";
    let seed = "kind = \"task\"\nrun = [\"seed\", \"${version}\"]";
    let pipeline = pipeline.replacen(undo, &format!("{undo}\nundo_is_safe = true\ntimeout = \"2m\""), 1);
    pipeline.replacen(seed, "kind = \"command\"\nrun = [\"seed\"]", 1)
}

/// The same, undone by a task.
fn migrates_back_on_ecs(pipeline: &str) -> String {
    migrates(pipeline).replacen(
        "undo = { run = [\"migrate-down\"] }",
        "undo = { on = \"ecs\", run = [\"migrate\", \"down\"], definition = \"serving\" }",
        1,
    )
}

fn world(lasts: &str, more: &str) -> String {
    format!("summary = \"\"\n[one_off]\nfor = \"{lasts}\"\n{more}")
}

/// The tasks that were run once, oldest first.
fn one_offs(sim: &Sim) -> Vec<Task> {
    sim.with(|world, _| {
        let all = world.changes().iter().filter(|change| change.operation == "RunTask");
        let starters: Vec<String> = all
            .filter_map(|run| run.facts.iter().find(|(name, _)| *name == "startedBy").map(|(_, by)| by.clone()))
            .collect();
        starters.iter().map(|by| world.tasks_started_by(by).into_iter().next().unwrap()).collect()
    })
}

fn has_started(sim: &Sim, command: &str) -> bool {
    tasks(sim).iter().any(|(_, known)| known == command)
}

fn stops(sim: &Sim) -> usize {
    sim.with(|world, _| world.changes().iter().filter(|change| change.operation == "StopTask").count())
}

fn says(release: &Release, words: &str) -> bool {
    release.timeline.iter().any(|moment| moment.text.contains(words))
}

/// Every answer to these calls is lost, though they take effect.
fn lost(operations: &[&str]) -> ApiFault {
    ApiFault::new(ApiFaultKind::LostResponse, Share::all()).on(operations)
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_given_up_has_stopped_before_it_is_undone() {
    let theatre = Theatre::new(&world("1h", ""), migrates).await;
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Failed, "{:#?}", release.timeline);
    assert!(release.stages[3].note.contains("undone"), "{:#?}", release.stages[3]);
    let all = one_offs(&theatre.place.sim);
    assert_eq!((all.len(), stops(&theatre.place.sim)), (1, 1));
    assert_eq!(all[0].last_status, TaskStatus::Stopped);
    let stopped = all[0].stopped_at.unwrap();
    assert!(theatre.ran_at("migrate-down") > stopped, "the undo ran beside the migration");
    assert!(says(&release, "has stopped"), "{:#?}", release.timeline);
}

#[tokio::test(start_paused = true)]
async fn an_abort_leaves_no_task_behind() {
    let theatre = Theatre::new(&world("1h", ""), migrates).await;
    let (engine, hub, stop) = theatre.begin();
    let handle = hub.attach();
    let sim = theatre.place.sim.clone();
    let aborts = tokio::spawn(async move {
        wait_until(|| has_started(&sim, "migrate up")).await;
        let command = cutover::domain::command::Command::Abort { reason: None };
        let by = Actor::new("maria", "bastion");
        handle.orders.send(cutover::domain::command::Order { command, stage: None, by, seen: None }).await
    });
    let release = theatre.to_its_end((engine, hub, stop)).await;
    aborts.await.unwrap();
    assert_eq!(ending(&release), Ending::Aborted, "{:#?}", release.timeline);
    assert_eq!(one_offs(&theatre.place.sim)[0].last_status, TaskStatus::Stopped);
    assert_eq!(theatre.ran(), ["build", "seed", "dump"], "nothing is undone");
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_start_was_not_answered_is_followed_and_not_run_again() {
    let theatre = Theatre::new(&world("30s", ""), migrates).await;
    let (sim, watched) = (theatre.place.sim.clone(), theatre.place.sim.clone());
    sim.wire().set_faults(FaultPlan::of(vec![lost(&["RunTask"])]));
    let mends = tokio::spawn(async move {
        wait_until(|| has_started(&watched, "migrate up")).await;
        watched.wire().set_faults(FaultPlan::default());
    });
    let release = theatre.to_its_end(theatre.begin()).await;
    mends.await.unwrap();
    assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
    assert_eq!((one_offs(&sim).len(), stops(&sim)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_start_was_never_answered_is_found_to_be_stopped() {
    let theatre = Theatre::new(&world("1h", ""), migrates).await;
    let sim = &theatre.place.sim;
    let list = ApiFault::new(ApiFaultKind::ServerError, Share::all()).on(&["ListTasks"]);
    sim.wire().set_faults(FaultPlan::of(vec![lost(&["RunTask"]), list.during(Duration::ZERO, Duration::from_mins(3))]));
    let release = theatre.to_its_end(theatre.begin()).await;
    assert_eq!(ending(&release), Ending::Failed, "{:#?}", release.timeline);
    let all = one_offs(sim);
    assert_eq!((all.len(), stops(sim)), (1, 1), "{:#?}", release.timeline);
    assert!(theatre.ran_at("migrate-down") > all[0].stopped_at.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_takes_over_follows_the_task_that_runs() {
    for takes_effect_unseen in [false, true] {
        let theatre = Theatre::new(&world("90s", ""), migrates_back_on_ecs).await;
        let sim = &theatre.place.sim;
        if takes_effect_unseen {
            sim.wire().set_faults(FaultPlan::of(vec![lost(&["RunTask"])]));
        }
        theatre.until(theatre.begin(), || has_started(sim, "migrate up")).await;
        tokio::time::sleep(Duration::from_secs(40)).await;
        sim.wire().set_faults(FaultPlan::default());
        let release = theatre.to_its_end(theatre.recover()).await;
        assert_eq!(ending(&release), Ending::Succeeded, "{:#?}", release.timeline);
        assert_eq!((one_offs(sim).len(), stops(sim)), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_on_ecs_is_followed_by_the_next_engine_too() {
    let theatre = Theatre::new("errors", migrates_back_on_ecs).await;
    let sim = &theatre.place.sim;
    theatre.until(theatre.begin(), || has_started(sim, "migrate down")).await;
    let release = theatre.to_its_end(theatre.recover()).await;
    assert_eq!(ending(&release), Ending::RolledBack, "{:#?}", release.timeline);
    let downs = tasks(sim).into_iter().filter(|(_, command)| command == "migrate down").count();
    assert_eq!((downs, release.stages[3].status), (1, StageStatus::Undone));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_over_the_token_is_settled_by_finding_the_task() {
    for (lag, ends) in [("10s", Ending::Succeeded), ("5m", Ending::Failed)] {
        let theatre = Theatre::new(&world("30s", &format!("[consistency]\ntasks = \"{lag}\"\n")), migrates).await;
        let (sim, watched) = (theatre.place.sim.clone(), theatre.place.sim.clone());
        sim.wire().set_faults(FaultPlan::of(vec![lost(&["RunTask"])]));
        let moves = tokio::spawn(async move {
            wait_until(|| has_started(&watched, "migrate up")).await;
            let subnets = Some(vec!["subnet-elsewhere".to_owned()]);
            let update = UpdateService { service: "api-blue".to_owned(), subnets, ..UpdateService::default() };
            watched.with(|world, _| world.update_service(update).unwrap());
            // Longer than the SDK asks again by itself, with the request as it was.
            tokio::time::sleep(Duration::from_secs(8)).await;
            watched.wire().set_faults(FaultPlan::default());
        });
        let release = theatre.to_its_end(theatre.begin()).await;
        moves.await.unwrap();
        assert_eq!(ending(&release), ends, "{:#?}", release.timeline);
        assert_eq!(tasks(&sim).len(), 1, "never run twice");
        let is_clear = release.stages[3].note.contains("undone") && says(&release, "how it ended is unknown");
        assert!(ends == Ending::Succeeded || is_clear, "{:#?}", release.timeline);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_somebody_stops_has_not_succeeded_although_its_program_ends_well() {
    let theatre = Theatre::new(&world("1h", ""), migrates).await;
    let watched = theatre.place.sim.clone();
    let stops = tokio::spawn(async move {
        wait_until(|| has_started(&watched, "migrate up")).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        let task = one_offs(&watched)[0].arn.clone();
        watched.with(|world, _| world.stop_task(None, &task, Some("by hand")).unwrap());
    });
    let release = theatre.to_its_end(theatre.begin()).await;
    stops.await.unwrap();
    assert_eq!(ending(&release), Ending::Failed, "{:#?}", release.timeline);
    assert!(says(&release, "it was stopped from outside: by hand"), "{:#?}", release.timeline);
}
