//! Some hundred lines in one buffer: as it grows, and packed once it is full.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::domain::components::ComponentIndex;
use crate::domain::ids::Side;
use crate::domain::log::{Level, LineRef};
use crate::domain::time::Timestamp;

/// Bytes of text at which a page is full. A page is unpacked whole for one line of it: much larger ones would be slow to
/// scroll through under a filter that lets few lines through, much smaller ones pack badly.
const FULL: usize = 64 * 1_024;

/// Lines at which a page is full.
const MOST_LINES: usize = 1_024;

/// Where lines come from: tasks known to a page before its list is begun anew.
const MOST_ORIGINS: usize = 256;

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    component: Option<ComponentIndex>,
    side: Option<Side>,
    task: String,
}

/// Lines one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    text: String,
    entries: Vec<Entry>,
    /// Shared with the pages before, as long as no new task turns up.
    origins: Arc<Vec<Origin>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Timestamp,
    /// Where its text ends.
    end: u32,
    origin: u16,
    level: Level,
}

/// A page that takes little room.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    bytes: Arc<[u8]>,
    origins: Arc<Vec<Origin>>,
    lines: u32,
    text: u32,
}

impl Page {
    /// An empty one that follows this one.
    pub(super) fn next(&self) -> Self {
        let origins = if self.origins.len() < MOST_ORIGINS { Arc::clone(&self.origins) } else { Arc::default() };
        Self { origins, ..Self::default() }
    }

    pub(super) fn push(&mut self, line: LineRef<'_>) {
        let is_from = |origin: &Origin| {
            origin.task == line.task && origin.side == line.side && origin.component == line.component
        };
        let known = self.origins.iter().position(is_from);
        let origin = known.unwrap_or_else(|| {
            let origins = Arc::make_mut(&mut self.origins);
            origins.push(Origin { component: line.component, side: line.side, task: line.task.to_owned() });
            origins.len() - 1
        });
        self.text.push_str(line.text);
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let origin = u16::try_from(origin).unwrap_or(u16::MAX);
        self.entries.push(Entry { at: line.at, end, origin, level: line.level });
    }

    /// Whether the next line belongs on a new page.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= FULL || self.entries.len() >= MOST_LINES
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all texts.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    pub(super) fn line(&self, place: usize) -> Option<LineRef<'_>> {
        let Entry { at, end, origin, level } = *self.entries.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |before| before.end);
        let Origin { component, side, task } = self.origins.get(usize::from(origin))?;
        let text = self.text.get(start as usize..end as usize)?;
        Some(LineRef { at, component: *component, side: *side, task, level, text })
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = LineRef<'_>> {
        (0..self.len()).map_while(|place| self.line(place))
    }

    /// The page, packed: column by column, since what is alike packs well.
    pub(super) fn packed(&self) -> Packed {
        let mut columns = Vec::with_capacity(self.entries.len() * 6 + self.text.len());
        columns.extend(self.entries.iter().map(|entry| level_byte(entry.level)));
        self.entries.iter().for_each(|entry| put(&mut columns, u64::from(entry.origin)));
        let mut before = 0;
        for entry in &self.entries {
            put(&mut columns, zigzag(entry.at.millis().wrapping_sub(before)));
            before = entry.at.millis();
        }
        let mut before = 0;
        for entry in &self.entries {
            put(&mut columns, u64::from(entry.end - before));
            before = entry.end;
        }
        columns.extend_from_slice(self.text.as_bytes());
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(columns.len() / 4), Compression::fast());
        // Writing to a vector cannot fail; a page that were cut short would be unpacked as an empty one.
        let bytes = encoder.write_all(&columns).and_then(|()| encoder.finish()).unwrap_or_default();
        Packed {
            bytes: bytes.into(),
            origins: Arc::clone(&self.origins),
            lines: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
            text: u32::try_from(self.text.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.lines as usize
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of all texts.
    pub(super) fn text_len(&self) -> usize {
        self.text as usize
    }

    pub(super) fn unpacked(&self) -> Page {
        let mut columns = Vec::with_capacity(self.len() * 6 + self.text_len());
        let read = DeflateDecoder::new(&*self.bytes).read_to_end(&mut columns);
        read.ok().and_then(|_| self.parsed(&columns)).unwrap_or_default()
    }

    fn parsed(&self, columns: &[u8]) -> Option<Page> {
        let (levels, mut rest) = columns.split_at_checked(self.len())?;
        let mut entries: Vec<Entry> = levels
            .iter()
            .map(|byte| Entry { at: Timestamp::default(), end: 0, origin: 0, level: level_of(*byte) })
            .collect();
        for entry in &mut entries {
            entry.origin = u16::try_from(get(&mut rest)?).ok()?;
        }
        let mut at = 0_i64;
        for entry in &mut entries {
            at = at.wrapping_add(unzigzag(get(&mut rest)?));
            entry.at = Timestamp::from_millis(at);
        }
        let mut end = 0_u32;
        for entry in &mut entries {
            end = end.checked_add(u32::try_from(get(&mut rest)?).ok()?)?;
            entry.end = end;
        }
        let text = std::str::from_utf8(rest).ok()?.to_owned();
        Some(Page { text, entries, origins: Arc::clone(&self.origins) })
    }
}

fn level_byte(level: Level) -> u8 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warn => 2,
        Level::Error => 3,
    }
}

fn level_of(byte: u8) -> Level {
    Level::ALL.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn get(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line<'a>(at: i64, side: Option<Side>, task: &'a str, level: Level, text: &'a str) -> LineRef<'a> {
        let component = side.map(|_| ComponentIndex::FIRST);
        LineRef { at: Timestamp::from_millis(at), component, side, task, level, text }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_was(
            lines in prop::collection::vec(
                (any::<i64>(), 0..3_usize, "[a-f]{0,2}", 0..4_usize, "(\\PC|\n){0,30}"), 0..40)
        ) {
            let sides = [None, Some(Side::Blue), Some(Side::Green)];
            let mut page = Page::default();
            for (at, side, task, level, text) in &lines {
                page.push(line(*at, sides[*side], task, Level::ALL[*level], text));
            }
            let unpacked = page.packed().unpacked();
            prop_assert_eq!(unpacked.len(), lines.len());
            let all: Vec<_> = unpacked.lines().collect();
            prop_assert_eq!(all, page.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn tasks_that_come_and_go_do_not_pile_up() {
        let mut page = Page::default();
        for number in 0..10_000 {
            if page.is_full() || number % 100 == 0 {
                page = page.next();
            }
            page.push(line(number, None, &number.to_string(), Level::Info, "x"));
            assert!(page.origins.len() <= MOST_ORIGINS + 100);
        }
    }
}
