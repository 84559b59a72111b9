//! The engine's own credentials: a release that outlives them can neither go on nor go back.

use super::Machine;
use crate::domain::release::Tone;
use crate::domain::time::{Elapsed, Timestamp};

/// What to do about it: nobody can change another process's environment.
const REMEDY: &str = "end this engine and attach from a shell with new ones, or let a profile or role give them";

impl Machine<'_> {
    /// Nobody renews the credentials, and they end soon, or at a time that nobody knows.
    pub(super) fn credentials_ending(&mut self, expires: Option<Timestamp>) {
        if self.release.begun.is_none() || self.release.ended.is_some() {
            return;
        }
        let (tone, what) = match expires {
            None => (Tone::Warning, "the credentials are a session that ends at a time not known here".to_owned()),
            Some(at) if at <= self.now => (Tone::Bad, "the credentials have expired".to_owned()),
            Some(at) => (Tone::Warning, format!("the credentials expire in {}", Elapsed(at.since(self.now)))),
        };
        let text = format!("{what}, and nothing renews them: {REMEDY}");
        self.line(tone, text.clone(), None);
        self.tell_credentials(tone, &text);
    }
}
