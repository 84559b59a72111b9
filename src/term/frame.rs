//! When to draw: at once for a key, at a capped rate for data, never when nothing changed.

use std::time::Duration;

use tokio::time::Instant;

use super::Outlet;

/// The least time between two frames for data alone: ten a second is as fast as figures can be read.
const READING: Duration = Duration::from_millis(100);

/// The least time between two frames for data while the operator is at the keys, scrolling or typing.
const WORKING: Duration = Duration::from_millis(33);

/// How long after a key the operator counts as being at the keys.
const AT_THE_KEYS: Duration = Duration::from_secs(2);

/// The pure half: requests in, the moment of the next frame out. One frame answers all requests made before it, so what
/// moves by itself (a spinner, a clock) asks again each time it is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    due: Option<Instant>,
    drawn: Option<Instant>,
    key: Option<Instant>,
}

impl Pace {
    /// A key changed the picture: draw now.
    pub fn key(&mut self, now: Instant) {
        self.key = Some(now);
        self.due = Some(now);
    }

    /// Data changed the picture: draw as soon as the rate allows.
    pub fn data(&mut self, now: Instant) {
        self.at(now, now);
    }

    /// The picture will have changed by `when`: draw then, or as soon after as the rate allows.
    pub fn at(&mut self, when: Instant, now: Instant) {
        let least = match self.key {
            Some(key) if now.saturating_duration_since(key) < AT_THE_KEYS => WORKING,
            _ => READING,
        };
        let allowed = self.drawn.map_or(when, |drawn| when.max(drawn + least));
        self.due = Some(self.due.map_or(allowed, |due| due.min(allowed)));
    }

    /// When the next frame is due; `None` while nothing has changed.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A frame was drawn: nothing is asked for any more.
    pub fn drawn(&mut self, now: Instant) {
        self.drawn = Some(now);
        self.due = None;
    }
}

/// The pace on tokio's clock, joined with the terminal's readiness.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameScheduler {
    pace: Pace,
}

impl FrameScheduler {
    /// A key changed the picture.
    pub fn key(&mut self) {
        self.pace.key(Instant::now());
    }

    /// Data changed the picture.
    pub fn data(&mut self) {
        self.pace.data(Instant::now());
    }

    /// The picture changes by itself in `span`.
    pub fn within(&mut self, span: Duration) {
        let now = Instant::now();
        self.pace.at(now + span, now);
    }

    /// A frame was drawn.
    pub fn drawn(&mut self) {
        self.pace.drawn(Instant::now());
    }

    /// Whether a frame has been asked for.
    pub fn is_dirty(&self) -> bool {
        self.pace.due().is_some()
    }

    /// Waits until a frame is due and the terminal has taken the last one; for ever while nothing has changed. Dropping
    /// the future loses nothing.
    pub async fn due(&self, outlet: &Outlet) {
        match self.pace.due() {
            Some(due) => {
                // A timer sleeps to the end of a millisecond or two even when its moment has come: a key does not.
                if due > Instant::now() {
                    tokio::time::sleep_until(due).await;
                }
                outlet.idle().await;
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn nothing_is_due_until_something_changed_and_then_once() {
        let now = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.data(now);
        assert_eq!(pace.due(), Some(now));
        pace.drawn(now);
        assert_eq!(pace.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_request_waits_for_its_moment() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.drawn(now);
        pace.at(now + SECOND, now);
        assert_eq!(pace.due(), Some(now + SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn many_requests_are_one_frame_at_the_earliest_moment() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.at(now + 3 * SECOND, now);
        pace.at(now + SECOND, now);
        pace.at(now + 2 * SECOND, now);
        assert_eq!(pace.due(), Some(now + SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn data_is_clamped_to_ten_frames_a_second_and_thirty_at_the_keys() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.drawn(now);
        pace.data(now + Duration::from_millis(1));
        assert_eq!(pace.due(), Some(now + READING));

        pace.key(now + Duration::from_millis(2));
        let drawn = now + Duration::from_millis(3);
        pace.drawn(drawn);
        pace.data(drawn);
        assert_eq!(pace.due(), Some(drawn + WORKING));

        let later = drawn + AT_THE_KEYS;
        pace.drawn(later);
        pace.data(later);
        assert_eq!(pace.due(), Some(later + READING));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_never_waits_for_the_rate() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.drawn(now);
        pace.data(now);
        pace.key(now);
        assert_eq!(pace.due(), Some(now));
    }

    #[tokio::test]
    async fn a_key_waits_for_no_timer() {
        let outlet = Outlet::spawn(std::io::sink()).unwrap();
        let mut scheduler = FrameScheduler::default();
        scheduler.key();
        assert_eq!(scheduler.due(&outlet).now_or_never(), Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_data_makes_ten_frames_a_second() {
        let outlet = Outlet::spawn(std::io::sink()).unwrap();
        let mut scheduler = FrameScheduler::default();
        let end = Instant::now() + SECOND;
        let mut frames = 0;
        scheduler.data();
        while Instant::now() < end {
            scheduler.due(&outlet).await;
            frames += 1;
            scheduler.drawn();
            scheduler.data();
        }
        assert_eq!(frames, 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_scheduler_waits_for_ever() {
        let outlet = Outlet::spawn(std::io::sink()).unwrap();
        let scheduler = FrameScheduler::default();
        let waited = tokio::time::timeout(3_600 * SECOND, scheduler.due(&outlet)).await;
        assert!(waited.is_err());
    }
}
