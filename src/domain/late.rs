//! What a release's texts say that is only known after they were planned: markers stand for it until then.

use super::ids::Version;
use super::plan::{Plan, StageKind, StagePlan};

/// Stands for the digest of a component's image until that is known.
pub const DIGEST: &str = "${cutover:digest}";

/// Stands for the commit that the version was made of, until whoever plans has found it out.
pub const GIT_SHA: &str = "${cutover:git_sha}";

/// Whether any text of a stage holds `marker`.
pub fn mentions(kind: &StageKind, marker: &str) -> bool {
    serde_json::to_string(kind).is_ok_and(|text| text.contains(marker))
}

/// The same stage with `marker` replaced in all its texts. What it is replaced with needs no escapes: a digest, or a
/// commit.
#[must_use]
pub fn filled(kind: &StageKind, marker: &str, with: &str) -> StageKind {
    let text = serde_json::to_string(kind).ok().filter(|text| text.contains(marker));
    let filled = text.and_then(|text| serde_json::from_str(&text.replace(marker, with)).ok());
    filled.unwrap_or_else(|| kind.clone())
}

/// Fills the digest into every stage about a component whose image is settled already, and not built by the release.
pub fn fill_digests(plan: &mut Plan) {
    let digests: Vec<(usize, String)> = (0..)
        .zip(&plan.stages)
        .filter_map(|(index, stage)| {
            let of = stage.component.unwrap_or(super::components::ComponentIndex::FIRST);
            let builds = |stage: &StagePlan| {
                matches!(stage.kind, StageKind::Build(_)) && stage.component.unwrap_or_default() == of
            };
            if !plan.origin.forbids_building() && plan.stages.iter().any(builds) {
                return None;
            }
            let digest = plan.components[of].pinned.image.as_ref().and_then(Version::digest)?;
            Some((index, digest.to_owned()))
        })
        .collect();
    for (index, digest) in digests {
        if let Some(stage) = plan.stages.get_mut(index) {
            stage.kind = filled(&stage.kind, DIGEST, &digest);
        }
    }
}

/// Fills the commit in; whether anything asked for it and nothing was known.
pub fn fill_git_sha(plan: &mut Plan, sha: Option<&str>) -> bool {
    let mut is_missing = false;
    for stage in &mut plan.stages {
        match sha {
            Some(sha) => stage.kind = filled(&stage.kind, GIT_SHA, sha),
            None => is_missing |= mentions(&stage.kind, GIT_SHA),
        }
    }
    is_missing
}
