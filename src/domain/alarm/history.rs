//! What an alarm went through.

use serde::{Deserialize, Serialize};

use crate::domain::ids::AlarmName;
use crate::domain::observed::AlarmWord;
use crate::domain::time::Timestamp;

/// One change of an alarm's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Whose.
    pub alarm: AlarmName,
    /// When.
    pub at: Timestamp,
    /// What it was before.
    pub from: AlarmWord,
    /// What it is since.
    pub to: AlarmWord,
    /// CloudWatch's reason.
    pub reason: String,
}

/// A stretch of an alarm's life as `cells` equal parts, each with the worst state that it was in, oldest first. `None`
/// where that is not known: before `known`, which is as far back as the transitions go. The state after the last
/// transition, `now`, goes on to the end.
pub fn strip(
    transitions: &[&Transition],
    now: AlarmWord,
    known: Timestamp,
    (from, to): (Timestamp, Timestamp),
    cells: usize,
) -> Vec<Option<AlarmWord>> {
    let mut sorted: Vec<&&Transition> = transitions.iter().collect();
    sorted.sort_by_key(|transition| transition.at);
    let first = sorted.first().map_or(now, |transition| transition.from);
    let moment = |cell: usize| {
        let all = to.millis().saturating_sub(from.millis());
        let cells = i64::try_from(cells.max(1)).unwrap_or(i64::MAX);
        let cell = i64::try_from(cell).unwrap_or(i64::MAX);
        Timestamp::from_millis(from.millis().saturating_add(all.saturating_mul(cell) / cells))
    };
    (0..cells)
        .map(|cell| {
            let (begins, ends) = (moment(cell), moment(cell + 1));
            if ends <= known {
                return None;
            }
            let before = sorted.iter().rev().find(|transition| transition.at <= begins).map_or(first, |it| it.to);
            let within = sorted.iter().filter(|it| it.at > begins && it.at <= ends).map(|it| it.to);
            within.chain([before]).min_by_key(|state| badness(*state))
        })
        .collect()
}

/// Which state speaks for a stretch that saw several.
fn badness(state: AlarmWord) -> u8 {
    match state {
        AlarmWord::Firing => 0,
        AlarmWord::InsufficientData => 1,
        AlarmWord::Missing => 2,
        AlarmWord::Unknown => 3,
        AlarmWord::Ok => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(60 * minutes)
    }

    #[test]
    fn each_part_shows_its_worst_state_and_what_is_not_known_is_not_made_up() {
        use AlarmWord::{Firing, InsufficientData, Ok};
        let turn = |minute, from, to| Transition { alarm: "a".into(), at: at(minute), from, to, reason: String::new() };
        let turns = [turn(25, Ok, Firing), turn(27, Firing, Ok), turn(45, Ok, InsufficientData)];
        let turns: Vec<&Transition> = turns.iter().collect();
        let strip = |known, cells| super::strip(&turns, InsufficientData, at(known), (at(0), at(60)), cells);
        assert_eq!(strip(0, 3), [Some(Ok), Some(Firing), Some(InsufficientData)]);
        assert_eq!(strip(20, 6), [None, None, Some(Firing), Some(Ok), Some(InsufficientData), Some(InsufficientData)]);
        assert_eq!(super::strip(&[], Firing, at(0), (at(0), at(60)), 2), [Some(Firing), Some(Firing)]);
        assert_eq!(super::strip(&[], Firing, at(0), (at(60), at(0)), 0), []);
    }
}
