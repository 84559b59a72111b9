use std::fmt::Write as _;

use super::{LEAST, read};
use crate::config::Mistake;

/// What is broken, the text of the least configuration to replace, and what with.
pub(super) const CASES: [(&str, &str, &str); 106] = [
    ("not TOML, twice", "cluster = \"shop\"\ncontainer = \"api\"", "cluster = \ncontainer = 'api"),
    ("the same key twice", "cluster = \"shop\"", "cluster = \"shop\"\ncluster = \"shop\""),
    ("unknown section", "[environments.staging]", "[enviroments.x]\n[environments.staging]"),
    ("unknown key, nearly right", "cluster = ", "clutser = "),
    ("unknown key, far off", "cluster = \"shop\"", "cluster = \"shop\"\nblast_radius = 3"),
    ("unknown key of a step", "weight = 10,", "weight = 10, gates = \"human\","),
    ("unknown key where none is taken", "kind = \"deploy\"", "kind = \"deploy\"\nstrategy = \"rolling\""),
    ("missing keys", "account = \"123456789012\"\nregion = \"eu-west-1\"", ""),
    ("missing name of a stage", "name = \"deploy\"\n", ""),
    ("missing sections", LEAST, ""),
    ("account as a number", "\"123456789012\"\nregion", "123456789012\nregion"),
    ("account too short", "account = \"123456789012\"", "account = \"1234\""),
    ("region", "\"eu-west-1\"\n\n[c", "\"Ireland\"\n\n[c"),
    (
        "string for a table",
        "[signals.errors]\nmeasure = \"target-errors\"\nmax = \"5 %\"",
        "[signals]\nerrors = \"5 %\"",
    ),
    ("table for an array", "steps = [{ weight = 10, bake = \"5m\" }, { weight = 100, bake = \"5m\" }]", "steps = 10"),
    ("string for a flag", "account =", "production = \"yes\"\naccount ="),
    ("duration without unit", "weight = 10, bake = \"5m\"", "weight = 10, bake = 5"),
    ("duration misspelt", "weight = 10, bake = \"5m\"", "weight = 10, bake = \"5 minuts\""),
    ("duration below zero", "weight = 10, bake = \"5m\"", "weight = 10, bake = \"-5m\""),
    ("duration beyond reason", "weight = 10, bake = \"5m\"", "weight = 10, bake = \"9000h\""),
    ("time-out of nothing", "kind = \"deploy\"", "kind = \"deploy\"\ntimeout = \"0s\""),
    ("percentage above a hundred", "max = \"5 %\"", "max = \"105 %\""),
    ("percentage below zero", "max = \"5 %\"", "max = -5"),
    ("percentage of nothing", "max = \"5 %\"", "max = \"five percent\""),
    ("weight not whole", "weight = 10", "weight = 12.5"),
    (
        "rule of another service",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/1/2/3",
        "arn:aws:ecs:eu-west-1:123456789012:service/shop/api",
    ),
    ("rule of another region", "eu-west-1:123456789012:listener-rule", "us-east-1:123456789012:listener-rule"),
    ("target group of another account", "123456789012:targetgroup/api-blue", "999999999999:targetgroup/api-blue"),
    (
        "name in place of an ARN",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api-blue/4",
        "api-blue",
    ),
    ("the same target group twice", "targetgroup/api-green/5", "targetgroup/api-blue/4"),
    ("the same service twice", "\"api-green\"", "\"api-blue\""),
    (
        "one service",
        "\n[[components.api.services]]\nservice = \"api-green\"\ntarget_group = \"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api-green/5\"\n",
        "",
    ),
    ("two stages of one name", "name = \"shift\"", "name = \"deploy\""),
    ("stage name with a space", "name = \"shift\"", "name = \"shift traffic\""),
    ("unknown kind of stage", "kind = \"shift\"", "kind = \"shfit\""),
    ("steps that fall", "weight = 10,", "weight = 60, bake = \"5m\" }, { weight = 50,"),
    ("steps that stay", "weight = 10,", "weight = 10, bake = \"5m\" }, { weight = 10,"),
    ("steps from zero", "weight = 10,", "weight = 0,"),
    ("steps that do not end", "weight = 100", "weight = 90"),
    ("no steps", "[{ weight = 10, bake = \"5m\" }, { weight = 100, bake = \"5m\" }]", "[]"),
    ("shift before deploy", "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n\n", ""),
    (
        "smoke before deploy",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"smoke\"\nkind = \"smoke\"\nchecks = [{ name = \"up\", path = \"https://shop.example/\" }]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "smoke without a url",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nchecks = [{ name = \"up\", path = \"/healthz\" }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    ("unknown pipeline", "pipeline = \"standard\"", "pipeline = \"standart\""),
    ("unknown channel", "pipeline = ", "notify = [\"team\"]\npipeline = "),
    ("unknown signal", "pipeline = ", "signals = [\"errors\", \"latency\"]\npipeline = "),
    ("unknown environment", "pipeline = ", "environments = [\"stagin\"]\npipeline = "),
    ("unknown environment hides nothing", "cluster = \"shop\"", "environments = [\"stagin\"]\nclutser = \"shop\""),
    (
        "settings where a component is not released",
        "[components.api]",
        "[environments.other]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n[environments.other.components.api]\ntasks = 2\n\n[components.api]\nenvironments = [\"staging\"]",
    ),
    (
        "unknown component in an environment",
        "[components.api]",
        "[environments.staging.components.app]\ncluster = \"x\"\n\n[components.api]",
    ),
    ("automatic gates and no judge", "max = \"5 %\"", "policy = \"observe\""),
    ("policy without a limit", "max = \"5 %\"", "policy = \"rollback\""),
    ("unknown measure", "\"target-errors\"", "\"5xx\""),
    ("percentile beyond reason", "\"target-errors\"", "\"response-time p100\""),
    ("production without a gate", "account =", "production = true\naccount ="),
    (
        "stage of an environment that no pipeline has",
        "[components.api]",
        "[environments.staging.stages.shfit]\nsteps = [{ weight = 100, bake = \"1m\" }]\n\n[components.api]",
    ),
    (
        "stage of an environment of another kind",
        "[components.api]",
        "[environments.staging.stages.shift]\nkind = \"verify\"\nwatch = \"1m\"\n\n[components.api]",
    ),
    (
        "stage of an environment with a key that its kind lacks",
        "[components.api]",
        "[environments.staging.stages.deploy]\nsteps = [{ weight = 100, bake = \"1m\" }]\n\n[components.api]",
    ),
    (
        "stage of an environment with a wrong value",
        "[components.api]",
        "[environments.staging.stages.shift]\nsteps = [{ weight = 90, bake = \"1m\" }]\n\n[components.api]",
    ),
    (
        "stage of an environment that is moved",
        "[components.api]",
        "[environments.staging.stages.shift]\nafter = []\nname = \"slide\"\n\n[components.api]",
    ),
    (
        "stages of an environment as an array",
        "[components.api]",
        "[[environments.staging.stages]]\nname = \"shift\"\n\n[components.api]",
    ),
    ("policy with an unknown command", "[components.api]", "[policy]\neverybody = [\"roll-back\"]\n\n[components.api]"),
    ("rule without who and may", "[components.api]", "[[policy.rules]]\nname = \"captains\"\n\n[components.api]"),
    (
        "rule by a role's bare name",
        "[components.api]",
        "[[policy.rules]]\nname = \"captains\"\nwho = [\"captain\"]\nmay = [\"promote\"]\n\n[components.api]",
    ),
    (
        "two rules of one name, one of an unknown environment",
        "[components.api]",
        "[[policy.rules]]\nname = \"captains\"\nwho = [\"arn:aws:iam::1:role/captain\"]\nmay = [\"promote\"]\n[[policy.rules]]\nname = \"captains\"\nwho = [\"arn:aws:iam::1:role/captain\"]\nmay = [\"promote\"]\nenvironments = [\"stagin\"]\n\n[components.api]",
    ),
    (
        "unknown key of a rule",
        "[components.api]",
        "[[policy.rules]]\nname = \"captains\"\nwho = [\"arn:aws:iam::1:role/captain\"]\nmay = [\"promote\"]\ncommands = []\n\n[components.api]",
    ),
    (
        "digest before it is known",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"sign\"\nkind = \"command\"\nrun = [\"cosign\", \"${digest}\"]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "digest beside the build",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"image\"\nkind = \"build\"\nrun = [\"./build\", \"${digest}\"]\nrepository = \"r/api\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "digest in a phrase",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"gates\"\nkind = \"gate\"\nconfirm = \"release ${digest}\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "digest in an environment's phrase",
        "account = \"123456789012\"\nregion",
        "confirm = \"release ${digest}\"\naccount = \"123456789012\"\nregion",
    ),
    ("pin as a word", "cluster = \"shop\"", "cluster = \"shop\"\npin = \"digest\""),
    (
        "unknown variable, nearly right",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"sign\"\nkind = \"command\"\nrun = [\"sign\", \"${git-sha}\", \"$${digest}\"]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "unknown variable",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"migrate\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo ${versoin} ${HOME}\"]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "command without a program",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"migrate\"\nkind = \"command\"\nrun = []\nundo = \"downgrade\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    (
        "a password in the environment",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"migrate\"\nkind = \"command\"\nrun = [\"true\"]\nenv = { DB_PASSWORD = \"hunter2\" }\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    ("theme misspelt", "[components.api]", "[screen]\ntheme = \"drak\"\n\n[components.api]"),
    ("keymap as a table", "[components.api]", "[screen.keymap]\npromote = \"P\"\n\n[components.api]"),
    (
        "checks that cannot be",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nchecks = [{ name = \"a\", path = \"https://x/\", status = \"2yy\", metod = \"GET\", json = { \"/v\" = { matches = \"(\", abov = 1 } }, response_headers = { \"x y\" = 3 } }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    (
        "checks that contradict themselves",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nchecks = [{ name = \"a\", path = \"http://x/\", tls = { min_days = 5 } }, { name = \"b\", path = \"https://x/\", redirect = { status = 200 }, https_redirect = true, follow = 1, cookies = { s = { http_onyl = true, same_site = \"lax\" } }, cors = { credentials = true }, security_headers = [\"hst\"] }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    (
        "two ways to green",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nvia = { port = 8443, address = \"10.0.0.1:443\" }\nchecks = [{ name = \"a\", path = \"/\" }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    (
        "a way to green without a url",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nvia = { port = 8443 }\nchecks = [{ name = \"a\", path = \"/\" }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    (
        "checks of a side where there is none",
        "pipeline = \"standard\"",
        "pipeline = \"standard\"\n\n[components.site]\ndriver = \"command\"\npipeline = \"outside\"\n\n[pipelines.outside]\nstages = [{ name = \"smoke\", kind = \"smoke\", checks = [{ name = \"a\", path = \"/\" }] }]",
    ),
    (
        "an image pinned where there is none",
        "pipeline = \"standard\"",
        "pipeline = \"standard\"\n\n[components.site]\ndriver = \"command\"\npin = true\npipeline = \"outside\"\n\n[pipelines.outside]\nstages = [{ name = \"tell\", kind = \"notify\" }]",
    ),
    (
        "an unknown way to green",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nvia = \"urls\"\nchecks = [{ name = \"a\", path = \"https://x/\" }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    (
        "a secret in a header",
        "name = \"shift\"",
        "name = \"smoke\"\nkind = \"smoke\"\nchecks = [{ name = \"a\", path = \"https://x/\", headers = { authorization = \"Bearer abcdefgh\" }, headers_from = { authorization = \"SMOKE_TOKEN\" } }]\n\n[[pipelines.standard.stages]]\nname = \"shift\"",
    ),
    ("an access key in the wrong place", "region = \"eu-west-1\"", "region = \"AKIAIOSFODNN7EXAMPLE\""),
    ("unknown kind of channel", "[components.api]", "[channels.team]\nkind = \"slak\"\n\n[components.api]"),
    ("channel without its secret", "[components.api]", "[channels.team]\nkind = \"slack\"\n\n[components.api]"),
    (
        "channel reached in two ways",
        "[components.api]",
        "[channels.team]\nkind = \"slack\"\nurl_env = \"HOOK\"\ntoken_env = \"TOKEN\"\nchannel = \"C0123456789\"\n\n[components.api]",
    ),
    (
        "channel by its name",
        "[components.api]",
        "[channels.team]\nkind = \"slack\"\ntoken_env = \"TOKEN\"\nchannel = \"#releases\"\n\n[components.api]",
    ),
    (
        "channel with its secret",
        "[components.api]",
        "[channels.team]\nkind = \"webhook\"\nurl = \"https://hooks.slack.com/services/T0/B0/x\"\n\n[components.api]",
    ),
    (
        "secret in two places",
        "[components.api]",
        "[channels.team]\nkind = \"pagerduty\"\nrouting_key_env = \"KEY\"\nrouting_key_file = \"/run/key\"\n\n[components.api]",
    ),
    (
        "unknown event, severity and environment of a channel",
        "[components.api]",
        "[channels.team]\nkind = \"pagerduty\"\nrouting_key_env = \"KEY\"\nevents = [\"going_back\"]\nmin_severity = \"error\"\nenvironments = [\"stagin\"]\n\n[components.api]",
    ),
    (
        "severity of a status page",
        "[components.api]",
        "[channels.page]\nkind = \"statuspage\"\nmin_severity = \"info\"\n\n[components.api]",
    ),
    (
        "status page that is not told",
        "[[pipelines.standard.stages]]\nname = \"deploy\"",
        "[[pipelines.standard.stages]]\nname = \"announce\"\nkind = \"status-page\"\nstatus = \"under-maintenance\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"",
    ),
    ("many at once", "cluster = \"shop\"\ncontainer = \"api\"", "clutser = \"shop\"\ncontainer = 3\ntasks = 0"),
    (
        "build of nothing, into a tag",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"b\"\nkind = \"build\"\nrepository = \"registry/api:latest\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
    ),
    (
        "build after what it builds for",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n\n[[pipelines.standard.stages]]\nname = \"b\"\nkind = \"build\"\nrun = [\"make\"]\nrepository = \"registry/api\"\n",
    ),
    (
        "task with a key of commands",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"t\"\nkind = \"task\"\nrun = [\"seed\"]\nundo = [\"unseed\"]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
    ),
    (
        "migration that applies nothing and is safe to undo",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"m\"\nkind = \"migrate\"\nverify = { on = \"there\", run = [\"look\"] }\nundo_is_safe = true\n\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
    ),
    (
        "warm-up of no path, far too often",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n\n[[pipelines.standard.stages]]\nname = \"w\"\nkind = \"warm-up\"\npaths = [\"index.html\"]\nrequests = 0\n",
    ),
    (
        "load without limits that limit",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n\n[[pipelines.standard.stages]]\nname = \"l\"\nkind = \"load\"\nrun = [\"k6\"]\nlimits = [{ name = \"p95\", at = \"p95\" }]\n",
    ),
    (
        "flag that stays on",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"f\"\nkind = \"flag\"\nrun = [\"on\"]\n\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
    ),
    (
        "requests of a broken pattern, with fields that it has no use for",
        "container = \"api\"\n",
        "container = \"api\"\nrequests = { format = \"regex\", pattern = \"(a\", status = [\"s\"] }\n",
    ),
    (
        "requests without the pattern that reads them",
        "container = \"api\"\n",
        "container = \"api\"\nrequests = { format = \"regex\", unit = \"m\" }\n",
    ),
    (
        "wait without end",
        "[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
        "[[pipelines.standard.stages]]\nname = \"w\"\nkind = \"wait\"\n\n[[pipelines.standard.stages]]\nname = \"deploy\"\nkind = \"deploy\"\n",
    ),
];

#[test]
fn the_least_configuration_is_one() {
    if let Err(problems) = read(LEAST) {
        panic!("{problems}");
    }
}

#[test]
fn every_mistake_is_said_with_its_place_and_its_remedy() {
    let mut all = String::new();
    for (what, from, to) in CASES {
        assert!(LEAST.contains(from), "{what}: there is no `{from}`");
        let problems = read(&LEAST.replacen(from, to, 1)).expect_err(what);
        write!(all, "── {what}\n{problems}\n\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_secret_is_shown_by_no_message_about_it() {
    let text = LEAST.replacen("account = \"123456789012\"", "account = \"AKIAIOSFODNN7EXAMPLE\"", 1);
    let problems = read(&text).unwrap_err();
    assert!(problems.0.iter().any(|problem| matches!(problem.mistake, Mistake::Secret { .. })));
    assert!(problems.0.iter().any(|problem| matches!(problem.mistake, Mistake::BadValue { .. })));
    let shown = format!("{problems}");
    assert!(!shown.contains("AKIA") && !shown.contains("EXAMPLE"), "{shown}");
}

#[test]
fn a_secret_in_text_that_is_not_toml_is_not_shown_either() {
    for line in ["key = \"AKIAIOSFODNN7EXAMPLE", "password=hunter2hunter2 \"x\"", "AKIAIOSFODNN7EXAMPLE"] {
        let shown = read(&format!("{line}\n{LEAST}")).unwrap_err().to_string();
        assert!(!shown.contains("EXAMPLE") && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn mistakes_come_once_and_in_the_order_of_the_file() {
    // The component is read for both environments, in one of them with settings of its own: its mistakes are still one
    // each, and each is said of the table it is in.
    let other = "\n[environments.other]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n\
                 [environments.other.components.api]\nlgos = []\n[environments.other.components.api.rollback]\n\
                 [rollback]\nkeep = 1\n";
    let text = format!("{LEAST}{other}")
        .replacen("cluster = \"shop\"", "", 1)
        .replacen("\"api\"", "3", 1)
        .replacen("pipeline", "tsaks = 1\npipeline", 1)
        .replacen("weight = 10,", "weight = 101,", 1);
    let problems = read(&text).unwrap_err();
    let said: Vec<String> = problems.0.iter().map(|problem| problem.mistake.to_string()).collect();
    assert_eq!(
        said,
        [
            "missing key `cluster` in [components.api]; add `cluster = \"shop\"`, for example",
            "`3` is a number; write a string in quotes",
            "unknown key `tsaks` in [components.api]; did you mean `tasks`?",
            "`101` is not a percentage; write \"5 %\" or 5, from 0 to 100",
            "unknown key `lgos` in [environments.other.components.api]; did you mean `logs`?",
            "unknown key `keep` in [rollback]; it takes escalate_after, keep_green, min_healthy, one_by_one",
        ]
    );
}

#[test]
fn columns_count_characters_and_nothing_steers_the_terminal() {
    let problems = read("\"ключ\u{1b}[2J\" = 1\n").unwrap_err();
    let shown = problems.to_string();
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let text = LEAST.replacen("weight = 10", "\"вес\" = 1, weight = 12.5", 1);
    let problems = read(&text).unwrap_err();
    let at = |found: &str| {
        let line = text.lines().find(|line| line.contains(found)).unwrap();
        line.chars().count() - line.split_once(found).unwrap().1.chars().count() - found.chars().count() + 1
    };
    let columns: Vec<usize> = problems.0.iter().map(|problem| problem.column).collect();
    assert_eq!(columns, [at("\"вес\""), at("12.5")], "{problems}");
}
