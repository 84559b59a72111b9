//! Which of a row of things are meant: a bit each.

/// A growing row of bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    len: usize,
    ones: usize,
}

const WORD: usize = 64;

impl Bits {
    /// So many ones.
    pub(super) fn ones(len: usize) -> Self {
        let mut bits = Self::default();
        for _ in 0..len {
            bits.push(true);
        }
        bits
    }

    pub(super) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(WORD) {
            self.words.push(0);
        }
        if bit && let Some(word) = self.words.last_mut() {
            *word |= 1 << (self.len % WORD);
            self.ones += 1;
        }
        self.len += 1;
    }

    /// How many are set.
    pub(super) fn count(&self) -> usize {
        self.ones
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.words.get(place / WORD).is_some_and(|word| word >> (place % WORD) & 1 == 1)
    }

    /// How many are set before this place.
    pub(super) fn rank(&self, place: usize) -> usize {
        let whole = self.words.iter().take(place / WORD).map(|word| word.count_ones() as usize).sum::<usize>();
        let part = self.words.get(place / WORD).map_or(0, |word| word & ((1 << (place % WORD)) - 1));
        whole + part.count_ones() as usize
    }

    /// The place of the `nth` that is set, counted from zero.
    pub(super) fn select(&self, nth: usize) -> Option<usize> {
        let mut left = nth;
        for (at, word) in self.words.iter().enumerate() {
            let here = word.count_ones() as usize;
            if left < here {
                let mut word = *word;
                for _ in 0..left {
                    word &= word - 1;
                }
                return Some(at * WORD + word.trailing_zeros() as usize);
            }
            left -= here;
        }
        None
    }

    /// The places that are set in both.
    pub(super) fn both(&self, other: &Self) -> Self {
        let words: Vec<u64> = self.words.iter().zip(&other.words).map(|(one, other)| one & other).collect();
        let ones = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, len: self.len.min(other.len), ones }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rank_and_select_agree_with_counting(list in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut bits = Bits::default();
            for bit in &list {
                bits.push(*bit);
            }
            let set: Vec<usize> = (0..list.len()).filter(|place| list[*place]).collect();
            prop_assert_eq!(bits.count(), set.len());
            for place in 0..=list.len() {
                prop_assert_eq!(bits.rank(place), set.iter().filter(|other| **other < place).count());
                prop_assert_eq!(bits.has(place), list.get(place).copied().unwrap_or(false));
            }
            for (nth, place) in set.iter().enumerate() {
                prop_assert_eq!(bits.select(nth), Some(*place));
            }
            prop_assert_eq!(bits.select(set.len()), None);
            prop_assert_eq!(bits.both(&Bits::ones(list.len())), bits);
        }
    }
}
