//! Many lines in little room: the newest page as it grows, all others packed, and for each line a bit whether the filter
//! lets it through.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::bits::Bits;
use super::page::{Packed, Page};
use crate::app::filter::{Filter, Verdict};
use crate::domain::log::{Level, LineRef, LogLine};
use crate::domain::time::Timestamp;

/// Unpacked pages at hand.
const PAGES_AT_HAND: usize = 2;

/// Single lines at hand: a few screens of them, so that a picture whose lines lie far apart unpacks nothing twice.
const LINES_AT_HAND: usize = 400;

/// Lines, numbered from the first one ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    blocks: VecDeque<Block>,
    /// Number of the oldest line held.
    first: u64,
    len: usize,
    packed_bytes: usize,
    at_hand: RefCell<AtHand>,
}

#[derive(Clone, Debug)]
struct Block {
    /// Number of its first line.
    first: u64,
    lines: Lines,
    /// When its newest line was written.
    newest: Timestamp,
    errors: Bits,
    found: Option<Found>,
}

#[derive(Clone, Debug)]
enum Lines {
    Growing(Page),
    Packed(Packed),
}

/// What a filter found in a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    shown: Bits,
    hits: Bits,
}

/// Which bits are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Of lines that are shown.
    Shown,
    /// Of lines that are shown and that the filter's text was found in.
    Hit,
    /// Of lines that are shown and tell of errors.
    Error,
}

/// What was looked at last.
#[derive(Clone, Debug, Default)]
struct AtHand {
    /// By the number of their first line.
    pages: VecDeque<(u64, Arc<Page>)>,
    lines: HashMap<u64, Arc<LogLine>>,
}

impl Block {
    fn len(&self) -> usize {
        match &self.lines {
            Lines::Growing(page) => page.len(),
            Lines::Packed(packed) => packed.len(),
        }
    }

    fn text_len(&self) -> usize {
        match &self.lines {
            Lines::Growing(page) => page.text().len(),
            Lines::Packed(packed) => packed.text_len(),
        }
    }

    /// Nothing is known to be shown of a block that has not been searched.
    fn count(&self, which: Which) -> usize {
        match (which, &self.found) {
            (_, None) => 0,
            (Which::Shown, Some(found)) => found.shown.count(),
            (Which::Hit, Some(found)) => found.hits.count(),
            (Which::Error, Some(found)) => found.shown.both(&self.errors).count(),
        }
    }

    /// The bits that are meant. A copy: a block has a hundred bytes of them.
    fn bits(&self, which: Which) -> Bits {
        match (which, &self.found) {
            (_, None) => Bits::default(),
            (Which::Shown, Some(found)) => found.shown.clone(),
            (Which::Hit, Some(found)) => found.hits.clone(),
            (Which::Error, Some(found)) => found.shown.both(&self.errors),
        }
    }

    fn end(&self) -> u64 {
        self.first + self.len() as u64
    }
}

impl Found {
    fn push(&mut self, verdict: Verdict) {
        self.shown.push(verdict != Verdict::Hidden);
        self.hits.push(verdict == Verdict::Hit);
    }
}

impl Store {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of the oldest line held.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Bytes that the lines take, about.
    pub(super) fn bytes(&self) -> usize {
        let growing = self.blocks.back().map_or(0, |block| match &block.lines {
            Lines::Growing(page) => page.bytes(),
            Lines::Packed(_) => 0,
        });
        self.packed_bytes + growing
    }

    /// Takes a line. A page that is full is packed before.
    pub(super) fn push(&mut self, line: LineRef<'_>, filter: &Filter) {
        let next = match self.blocks.back_mut().map(|block| &mut block.lines) {
            None => Some(Page::default()),
            Some(Lines::Packed(_)) => Some(Page::default()),
            Some(lines) => match lines {
                Lines::Growing(page) if page.is_full() => {
                    let next = page.next();
                    let packed = page.packed();
                    self.packed_bytes += packed.bytes();
                    *lines = Lines::Packed(packed);
                    Some(next)
                }
                Lines::Growing(_) | Lines::Packed(_) => None,
            },
        };
        if let Some(page) = next {
            let first = self.first + self.len as u64;
            let found = Some(Found::default());
            let (newest, errors) = (line.at, Bits::default());
            self.blocks.push_back(Block { first, lines: Lines::Growing(page), newest, errors, found });
        }
        let Some(block) = self.blocks.back_mut() else { return };
        if let Lines::Growing(page) = &mut block.lines {
            page.push(line);
        }
        block.newest = block.newest.max(line.at);
        block.errors.push(line.level >= Level::Error);
        if let Some(found) = &mut block.found {
            found.push(filter.verdict(line));
        }
        self.len += 1;
    }

    /// Lets the oldest page go as long as `most` lines are left without it, or there are more bytes than that; how many lines
    /// went.
    pub(super) fn let_go(&mut self, most: usize, most_bytes: usize) -> usize {
        let before = self.len;
        while let Some(oldest) = self.blocks.front().filter(|_| self.blocks.len() > 1) {
            if self.len - oldest.len() < most && self.bytes() <= most_bytes {
                break;
            }
            let (len, bytes) = (
                oldest.len(),
                match &oldest.lines {
                    Lines::Packed(packed) => packed.bytes(),
                    Lines::Growing(_) => 0,
                },
            );
            self.blocks.pop_front();
            self.len -= len;
            self.first += len as u64;
            self.packed_bytes -= bytes;
        }
        before - self.len
    }

    /// Forgets what was found: another filter holds. One that lets everything through has nothing to look for.
    pub(super) fn forget_found(&mut self, filter: &Filter) {
        for block in &mut self.blocks {
            let len = block.len();
            block.found = filter.is_open().then(|| Found { shown: Bits::ones(len), hits: Bits::default() });
        }
    }

    /// Searches blocks that have not been: the one of `reader` first, then the newest. It stops after about `budget` bytes;
    /// whether any are left.
    pub(super) fn search(&mut self, filter: &Filter, reader: Option<u64>, budget: usize) -> bool {
        let mut spent = 0;
        while let Some(place) = self.unsearched(reader) {
            if spent >= budget {
                return true;
            }
            let Some(block) = self.blocks.get_mut(place) else { return false };
            spent += block.text_len() + block.len() * size_of::<LogLine>();
            let found = match &block.lines {
                Lines::Growing(page) => found_in(page, filter),
                Lines::Packed(packed) => found_in(&packed.unpacked(), filter),
            };
            block.found = Some(found);
        }
        false
    }

    fn unsearched(&self, reader: Option<u64>) -> Option<usize> {
        let is_open = |place: &usize| self.blocks.get(*place).is_some_and(|block| block.found.is_none());
        let near = reader.map(|number| self.block_of(number)).into_iter().flat_map(|place| [place, place + 1]);
        near.into_iter().find(is_open).or_else(|| (0..self.blocks.len()).rev().find(is_open))
    }

    /// How many lines have not been searched.
    pub(super) fn unsearched_len(&self) -> usize {
        self.blocks.iter().filter(|block| block.found.is_none()).map(Block::len).sum()
    }

    /// The place of the block of this line; the number of blocks for a line that is still to come.
    fn block_of(&self, number: u64) -> usize {
        self.blocks.partition_point(|block| block.end() <= number)
    }

    pub(super) fn count(&self, which: Which) -> usize {
        self.blocks.iter().map(|block| block.count(which)).sum()
    }

    /// How many there are before the line of this number.
    pub(super) fn rank(&self, which: Which, number: u64) -> usize {
        let place = self.block_of(number);
        let before: usize = self.blocks.iter().take(place).map(|block| block.count(which)).sum();
        let within = self.blocks.get(place).map_or(0, |block| {
            let inside = usize::try_from(number.saturating_sub(block.first)).unwrap_or(usize::MAX);
            match (which, &block.found) {
                (Which::Shown, Some(found)) => found.shown.rank(inside),
                _ => block.bits(which).rank(inside),
            }
        });
        before + within
    }

    /// The numbers from the `nth` on, counted from zero.
    pub(super) fn numbers_from(&self, which: Which, nth: usize) -> impl Iterator<Item = u64> + '_ {
        let mut left = nth;
        let mut start = 0;
        for block in &self.blocks {
            let here = block.count(which);
            if left < here {
                break;
            }
            left -= here;
            start += 1;
        }
        self.blocks.iter().skip(start).enumerate().flat_map(move |(at, block)| {
            let bits = block.bits(which);
            let skipped = if at == 0 { left } else { 0 };
            (skipped..bits.count()).filter_map(move |nth| Some(block.first + bits.select(nth)? as u64))
        })
    }

    /// The number of the `nth`, counted from zero.
    pub(super) fn number_at(&self, which: Which, nth: usize) -> Option<u64> {
        self.numbers_from(which, nth).next()
    }

    /// Whether it is one of these.
    pub(super) fn is(&self, which: Which, number: u64) -> bool {
        let block = self.blocks.get(self.block_of(number)).filter(|_| number >= self.first);
        block.is_some_and(|block| usize::try_from(number - block.first).is_ok_and(|place| block.bits(which).has(place)))
    }

    /// The first line shown that was written at `at` or later.
    pub(super) fn number_since(&self, at: Timestamp) -> Option<u64> {
        self.blocks.iter().filter(|block| block.newest >= at).find_map(|block| {
            let bits = block.bits(Which::Shown);
            let page = self.page(block);
            let place = (0..bits.count())
                .filter_map(|nth| bits.select(nth))
                .find(|place| page.line(*place).is_some_and(|line| line.at >= at))?;
            Some(block.first + place as u64)
        })
    }

    /// The line of this number, if it is held.
    pub(super) fn line(&self, number: u64) -> Option<Arc<LogLine>> {
        if number < self.first {
            return None;
        }
        if let Some(line) = self.at_hand.borrow().lines.get(&number) {
            return Some(Arc::clone(line));
        }
        let block = self.blocks.get(self.block_of(number))?;
        let place = usize::try_from(number - block.first).ok()?;
        let line = Arc::new(match &block.lines {
            Lines::Growing(page) => page.line(place)?.to_line(),
            Lines::Packed(_) => self.page(block).line(place)?.to_line(),
        });
        let lines = &mut self.at_hand.borrow_mut().lines;
        if lines.len() >= LINES_AT_HAND {
            lines.clear();
        }
        lines.insert(number, Arc::clone(&line));
        Some(line)
    }

    /// A block's page, at hand or unpacked.
    fn page(&self, block: &Block) -> Arc<Page> {
        let packed = match &block.lines {
            Lines::Growing(page) => return Arc::new(page.clone()),
            Lines::Packed(packed) => packed,
        };
        let pages = &mut self.at_hand.borrow_mut().pages;
        if let Some((_, page)) = pages.iter().find(|(first, _)| *first == block.first) {
            return Arc::clone(page);
        }
        let page = Arc::new(packed.unpacked());
        pages.push_back((block.first, Arc::clone(&page)));
        if pages.len() > PAGES_AT_HAND {
            pages.pop_front();
        }
        page
    }

    /// Every line that is shown, oldest first, page by page.
    pub(super) fn each_shown(&self, mut each: impl FnMut(LineRef<'_>)) {
        for block in &self.blocks {
            let bits = block.bits(Which::Shown);
            if bits.count() == 0 {
                continue;
            }
            let page = match &block.lines {
                Lines::Growing(page) => page,
                Lines::Packed(packed) => &packed.unpacked(),
            };
            for (place, line) in page.lines().enumerate() {
                if bits.has(place) {
                    each(line);
                }
            }
        }
    }
}

fn found_in(page: &Page, filter: &Filter) -> Found {
    let mut found = Found::default();
    let is_worth_it = filter.may_hit(page.text());
    for line in page.lines() {
        found.push(if is_worth_it { filter.verdict(line) } else { filter.verdict_without_hit(line) });
    }
    found
}
