//! The requests of the last minutes, sixteen bytes each.

use std::collections::VecDeque;

/// How many requests are remembered: a quarter of an hour at 300 a second, four MiB.
const CAPACITY: usize = 1 << 18;

/// One request that reached a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim::world) struct Request {
    /// Milliseconds since the world's origin.
    pub(in crate::sim::world) at: u32,
    /// Milliseconds.
    pub(in crate::sim::world) latency: f32,
    /// What its route and its id are made from.
    pub(in crate::sim::world) salt: u32,
    /// Index of its task in the roster.
    pub(in crate::sim::world) task: u16,
    /// HTTP status.
    pub(in crate::sim::world) status: u16,
}

/// Requests in order of time; the oldest are forgotten.
#[derive(Clone, Debug, Default)]
pub(in crate::sim::world) struct Ring {
    requests: VecDeque<Request>,
    forgotten: u64,
}

impl Ring {
    pub(in crate::sim::world) fn push(&mut self, request: Request) {
        if self.requests.len() == CAPACITY {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        self.requests.push_back(request);
    }

    /// The number that the next request will have.
    pub(in crate::sim::world) fn end(&self) -> u64 {
        self.forgotten + self.requests.len() as u64
    }

    /// Requests from number `from` on, with their numbers.
    pub(in crate::sim::world) fn since(&self, from: u64) -> impl DoubleEndedIterator<Item = (u64, &Request)> {
        let skip = usize::try_from(from.saturating_sub(self.forgotten)).unwrap_or(usize::MAX).min(self.requests.len());
        let first = self.forgotten + skip as u64;
        self.requests.range(skip..).enumerate().map(move |(index, request)| (first + index as u64, request))
    }

    /// The number of the first request at or after `at` milliseconds since the origin.
    pub(in crate::sim::world) fn first_at(&self, at: u32) -> u64 {
        self.forgotten + self.requests.partition_point(|request| request.at < at) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_the_same_when_old_requests_are_forgotten() {
        let mut ring = Ring::default();
        for at in 0..(CAPACITY as u32 + 10) {
            ring.push(Request { at, latency: 1.0, salt: 0, task: 0, status: 200 });
        }
        assert_eq!(ring.end(), CAPACITY as u64 + 10);
        assert_eq!(ring.first_at(100), 100);
        assert_eq!(ring.since(0).next().map(|(number, request)| (number, request.at)), Some((10, 10)));
        assert_eq!(size_of::<Request>(), 16);
    }
}
