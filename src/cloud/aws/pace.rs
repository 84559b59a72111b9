//! The SDK's waits and moments on the program's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// The clock as the SDK wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(pub(super) Clock);

impl AsyncSleep for Pace {
    fn sleep(&self, span: Duration) -> Sleep {
        let clock = self.0;
        Sleep::new(async move { clock.sleep(span).await })
    }
}

impl TimeSource for Pace {
    fn now(&self) -> SystemTime {
        system_time(self.0.now())
    }
}

/// A moment as the standard library has it; the epoch for moments before it.
pub(super) fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default())
}

/// A moment of the standard library.
pub(super) fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::default() + at.duration_since(UNIX_EPOCH).unwrap_or_default()
}
