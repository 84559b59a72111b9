//! An outline for people.

use std::io::{self, Write};
use std::time::Duration;

use super::calls::{Call, counted, reads};
use super::outline::{Back, Millis, Outline, Stage, Standing, Times};
use crate::domain::gate::age;
use crate::domain::redact::printable;
use crate::domain::time::Elapsed;

/// Where the second column of a stage's lines begins.
const LABEL: usize = 12;

/// Writes an outline.
pub(super) fn write(outline: &Outline, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page(out);
    let place = &outline.place;
    let names: Vec<&str> = outline.components.iter().map(|component| component.name.as_str()).collect();
    let production = if outline.production { ", production" } else { "" };
    page.line(&format!("plan of a release of {} to {}{production}", names.join(", "), outline.environment))?;
    page.line(&format!("account {}, {}; planning has changed nothing", place.account, place.region))?;
    if outline.without_image {
        page.line("no --image was given: planned as if what serves were released once more")?;
    }
    page.head("as it stands")?;
    for component in &outline.components {
        standing(&mut page, component)?;
    }
    page.head("before it begins")?;
    page.labelled("reads", &reading(&outline.beforehand))?;
    page.head("stages")?;
    for (number, stage) in (1..).zip(&outline.stages) {
        self::stage(&mut page, number, stage)?;
    }
    page.head("messages by SNS")?;
    if outline.messages.is_empty() {
        page.line("  none")?;
    }
    for call in &outline.messages {
        change(&mut page, "", call)?;
    }
    page.head("all calls")?;
    let totals = outline.totals;
    page.line(&format!("  {} that change something, {} that only read", totals.changing, totals.reading))?;
    let sources: Vec<String> = outline.polling.iter().map(|(source, calls)| format!("{source} {calls:.1}")).collect();
    page.line(&format!(
        "  and while it runs, {:.1} a minute to watch: {}",
        outline.polling_altogether(),
        sources.join(", ")
    ))?;
    page.head("time")?;
    times(&mut page, &outline.times)?;
    page.head("ways back")?;
    for back in &outline.ways_back {
        way_back(&mut page, back)?;
    }
    page.head("not known before it runs")?;
    for unknown in &outline.unknown {
        page.line(&format!("  {unknown}"))?;
    }
    Ok(())
}

/// What is written, without anything that could steer a terminal.
struct Page<'a>(&'a mut dyn Write);

impl Page<'_> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.0, "{}", printable(line).trim_end())
    }

    fn head(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.0, "\n{title}")
    }

    fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.line(&format!("     {label:<LABEL$}{text}"))
    }

    /// Several lines, the first with their label.
    fn list(&mut self, label: &str, lines: &[String]) -> io::Result<()> {
        for (index, line) in lines.iter().enumerate() {
            self.labelled(if index == 0 { label } else { "" }, line)?;
        }
        Ok(())
    }
}

fn standing(page: &mut Page<'_>, component: &Standing) -> io::Result<()> {
    let (from, to) = (&component.from, &component.to);
    page.line(&format!("  {}: {from} → {to}, driver {}", component.name, component.driver))?;
    for side in &component.sides {
        page.labelled(
            side.side,
            &format!(
                "{}  {} ({})  {} tasks  {} of the traffic",
                side.service, side.version, side.task_definition, side.tasks, side.weight
            ),
        )?;
    }
    match &component.rule {
        Some(rule) => page.labelled("rule", rule),
        None => page.labelled("", "no services: the pipeline's programs release it"),
    }
}

fn stage(page: &mut Page<'_>, number: usize, stage: &Stage) -> io::Result<()> {
    let about = stage.component.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
    let after = match stage.after.as_slice() {
        [] => "at once".to_owned(),
        names => format!("after {}", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")),
    };
    page.line(&format!("{number:>3}  {} · {}{about}, {after}", stage.name, stage.kind))?;
    page.list("does", &stage.does)?;
    page.list("gate", &stage.gates)?;
    let failure = match stage.on_failure {
        "wait" => "it fails and waits for a human",
        _ => "it fails, and what was done is undone",
    };
    page.labelled("time-out", &format!("{}, then {failure}", Elapsed(stage.timeout)))?;
    page.labelled("tries again", stage.retries)?;
    let automatic = match (stage.undo.automatic, stage.undo.what.starts_with("none")) {
        (true, _) => ", without asking",
        (false, true) => "",
        (false, false) => ", by a human alone: it may lose what was written since",
    };
    page.labelled("undo", &format!("{}{automatic}", stage.undo.what))?;
    let measured = stage.measured.map(|Millis(took)| short(took));
    let takes = match (stage.planned, measured) {
        (Duration::ZERO, None) => None,
        (Duration::ZERO, Some(measured)) => Some(format!("{measured} in earlier releases")),
        (planned, None) => Some(format!("{} by its plan", Elapsed(planned))),
        (planned, Some(measured)) => {
            Some(format!("{} by its plan, and {measured} in earlier releases", Elapsed(planned)))
        }
    };
    if let Some(takes) = takes {
        page.labelled("takes", &takes)?;
    }
    if stage.calls.iter().any(|call| call.change.is_none()) {
        page.labelled("reads", &reading(&stage.calls))?;
    }
    let changes = stage.calls.iter().filter(|call| call.change.is_some());
    for (index, call) in changes.enumerate() {
        change(page, if index == 0 { "changes" } else { "" }, call)?;
    }
    Ok(())
}

fn change(page: &mut Page<'_>, label: &str, call: &Call) -> io::Result<()> {
    let Some(change) = &call.change else { return Ok(()) };
    page.labelled(label, &format!("{}  {}: {}", call.operation, change.on, change.to))
}

/// `ecs:DescribeServices ×2, …`.
fn reading(calls: &[Call]) -> String {
    let each = reads(calls).into_iter().map(|(operation, times)| match times {
        1 => operation.to_owned(),
        times => format!("{operation} ×{times}"),
    });
    each.collect::<Vec<_>>().join(", ")
}

fn times(page: &mut Page<'_>, times: &Times) -> io::Result<()> {
    let on_top = if times.expected_to_end.is_some() { "" } else { ", and what is not known on top" };
    if let Some(Millis(span)) = times.planned_to_promote {
        page.line(&format!("  to 100 % on green  {} by the plan{on_top}", Elapsed(span)))?;
    }
    page.line(&format!("  to the end         {} by the plan{on_top}", Elapsed(times.planned_to_end)))?;
    let releases = match times.releases {
        1 => "the last release".to_owned(),
        several => format!("the last {several} releases"),
    };
    if let Some(Millis(span)) = times.expected_to_promote {
        page.line(&format!("  to 100 % on green  {}, as {releases} went", Elapsed(span)))?;
    }
    if let Some(Millis(span)) = times.expected_to_end {
        page.line(&format!("  to the end         {}, as {releases} went", Elapsed(span)))?;
    }
    let overdue = Elapsed(times.overdue_after);
    match times.measured_rollback {
        Some(Millis(took)) => page.line(&format!(
            "  to roll back       {:.1} s until blue has all traffic, the median of {}; overdue after {overdue}",
            took.as_secs_f64(),
            times.rollbacks
        )),
        None => page.line(&format!("  to roll back       as many calls as below; overdue after {overdue}")),
    }
}

fn way_back(page: &mut Page<'_>, back: &Back) -> io::Result<()> {
    let (changing, _) = counted(&back.changes);
    let restore = match back.calls_to_restore {
        0 => "no traffic to bring back".to_owned(),
        1 => "1 call brings all traffic back".to_owned(),
        several => format!("{several} calls bring all traffic back"),
    };
    page.line(&format!(
        "  from {}: {restore}; {changing} changing, {} reading in all; then {}",
        back.from, back.reading, back.ending
    ))?;
    for step in &back.does {
        page.line(&format!("     {step}"))?;
    }
    for left in &back.leaves {
        page.line(&format!("     not undone: {left}"))?;
    }
    for call in &back.changes {
        change(page, "", call)?;
    }
    Ok(())
}

fn short(span: Duration) -> String {
    if span < Duration::from_secs(10) { format!("{:.1} s", span.as_secs_f64()) } else { age(span) }
}
