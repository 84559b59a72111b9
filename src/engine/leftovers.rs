//! What a lost engine has left running on this host.

use std::collections::BTreeMap;

use super::execute::command::end_group;
use crate::domain::event::Event;
use crate::domain::ids::ReleaseId;
use crate::journal::{Entry, Record};

/// Ends the programs that a lost engine had running: nobody would see how they end.
pub(super) fn end(id: ReleaseId, records: &[Record]) {
    let mut open = BTreeMap::new();
    for record in records {
        match &record.entry {
            Entry::Started { effect, group } => {
                open.insert(*effect, *group);
            }
            Entry::Event(Event::EffectEnded { id, .. }) => {
                open.remove(id);
            }
            _ => {}
        }
    }
    for group in open.into_values().filter(|group| is_of_release(*group, id)) {
        end_group(group);
    }
}

/// Whether the leader of a process group was started for this release. Numbers are used again, after a reboot at the
/// latest: a group that cannot be recognised is left alone.
fn is_of_release(group: u32, id: ReleaseId) -> bool {
    let mark = format!("CUTOVER_RELEASE={id}");
    std::fs::read(format!("/proc/{group}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
}
