//! Screens of releases that the state machine itself has led through whatever comes: at every moment the picture and the
//! keys must say what is really so.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use cutover::app::fixture::{self, Scene};
use cutover::app::msg::{Cmd, Msg};
use cutover::app::update::update;
use cutover::domain::capacity::Capacities;
use cutover::domain::command::{Command, CommandKind, Order};
use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::{CheckResult, Effect, Failure, Outcome};
use cutover::domain::event::Event;
use cutover::domain::ids::ReleaseId;
use cutover::domain::machine::step;
use cutover::domain::percent::Percent;
use cutover::domain::release::Release;
use cutover::domain::signal::Ruling;
use cutover::domain::{guard, time::Timestamp};
use cutover::ui::draw;
use cutover::ui::theme::{Charset, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Something that happens to a release, before it is known what it makes of it.
#[derive(Clone, Debug)]
enum Chance {
    Wait(u64),
    EffectEnds { works: bool },
    WeightRead,
    OtherWeightRead(u8),
    Capacity { green: u32, blue: u32 },
    Judged(Ruling),
    Ordered(CommandKind),
    AlarmsLost,
}

fn chance() -> impl Strategy<Value = Chance> {
    let ruling = prop::sample::select(vec![
        Ruling::Pass,
        Ruling::Pass,
        Ruling::Pass,
        Ruling::Pass,
        Ruling::NoData,
        Ruling::Fail,
    ]);
    // What ends a release is rare, or hardly one would come far.
    let (gentle, grave): (Vec<CommandKind>, Vec<CommandKind>) =
        CommandKind::ALL.into_iter().partition(|kind| !matches!(kind, CommandKind::Rollback | CommandKind::Abort));
    prop_oneof![
        16 => (1_u64..400).prop_map(Chance::Wait),
        40 => prop::bool::weighted(0.9).prop_map(|works| Chance::EffectEnds { works }),
        30 => Just(Chance::WeightRead),
        1 => (0_u8..=100).prop_map(Chance::OtherWeightRead),
        8 => (4_u32..=6, 5_u32..=6).prop_map(|(green, blue)| Chance::Capacity { green, blue }),
        24 => Just(Chance::Capacity { green: 6, blue: 6 }),
        20 => ruling.prop_map(Chance::Judged),
        16 => prop::sample::select(gentle).prop_map(Chance::Ordered),
        1 => prop::sample::select(grave).prop_map(Chance::Ordered),
        1 => Just(Chance::AlarmsLost),
    ]
}

fn command(kind: CommandKind) -> Command {
    match kind {
        CommandKind::Promote => Command::Promote,
        CommandKind::PromoteFull => Command::PromoteFull,
        CommandKind::Pause => Command::Pause,
        CommandKind::Resume => Command::Resume,
        CommandKind::Rollback => Command::Rollback { reason: None },
        CommandKind::Abort => Command::Abort { reason: Some("enough".to_owned()) },
        CommandKind::Retry => Command::Retry,
        CommandKind::Skip => Command::Skip { reason: "known".to_owned() },
        CommandKind::Approve => Command::Approve { phrase: "deploy".to_owned() },
        CommandKind::Acknowledge => Command::Acknowledge { alarm: "api-5xx-high".into(), note: "known".to_owned() },
    }
}

fn outcome(effect: &Effect, works: bool) -> Outcome {
    if !works {
        return Outcome::Failed(Failure { transient: true, message: "ThrottlingException: rate exceeded".to_owned() });
    }
    match effect {
        Effect::CheckGate { .. } | Effect::RunChecks { .. } | Effect::WarmUp { .. } => {
            let check = CheckResult::new("health", true, "200");
            Outcome::Checked(vec![check])
        }
        Effect::RunCommand { .. } | Effect::UndoCommand { .. } => {
            Outcome::Exited { code: Some(0), tail: vec!["done".to_owned()] }
        }
        Effect::RegisterTaskDefinition { .. } => Outcome::Registered("api:119".into()),
        Effect::StopTask { .. } | Effect::Scale { .. } | Effect::SetWeight { .. } | Effect::Notify(_) => Outcome::Done,
    }
}

const API: ComponentIndex = ComponentIndex::FIRST;

fn happen(release: &mut Release, chance: &Chance, now: &mut Timestamp) {
    let event = match chance {
        Chance::Wait(secs) => {
            *now = *now + Duration::from_secs(*secs);
            Event::Ticked
        }
        Chance::EffectEnds { works } => match release.in_flight.iter().find(|flight| flight.retry_at.is_none()) {
            Some(flight) => Event::EffectEnded {
                id: flight.intent.id,
                attempt: flight.intent.attempt,
                outcome: outcome(&flight.intent.effect, *works),
            },
            None => Event::Ticked,
        },
        Chance::WeightRead => Event::WeightObserved { component: API, green: release.components[API].traffic.set },
        Chance::OtherWeightRead(weight) => Event::WeightObserved { component: API, green: Percent::clamped(*weight) },
        Chance::Capacity { green, blue } => {
            let mut both =
                Capacities { blue: fixture::capacity(*blue, 6), green: fixture::capacity(*green, 6), deployment: None };
            if let Some(arn) = &release.components[API].task_definition {
                both.green.task_definition = arn.clone();
            }
            Event::CapacityObserved { component: API, capacities: both }
        }
        Chance::Judged(ruling) => {
            let one = |name: &str| fixture::verdict(name, *ruling, Some(0.4), Some(0.3));
            let signals = release.plan.components[API].signals.iter();
            Event::Judged { component: API, verdicts: signals.map(|signal| one(signal.name.as_str())).collect() }
        }
        Chance::Ordered(kind) => {
            let order = Order { command: command(*kind), stage: None, by: fixture::operator(), seen: None };
            Event::Ordered(order)
        }
        Chance::AlarmsLost => Event::AlarmsLost { component: API, why: "AccessDenied".to_owned(), firing: Vec::new() },
    };
    let _ = step(release, event, *now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_screen_follows_whatever_becomes_of_a_release(chances in prop::collection::vec(chance(), 1..240)) {
        let theme = Theme::named("dark", Charset::Unicode).unwrap();
        let mut snapshot = fixture::snapshot(Scene::Gates);
        let mut model = fixture::model(Scene::Gates, &snapshot).unwrap();
        let mut now = fixture::NOW;
        let mut release = Release::planned(ReleaseId(41), fixture::plan());
        let _ = step(&mut release, Event::Requested { by: fixture::operator() }, now);
        let area = Rect::new(0, 0, 120, 40);
        let mut buffer = Buffer::empty(area);
        for chance in chances {
            happen(&mut release, &chance, &mut now);
            snapshot.at = now;
            snapshot.release = Arc::new(release.clone());
            let _ = update(&mut model, &snapshot, Msg::SnapshotChanged);
            model.saw(draw(&mut buffer, area, &model, &snapshot, &theme));

            let row = |y: u16| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
            let word = release.status().word().to_uppercase().replace('-', " ");
            prop_assert!(row(2).contains(&word), "{word} in {:?}", row(2));
            if let Some(observed) = release.components[API].traffic.observed {
                prop_assert!(row(4).contains(&format!("observed {observed}")), "{observed} in {:?}", row(4));
            }
            let can = guard::possible(&release, CommandKind::Rollback);
            prop_assert_eq!(row(39).starts_with(" R roll back "), can.is_ok(), "{}", row(39));
        }
        let mut cmds = Vec::new();
        for key in ["ctrl-r", "enter"] {
            cmds.extend(update(&mut model, &snapshot, Msg::Key(key.parse().unwrap())));
        }
        // What the screen lets through, the machine takes: they go by the same guard.
        for cmd in cmds {
            if let Cmd::Send(order) = cmd {
                let reaction = step(&mut release, Event::Ordered(order), now);
                prop_assert!(matches!(reaction.answer, Some(Ok(_))), "{:?}", reaction.answer);
            }
        }
    }
}
