//! The shape of every key. A test holds each section's keys against the manual, whose keys another test holds against the
//! readers, and changes values to see that a reader refuses what the schema refuses.

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// `false` alone.
    False,
    /// A number.
    Number,
    /// A number, this or more.
    AtLeast(u32),
    /// A whole number within bounds.
    Whole(u32, u32),
    /// Text, empty or not.
    Any,
    /// Text that matches.
    Text(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An array with at least so many items.
    List(&'static Shape, u32),
    /// An array of two.
    Pair(&'static Shape),
    /// An array of one.
    One(&'static Shape),
    /// A table of whatever keys.
    Map(&'static Shape),
    /// A table whose keys are names.
    Named(&'static Shape),
    /// The section under this heading of the manual.
    Of(&'static str),
    /// The same, laid over another: nothing is required.
    Over(&'static str),
    /// Any of these.
    Either(&'static [Shape]),
    /// Tables of several kinds, told apart by a key.
    Kinds(&'static Kinds),
    /// The same, laid over another that keeps these keys: nothing is required.
    OverKinds(&'static Kinds, &'static [&'static str]),
}

/// Kinds of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    /// The heading of the keys that all have.
    pub(super) common: &'static str,
    /// The key that names the kind.
    pub(super) tag: &'static str,
    pub(super) each: &'static [Kind],
}

/// A kind of table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The word for it.
    pub(super) word: &'static str,
    /// Headings whose keys it has beside the common ones.
    pub(super) sections: &'static [&'static str],
    /// Keys of these that it has not.
    pub(super) without: &'static [&'static str],
    /// The word must be there: it is not what is meant without it.
    pub(super) is_tagged: bool,
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// The keys under a heading of the manual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    pub(super) heading: &'static str,
    /// Its name in the schema.
    pub(super) id: &'static str,
    pub(super) keys: &'static [Key],
}

pub(super) const fn may(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, required: false }
}

pub(super) const fn must(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, required: true }
}

pub(super) const fn part(heading: &'static str, id: &'static str, keys: &'static [Key]) -> Section {
    Section { heading, id, keys }
}

pub(super) const fn kind(word: &'static str, sections: &'static [&'static str]) -> Kind {
    Kind { word, sections, without: &[], is_tagged: true }
}

/// Names of environments, components, stages, signals and channels.
pub(super) const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

pub(super) const TEXT: Shape = Shape::Text(r"\S");
pub(super) const NAMED: Shape = Shape::Text(NAME);
pub(super) const VARIABLE: Shape = Shape::Text("^[A-Za-z_][A-Za-z0-9_]*$");
/// Readers know more spellings than a pattern could: all have a digit and a unit.
pub(super) const SPAN: Shape = Shape::Text(r"^\s*[0-9].*[a-z]\s*$");
/// A whole percentage, with its sign or without.
pub(super) const PERCENT: Shape = Shape::Either(&[Shape::Whole(0, 100), Shape::Text(r"^\s*[0-9]+(\.0*)?\s*%\s*$")]);
pub(super) const URL: Shape = Shape::Text(r"^https?://[A-Za-z0-9\[][^\s?#@]*$");
pub(super) const ADDRESS: Shape = Shape::Text(r"^https?://[A-Za-z0-9\[][^\s#@]*$");
pub(super) const ACCOUNT: Shape = Shape::Text("^[0-9]{12}$");
pub(super) const LOCK_TABLE: Shape = Shape::Text("^[A-Za-z0-9_.-]{3,255}$");
pub(super) const REGION: Shape = Shape::Text("^[a-z0-9]+(-[a-z0-9]+)+-[a-z0-9]*[0-9]$");
pub(super) const RULE: Shape =
    Shape::Text(r"^arn:aws[a-z-]*:elasticloadbalancing:[^:\s]*:[0-9]{12}:listener(-rule)?/app/\S+$");
pub(super) const GROUP: Shape = Shape::Text(r"^arn:aws[a-z-]*:elasticloadbalancing:[^:\s]*:[0-9]{12}:targetgroup/\S+$");
pub(super) const TOPIC: Shape = Shape::Text(r"^arn:aws[a-z-]*:sns:[^:\s]*:[0-9]{12}:\S+$");
pub(super) const ROLE: Shape = Shape::Text(r"^arn:aws[a-z-]*:iam:[^:\s]*:[0-9]{12}:role/\S+$");
/// An identity, in which anything may be left open.
pub(super) const IDENTITY: Shape = Shape::Text(r"^(\*|arn:([^:\s]*:){4}\S*)$");
/// Commands, and what stands for all of them.
pub(super) const DEED: Shape = Shape::Word(&[
    "release",
    "promote",
    "promote-full",
    "pause",
    "resume",
    "rollback",
    "abort",
    "retry",
    "skip",
    "approve",
    "acknowledge",
    "all",
]);
pub(super) const DEEDS: Shape = Shape::List(&DEED, 0);
pub(super) const TEXTS: Shape = Shape::List(&TEXT, 0);
pub(super) const NAMES: Shape = Shape::List(&NAMED, 0);
pub(super) const VARIABLES: Shape = Shape::List(&VARIABLE, 0);
pub(super) const PROGRAM: Shape = Shape::List(&Shape::Any, 1);
pub(super) const ENV: Shape = Shape::Map(&Shape::Any);
pub(super) const POINTER: Shape = Shape::Text("^/");
pub(super) const MINUTE: Shape = Shape::Text(r"^[0-9]{1,2}:[0-9]{2}$");
/// TOML's dates need no quotes; as JSON they are text.
pub(super) const DATE: Shape = Shape::Text(r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}");
pub(super) const STATUS: Shape =
    Shape::Either(&[Shape::Whole(100, 599), Shape::Text(r"^\s*[1-5](xx|[0-9]{2}\s*-\s*[1-5][0-9]{2})\s*$")]);
pub(super) const STATUSES: Shape = Shape::Either(&[STATUS, Shape::List(&STATUS, 0)]);
pub(super) const WANTED: Shape = Shape::Either(&[Shape::Flag, Shape::Any, Shape::Of("contains")]);
pub(super) const SCALAR: Shape = Shape::Either(&[Shape::Any, Shape::Number, Shape::Flag]);
pub(super) const MEASURE: Shape = Shape::Either(&[
    Shape::Text(concat!(
        r"^\s*(target-errors|client-errors|success|request-rate|cpu|memory|running-tasks|unhealthy-targets",
        r"|response-time\s+p[0-9]{1,2}(\.[0-9])?)\s*$",
    )),
    Shape::Of("`measure`"),
]);
pub(super) const VIA: Shape = Shape::Either(&[Shape::Word(&["url"]), Shape::Of("`via`")]);
pub(super) const CHECKS: Shape = Shape::List(&Shape::Of("`checks`"), 0);

pub(super) const COMMAND: &str = "`kind = \"command\"`";
pub(super) const APP_CONFIG: &str = "`via = \"appconfig\"`";
pub(super) const TASK: &str = "`kind = \"task\"`";

/// A program here, or on ECS.
pub(super) const JOB: Shape = Shape::Kinds(&Kinds {
    common: "on",
    tag: "on",
    each: &[
        Kind { word: "here", sections: &[COMMAND], without: &["undo_on_failure"], is_tagged: false },
        Kind { word: "ecs", sections: &[TASK], without: &[], is_tagged: true },
    ],
});

const STAGES: Kinds = Kinds {
    common: "`[[pipelines.NAME.stages]]`",
    tag: "kind",
    each: &[
        kind("gate", &["`kind = \"gate\"`"]),
        kind("build", &["`kind = \"build\"`"]),
        kind("command", &[COMMAND]),
        kind("task", &[TASK]),
        kind("migrate", &["`kind = \"migrate\"`"]),
        kind("deploy", &[]),
        kind("smoke", &["`kind = \"smoke\"`"]),
        kind("warm-up", &["`kind = \"warm-up\"`"]),
        kind("load", &["`kind = \"load\"`"]),
        kind("shift", &["`kind = \"shift\"`"]),
        kind("flag", &["`kind = \"flag\"`"]),
        kind("flag", &[APP_CONFIG]),
        kind("verify", &["`kind = \"verify\"`"]),
        kind("notify", &[]),
        kind("status-page", &["`kind = \"status-page\"`"]),
        kind("wait", &["`kind = \"wait\"`"]),
        kind("cleanup", &["`kind = \"cleanup\"`"]),
    ],
};

pub(super) const STAGE: Shape = Shape::Kinds(&STAGES);
/// What an environment says of a stage; the rest is the pipeline's.
pub(super) const OWN_STAGE: Shape = Shape::OverKinds(&STAGES, &["name", "component", "after"]);

pub(super) const CHANNEL: Shape = Shape::Kinds(&Kinds {
    common: "`[channels.NAME]`",
    tag: "kind",
    each: &[
        kind("sns", &["`kind = \"sns\"`"]),
        kind("slack", &["`kind = \"slack\"`"]),
        kind("pagerduty", &["`kind = \"pagerduty\"`"]),
        kind("webhook", &["`kind = \"webhook\"`"]),
        Kind {
            word: "statuspage",
            sections: &["`kind = \"statuspage\"`"],
            without: &["min_severity", "events"],
            is_tagged: true,
        },
    ],
});

pub(super) const SITE: [&str; 7] = ["cluster", "container", "listener_rule", "services", "tasks", "pin", "signals"];

pub(super) const COMPONENT: Shape = Shape::Kinds(&Kinds {
    common: "`[components.NAME]`",
    tag: "driver",
    each: &[
        Kind { word: "alb", sections: &[], without: &[], is_tagged: false },
        Kind { word: "native", sections: &["`driver = \"native\"`"], without: &["tasks"], is_tagged: true },
        Kind {
            word: "rolling",
            sections: &["`driver = \"rolling\"`"],
            without: &["tasks", "services"],
            is_tagged: true,
        },
        Kind { word: "codedeploy", sections: &["`driver = \"codedeploy\"`"], without: &["tasks"], is_tagged: true },
        Kind { word: "command", sections: &[], without: &SITE, is_tagged: true },
    ],
});

pub(super) const RUN: Key = must("run", PROGRAM);
pub(super) const UNDO: Key = may("undo", PROGRAM);
pub(super) const ENVIRONMENT: Key = may("env", ENV);
pub(super) const ENV_FROM: Key = may("env_from", VARIABLES);
pub(super) const DIR: Key = may("dir", TEXT);
pub(super) const REPEATABLE: Key = may("repeatable", Shape::Flag);
pub(super) const CA_FILE: Key = may("ca_file", TEXT);
