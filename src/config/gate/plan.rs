//! From a gate of the configuration to a release's.

use super::{BackupOf, Gate, Looker};
use crate::config::checks::{self, Places};
use crate::config::template::Template;
use crate::domain::gate::{BackupPlan, BackupSource, Condition, GateCommand, GatePlan, SecretPlan};

impl Gate {
    /// The gate's plan. `phrase` is the environment's, for a gate that has none of its own. What costs nothing and
    /// fails most often is looked at first.
    pub(in crate::config) fn plan(
        &self,
        phrase: Option<&Template>,
        serving: Places<'_>,
        expand: &impl Fn(&Template) -> String,
    ) -> GatePlan {
        let mut conditions: Vec<Condition> = self.window.iter().cloned().map(Condition::Window).collect();
        conditions.extend(self.alone.then_some(Condition::Alone));
        conditions.extend(self.healthy.then_some(Condition::Healthy));
        conditions.extend(self.no_alarms.then_some(Condition::NoAlarms));
        conditions.extend(self.drift.iter().cloned().map(Condition::Drift));
        conditions.extend(self.image.iter().cloned().map(Condition::Image));
        conditions.extend(self.secrets.iter().flat_map(|secrets| {
            let plan = |name| SecretPlan { name: expand(name), rotated_within: secrets.rotated_within };
            secrets.names.iter().map(plan).map(Condition::Secret)
        }));
        conditions.extend(self.backups.iter().map(|backup| {
            let source = match &backup.of {
                BackupOf::Database(name) => BackupSource::Database(expand(name)),
                BackupOf::Cluster(name) => BackupSource::Cluster(expand(name)),
                BackupOf::Command(looker) => BackupSource::Command(command(looker, expand)),
            };
            Condition::Backup(BackupPlan { source, fresher_than: backup.fresher_than })
        }));
        conditions.extend(checks::plan(&self.checks, serving, expand).into_iter().map(Box::new).map(Condition::Http));
        conditions.extend(self.commands.iter().map(|looker| Condition::Command(command(looker, expand))));
        GatePlan { conditions, confirm: self.confirm.as_ref().or(phrase).map(expand), approval: self.approval.clone() }
    }
}

fn command(looker: &Looker, expand: &impl Fn(&Template) -> String) -> GateCommand {
    GateCommand {
        name: looker.name.clone(),
        run: looker.run.iter().map(expand).collect(),
        env: looker.env.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        dir: looker.dir.as_ref().map(expand),
        timeout: looker.timeout,
    }
}
