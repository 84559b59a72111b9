//! Lines clustered into templates as they come, with counts for each side: what green logs that blue does not.
//!
//! The clustering is that of Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS
//! 2017): lines of the same level, length and first word are compared word by word, and join the template that they share
//! most words with, if that is at least half. The words that differ become a gap. Words with digits are gaps from the
//! start, but for the status of a request, which never becomes one.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::fields::{Value, object};
use super::reading::{MESSAGE, METHOD, ROUTE, STATUS, read};
use super::{Level, LineRef};
use crate::domain::ids::Side;
use crate::domain::time::Timestamp;

/// Templates kept. One that has not been seen for longest gives way.
const MOST: usize = 1_000;

/// Words of a line that are looked at.
const WORDS: usize = 30;

/// Characters kept of a word, and of an example.
const WORD: usize = 60;
const EXAMPLE: usize = 300;

/// What stands for words that differ.
const GAP: &str = "<*>";

/// The share of words that a line and its template have in common.
const ALIKE: f64 = 0.5;

/// Lines of blue before something can be new in green: with fewer, everything would be.
const HEARD: u64 = 50;

/// A template counts as more frequent in green from so many lines and so many times blue's share on.
const LEAST: u64 = 5;
const TIMES: f64 = 3.0;

/// Templates of a log.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    groups: Vec<Group>,
    /// Places in `groups`.
    by_shape: HashMap<Shape, Vec<usize>>,
    lines: Counts,
    seen: u64,
}

/// What lines must have in common to be compared: level, number of words, the first of them, and the status.
type Shape = (Level, usize, String);

/// How many lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Of blue's.
    pub blue: u64,
    /// Of green's.
    pub green: u64,
    /// Of neither side's.
    pub other: u64,
}

#[derive(Clone, Debug)]
struct Group {
    shape: Shape,
    words: Vec<String>,
    counts: Counts,
    last: Timestamp,
    /// The how manieth line was its last.
    seen: u64,
    example: String,
    task: String,
    is_of_green: bool,
}

/// How a template's lines divide between the sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Green logs it, and blue never has.
    NewInGreen,
    /// It is a share of green's lines this many times as large as of blue's.
    MoreInGreen(f64),
    /// Neither.
    #[default]
    Usual,
}

/// A template as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    /// How loud its lines are.
    pub level: Level,
    /// Its words; `<*>` where they differ, and an empty one where the parts of a request end.
    pub words: Vec<String>,
    /// How many lines.
    pub counts: Counts,
    /// How they divide between the sides.
    pub standing: Standing,
    /// When the last one was written.
    pub last: Timestamp,
    /// One of them, as people read it; green's, if there is one.
    pub example: String,
    /// The task that wrote it.
    pub task: String,
}

impl Counts {
    fn add(&mut self, side: Option<Side>) {
        let count = match side {
            Some(Side::Blue) => &mut self.blue,
            Some(Side::Green) => &mut self.green,
            None => &mut self.other,
        };
        *count = count.saturating_add(1);
    }

    /// Of all.
    pub fn all(self) -> u64 {
        self.blue.saturating_add(self.green).saturating_add(self.other)
    }
}

impl Pattern {
    /// Its words as a line.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// A query that finds its lines, in the language of the filter.
    pub fn query(&self) -> String {
        let mut expression = String::new();
        let mut has_gap = false;
        for word in &self.words {
            if word.is_empty() || word.contains(GAP) {
                has_gap = true;
            }
            for (place, part) in word.split(GAP).enumerate().filter(|(_, part)| !part.is_empty()) {
                if !expression.is_empty() {
                    expression.push_str(if has_gap || place > 0 { ".*" } else { r"\s+" });
                }
                expression.push_str(&regex::escape(part).replace('/', r"\/"));
                has_gap = word.contains(GAP);
            }
        }
        let level = self.level.word().to_lowercase();
        if expression.is_empty() { format!("level={level}") } else { format!("level={level} /{expression}/") }
    }
}

impl Patterns {
    /// Takes a line.
    pub fn take(&mut self, line: LineRef<'_>) {
        self.seen += 1;
        self.lines.add(line.side);
        let words = words(line.text);
        let mut first = words.iter().find(|word| !word.is_empty()).cloned().unwrap_or_default().into_owned();
        // A status never becomes a gap.
        words.iter().skip(1).filter(|word| is_status(word)).for_each(|status| first.push_str(status));
        let shape = (line.level, words.len(), first);
        let near = self.by_shape.get(&shape).and_then(|places| self.nearest(places, &words));
        let place = match near {
            Some(place) => place,
            None => self.begin(shape, &words),
        };
        let seen = self.seen;
        let Some(group) = self.groups.get_mut(place) else { return };
        for (kept, word) in group.words.iter_mut().zip(&words) {
            if kept != word && kept != GAP {
                GAP.clone_into(kept);
            }
        }
        group.counts.add(line.side);
        group.last = group.last.max(line.at);
        group.seen = seen;
        let is_of_green = line.side == Some(Side::Green);
        if group.example.is_empty() || (is_of_green && !group.is_of_green) {
            group.example = read(line.text).chars().take(EXAMPLE).collect();
            line.task.clone_into(&mut group.task);
            group.is_of_green = is_of_green;
        }
    }

    fn nearest(&self, places: &[usize], words: &[Cow<'_, str>]) -> Option<usize> {
        let alike = |place: &usize| {
            let group = self.groups.get(*place)?;
            let same = group.words.iter().zip(words).filter(|(kept, word)| kept == word).count();
            Some((same, *place))
        };
        let (same, place) = places.iter().filter_map(alike).max()?;
        (same as f64 >= ALIKE * words.len() as f64).then_some(place)
    }

    fn begin(&mut self, shape: Shape, words: &[Cow<'_, str>]) -> usize {
        let group = Group {
            shape: shape.clone(),
            words: words.iter().map(|word| word.clone().into_owned()).collect(),
            counts: Counts::default(),
            last: Timestamp::default(),
            seen: self.seen,
            example: String::new(),
            task: String::new(),
            is_of_green: false,
        };
        let place = if self.groups.len() < MOST { self.groups.len() } else { self.oldest() };
        match self.groups.get_mut(place) {
            Some(kept) => {
                let old = std::mem::replace(kept, group);
                if let Some(places) = self.by_shape.get_mut(&old.shape) {
                    places.retain(|other| *other != place);
                    if places.is_empty() {
                        self.by_shape.remove(&old.shape);
                    }
                }
            }
            None => self.groups.push(group),
        }
        self.by_shape.entry(shape).or_default().push(place);
        place
    }

    fn oldest(&self) -> usize {
        let oldest = self.groups.iter().enumerate().min_by_key(|(_, group)| group.seen);
        oldest.map_or(0, |(place, _)| place)
    }

    /// How many lines were taken.
    pub fn lines(&self) -> Counts {
        self.lines
    }

    /// How many templates are kept.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether no line has come yet.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The `most` that tell most: those new in green first, then those more frequent there, then the others; among alike ones
    /// the louder and then the more frequent first.
    pub fn top(&self, most: usize) -> Vec<Pattern> {
        let mut ranked: Vec<(Standing, &Group)> =
            self.groups.iter().map(|group| (standing(group.counts, self.lines), group)).collect();
        let order = |(standing, group): &(Standing, &Group)| {
            let place = match standing {
                Standing::NewInGreen => 0,
                Standing::MoreInGreen(_) => 1,
                Standing::Usual => 2,
            };
            let count = if place == 2 { group.counts.all() } else { group.counts.green };
            (place, std::cmp::Reverse(group.shape.0), std::cmp::Reverse(count), group.seen)
        };
        ranked.sort_by_key(order);
        let shown = |(standing, group): (Standing, &Group)| Pattern {
            level: group.shape.0,
            words: group.words.clone(),
            counts: group.counts,
            standing,
            last: group.last,
            example: group.example.clone(),
            task: group.task.clone(),
        };
        ranked.into_iter().take(most).map(shown).collect()
    }
}

/// How a template with these counts divides, among all lines.
fn standing(counts: Counts, lines: Counts) -> Standing {
    if counts.green == 0 || lines.blue < HEARD {
        return Standing::Usual;
    }
    if counts.blue == 0 {
        return Standing::NewInGreen;
    }
    let expected = counts.blue as f64 / lines.blue as f64 * lines.green as f64;
    let found = counts.green as f64;
    let times = found / expected;
    // Three standard deviations of a Poisson count, so that rare lines are not taken for frequent ones.
    let is_more = counts.green >= LEAST && times >= TIMES && found > expected + 3.0 * (expected + 1.0).sqrt();
    if is_more { Standing::MoreInGreen(times) } else { Standing::Usual }
}

/// The words that a line is compared by. Of JSON: the request, its status, and the message; the other fields are what
/// differs from line to line.
fn words(text: &str) -> Vec<Cow<'_, str>> {
    let mut all: Vec<Cow<'_, str>> = Vec::new();
    let Some(fields) = object(text) else {
        let mut before = "";
        for word in text.split_whitespace().take(WORDS) {
            all.push(if is_status(word) && before.contains('/') { Cow::Borrowed(word) } else { masked(word) });
            before = word;
        }
        return all;
    };
    let value = |names: &[&str]| {
        let found = names.iter().find_map(|name| fields.iter().find(|field| field.name == *name));
        found.map(|field| field.value.clone())
    };
    let part = |value: Value<'_>| Cow::Owned(masked(value.shown()).into_owned());
    all.extend(value(&METHOD).map(part));
    all.extend(value(&ROUTE).map(part));
    all.extend(value(&STATUS).map(|status| Cow::Owned(cut(status.shown()).to_owned())));
    match value(&MESSAGE) {
        Some(message) => {
            if !all.is_empty() {
                all.push(Cow::Borrowed(""));
            }
            all.extend(
                message.shown().split_whitespace().take(WORDS).map(|word| Cow::Owned(masked(word).into_owned())),
            );
        }
        None => {
            if all.is_empty() {
                all.extend(fields.iter().take(WORDS).map(|field| Cow::Owned(format!("{}={GAP}", cut(&field.name)))));
            }
        }
    }
    all
}

fn is_status(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()) && word.starts_with(['1', '2', '3', '4', '5'])
}

fn cut(word: &str) -> &str {
    word.get(..word.floor_char_boundary(WORD)).unwrap_or(word)
}

/// A word without what differs from line to line: parts of paths with digits, values of pairs, and whole words otherwise.
fn masked(word: &str) -> Cow<'_, str> {
    let word = cut(word);
    if let Some((name, _)) = word.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty()) {
        return Cow::Owned(format!("{name}={GAP}"));
    }
    if !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    if word.starts_with('/') {
        let path = word.split(['?', '#']).next().unwrap_or(word);
        let part = |part: &str| {
            let is_version = part.len() <= 3 && part.starts_with('v');
            let differs = part.bytes().any(|byte| byte.is_ascii_digit()) && !is_version;
            if differs { GAP.to_owned() } else { part.to_owned() }
        };
        return Cow::Owned(path.split('/').map(part).collect::<Vec<_>>().join("/"));
    }
    Cow::Borrowed(GAP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(patterns: &mut Patterns, side: Side, text: &str) {
        let level = super::super::reading::level(text);
        let at = Timestamp::from_secs(i64::try_from(patterns.seen).unwrap());
        patterns.take(LineRef { at, component: None, side: Some(side), task: side.word(), level, text });
    }

    fn shown(patterns: &Patterns) -> Vec<(String, u64, u64)> {
        let each = |pattern: Pattern| (pattern.text(), pattern.counts.blue, pattern.counts.green);
        patterns.top(9).into_iter().map(each).collect()
    }

    #[test]
    fn lines_join_the_template_that_they_share_most_words_with() {
        let mut patterns = Patterns::default();
        for number in 0..40 {
            take(&mut patterns, Side::Blue, &format!("WARN pool wait {number} ms for tenant t{number}x"));
            take(&mut patterns, Side::Blue, &format!("GET /orders/{number}/items 200 {number} ms"));
            take(&mut patterns, Side::Blue, ["user maria signed in", "user ken signed in"][number % 2]);
        }
        take(&mut patterns, Side::Blue, "GET /orders/7/items 503 9 ms");
        assert_eq!(
            shown(&patterns),
            [
                ("WARN pool wait <*> ms for tenant <*>".to_owned(), 40, 0),
                ("GET /orders/<*>/items 200 <*> ms".to_owned(), 40, 0),
                ("user <*> signed in".to_owned(), 40, 0),
                ("GET /orders/<*>/items 503 <*> ms".to_owned(), 1, 0),
            ]
        );
    }

    #[test]
    fn what_only_green_logs_comes_first_with_an_example_and_its_task() {
        let mut patterns = Patterns::default();
        let request = |status: u32, level: &str, message: &str, number: u32| {
            format!(
                r#"{{"level":"{level}","request_id":"{number:08x}","method":"GET","route":"/cart","status":{status},"duration_ms":{number},"message":"{message}"}}"#
            )
        };
        for number in 0..200 {
            take(&mut patterns, Side::Blue, &request(200, "INFO", "request handled", number));
            if number % 50 == 0 {
                take(&mut patterns, Side::Blue, &request(500, "ERROR", "payments did not answer", number));
            }
            if number % 10 == 0 {
                take(&mut patterns, Side::Green, &request(200, "INFO", "request handled", number));
                take(&mut patterns, Side::Green, &request(500, "ERROR", "payments did not answer", number));
            }
        }
        take(&mut patterns, Side::Green, &request(500, "ERROR", "cannot price cart: discount rule is null", 77));
        let top = patterns.top(3);
        assert_eq!(top[0].standing, Standing::NewInGreen);
        assert_eq!(top[0].text(), "GET /cart 500  cannot price cart: discount rule is null");
        assert_eq!(top[0].task, "green");
        assert!(top[0].example.starts_with("GET /cart 500 77 ms  cannot price cart"), "{}", top[0].example);
        assert_eq!(
            top[0].query(),
            r"level=error /GET\s+\/cart\s+500.*cannot\s+price\s+cart:\s+discount\s+rule\s+is\s+null/"
        );
        assert!(matches!(top[1].standing, Standing::MoreInGreen(times) if times > 20.0), "{:?}", top[1].standing);
        assert_eq!(top[2].standing, Standing::Usual);
    }

    #[test]
    fn nothing_is_new_before_blue_was_heard_and_a_few_lines_more_are_chance() {
        let mut patterns = Patterns::default();
        take(&mut patterns, Side::Green, "hello");
        assert_eq!(patterns.top(1)[0].standing, Standing::Usual);
        let of = |blue, green| Counts { blue, green, other: 0 };
        assert_eq!(standing(of(0, 1), of(HEARD, 9)), Standing::NewInGreen);
        assert_eq!(standing(of(1, 4), of(1_000, 1_000)), Standing::Usual, "four are too few to tell");
        assert_eq!(standing(of(2, 7), of(1_000, 1_000)), Standing::Usual, "within chance");
        assert!(matches!(standing(of(2, 60), of(1_000, 1_000)), Standing::MoreInGreen(times) if times > 29.0));
    }

    proptest! {
        #[test]
        fn they_are_bounded_and_their_queries_can_be_compiled(lines in prop::collection::vec("(\\PC| |=|/|[0-9]){0,40}", 0..60)) {
            let mut patterns = Patterns::default();
            for line in &lines {
                take(&mut patterns, Side::Green, line);
            }
            prop_assert!(patterns.len() <= MOST);
            prop_assert_eq!(patterns.lines().all(), lines.len() as u64);
            prop_assert_eq!(patterns.top(usize::MAX).iter().map(|pattern| pattern.counts.all()).sum::<u64>(), lines.len() as u64);
        }
    }

    #[test]
    fn one_too_many_takes_the_place_of_the_one_not_seen_for_longest() {
        let mut patterns = Patterns::default();
        let word = |number: usize| -> String {
            [number / 676, number / 26 % 26, number % 26]
                .map(|digit| char::from(b'a' + u8::try_from(digit).unwrap()))
                .iter()
                .collect()
        };
        for number in 0..MOST + 50 {
            take(&mut patterns, Side::Blue, &word(number));
            take(&mut patterns, Side::Blue, "always there");
        }
        assert_eq!(patterns.len(), MOST);
        let kept = shown(&patterns);
        assert_eq!(kept[0].0, "always there");
        assert_eq!(patterns.by_shape.values().map(Vec::len).sum::<usize>(), MOST);
    }
}
