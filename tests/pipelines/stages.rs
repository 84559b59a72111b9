//! The ready-made stages of `assets/stages`, appended to the example's configuration: what they call, and what undoes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cutover::domain::plan::StageKind;

use crate::course;
use crate::fault::Fault;
use crate::run::{Figures, Run, Subject};

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A stage that comes after all of them.
const LATER: &str = "\n[[pipelines.@.stages]]\nname = \"later\"\nkind = \"command\"\nrun = [\"pytest\"]\n";

/// A file of ready-made stages and its component.
pub(crate) struct Ready {
    pub(crate) name: &'static str,
    pub(crate) component: &'static str,
    /// What is called when all goes well.
    pub(crate) calls: &'static [&'static str],
    /// What is called to undo it.
    pub(crate) undo: &'static [&'static str],
}

pub(crate) const READY: [Ready; 3] = [
    Ready {
        name: "s3-cloudfront",
        component: "web",
        calls: &[
            "npm ci",
            "npm run build -- --base=/releases/9ab03d7/",
            "aws s3 sync web/dist s3://shop-web/releases/9ab03d7 --cache-control public,max-age=31536000,immutable --only-show-errors",
            "aws s3 cp s3://shop-web/releases/9ab03d7/index.html s3://shop-web/index.html --metadata-directive REPLACE --content-type text/html; charset=utf-8 --cache-control no-cache",
            "aws cloudfront create-invalidation --distribution-id E1A2B3C4D5E6F7 --paths /* --query Invalidation.Id --output text",
            "aws cloudfront wait invalidation-completed --distribution-id E1A2B3C4D5E6F7 --id IDFDVBD632BHDS5",
        ],
        undo: &[
            "aws s3 cp s3://shop-web/releases/4f2c1e9/index.html s3://shop-web/index.html --metadata-directive REPLACE --content-type text/html; charset=utf-8 --cache-control no-cache",
            "aws cloudfront create-invalidation --distribution-id E1A2B3C4D5E6F7 --paths /* --query Invalidation.Id --output text",
            "aws cloudfront wait invalidation-completed --distribution-id E1A2B3C4D5E6F7 --id IDFDVBD632BHDS5",
        ],
    },
    Ready {
        name: "vercel",
        component: "web",
        calls: &[
            "vercel pull --yes --environment=production",
            "vercel build --prod",
            "vercel deploy --prebuilt --prod --skip-domain",
            "vercel inspect www.shop.example",
            "vercel promote https://web-6vd6bhoqt.vercel.app --yes --timeout=0",
            "vercel promote status --timeout=3m",
        ],
        undo: &["vercel rollback dpl_7Npest0z1YQ8p6 --yes --timeout=3m"],
    },
    Ready {
        name: "railway",
        component: "app",
        calls: &[
            "railway deployment list --service app --environment production",
            "railway up --detach --service app --environment production",
            "railway deployment list --service app --environment production --limit 1",
        ],
        undo: &[
            "railway api mutation($id: String!) { deploymentRollback(id: $id) } --raw-var id=7422c95b-c604-46bc-9de4-b7a43e1fd53d",
            "railway deployment list --service app --environment production --limit 1",
        ],
    },
];

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/stages")
}

impl Ready {
    /// The example's configuration with the stages, and then with `more`.
    pub(crate) fn config(&self, more: &str) -> String {
        let stages = fs::read_to_string(directory().join(format!("{}.toml", self.name))).unwrap();
        format!("{EXAMPLE}\n{stages}{}", more.replace('@', self.component))
    }

    fn subject(&self, more: &str) -> Subject {
        Subject {
            file: "config.example.toml",
            text: self.config(more).leak(),
            environment: "demo",
            component: Some(self.component),
            pages: "",
            figures: Figures::default(),
        }
    }

    async fn release(&self, more: &str, choose: impl Fn(usize) -> Option<usize>) -> (Subject, Run, usize, Fault) {
        let subject = self.subject(more);
        let plan = subject.plan().await;
        let at = choose(plan.stages.len()).unwrap_or(0);
        let fault = match &plan.stages[at].kind {
            StageKind::Command(command) => Fault::Program("", command.run.clone()),
            _ => Fault::None,
        };
        (subject, subject.release(&plan, at, &fault).await, at, fault)
    }
}

#[test]
fn every_file_of_stages_is_tried() {
    let files = fs::read_dir(directory()).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(files, READY.iter().map(|ready| ready.name.to_owned()).collect());
}

#[tokio::test(start_paused = true)]
async fn ready_made_stages_call_what_they_say_and_no_more() {
    for ready in &READY {
        let (_, run, ..) = ready.release("", |_| None).await;
        assert_eq!(run.code, 0, "{}: {}", ready.name, run.lines);
        assert_eq!(run.bench.calls(), ready.calls, "{}", ready.name);
        let shown = [run.lines, run.bench.calls().join("\n")].concat();
        assert!(!shown.contains("0123456789abcdef"), "{} shows a secret", ready.name);
    }
}

#[tokio::test(start_paused = true)]
async fn ready_made_stages_are_undone_when_something_fails_after_them() {
    for ready in &READY {
        let (subject, run, at, fault) = ready.release(LATER, |stages| stages.checked_sub(1)).await;
        course::judge(&subject, &run, at, &fault);
        let later = ["pytest".to_owned() + " "];
        let calls = [ready.calls.iter().map(|call| (*call).to_owned()).collect(), later.to_vec()].concat();
        let undo: Vec<String> = ready.undo.iter().map(|call| (*call).to_owned()).collect();
        assert_eq!(run.bench.calls(), [calls, undo].concat(), "{}", ready.name);
    }
}

/// The last stage looks whether what was switched works: when it fails, that is undone.
#[tokio::test(start_paused = true)]
async fn ready_made_stages_are_undone_when_what_they_switched_does_not_come_to_work() {
    for ready in &READY {
        let (subject, run, at, fault) = ready.release("", |stages| stages.checked_sub(1)).await;
        course::judge(&subject, &run, at, &fault);
        assert!(run.bench.calls().ends_with(&ready.undo.iter().map(|call| (*call).to_owned()).collect::<Vec<_>>()));
    }
}
