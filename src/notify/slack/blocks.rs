//! A message as Slack's Block Kit has it, within its bounds.

use serde_json::{Map, Value, json};

use crate::domain::effect::Notice;
use crate::domain::notice::{Facts, Transition};
use crate::notify::words::{cut, rfc3339, sign};

/// Longest text of a header, in characters.
const HEADER: usize = 150;

/// Longest text of a section or of a context's element, in characters.
const SECTION: usize = 3_000;

/// Longest text of a field, in characters.
const FIELD: usize = 2_000;

/// Longest name of a field, in characters.
const NAME: usize = 100;

/// Most fields of a section.
const FIELDS: usize = 10;

/// Longest text that notifications show, in characters. Slack cuts it at 40 000 and asks for 4 000.
const TEXT: usize = 3_000;

/// A message about one transition.
pub(super) fn message(notice: &Notice) -> Map<String, Value> {
    let facts = &notice.facts;
    let head = format!("{} {}", sign(notice.severity), notice.subject);
    let mut blocks = vec![header(&head)];
    blocks.extend(state(facts));
    if !facts.detail.is_empty() {
        blocks.push(section(&escaped(&facts.detail, SECTION)));
    }
    blocks.extend(findings(facts));
    blocks.extend(commands(facts));
    blocks.push(footer(notice));
    envelope(&head, blocks)
}

/// The message that a thread hangs from: where the release stands now.
pub(super) fn board(notice: &Notice) -> Map<String, Value> {
    let facts = &notice.facts;
    let head = format!(
        "{} [{}] {} {}: {} → {}, {}",
        sign(notice.severity),
        facts.environment,
        facts.named(),
        facts.release,
        facts.from,
        facts.to,
        facts.status.word()
    );
    let mut blocks = vec![header(&head)];
    blocks.extend(state(facts));
    blocks.extend(findings(facts));
    blocks.extend(commands(facts));
    blocks.push(footer(notice));
    envelope(&head, blocks)
}

fn envelope(head: &str, blocks: Vec<Value>) -> Map<String, Value> {
    let fields = [
        ("text", json!(escaped(head, TEXT))),
        ("blocks", Value::Array(blocks)),
        ("unfurl_links", json!(false)),
        ("unfurl_media", json!(false)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn header(text: &str) -> Value {
    json!({ "type": "header", "text": { "type": "plain_text", "text": cut(text, HEADER), "emoji": true } })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// Where the release stands; nothing where there is none.
fn state(facts: &Facts) -> Option<Value> {
    if facts.transition == Transition::Test {
        return None;
    }
    let stage = facts.stage.as_ref().map_or("none left", |stage| stage.as_str());
    let common = [("Status".to_owned(), facts.status.word().to_owned()), ("Stage".to_owned(), stage.to_owned())];
    let fields: Vec<(String, String)> = if facts.others.is_empty() {
        let [status, stage] = common;
        let version = ("Version".to_owned(), format!("{} → {}", facts.from, facts.to));
        vec![version, status, stage, ("Green's weight".to_owned(), facts.weight())]
    } else {
        let each = facts
            .components()
            .map(|(name, versions, weight)| (name.to_string(), format!("{versions}\ngreen {weight}")));
        common.into_iter().chain(each).take(FIELDS).collect()
    };
    let field = |(name, value): (String, String)| {
        let name = escaped(&name, NAME);
        json!({ "type": "mrkdwn", "text": format!("*{name}*\n{}", escaped(&value, FIELD - NAME - 3)) })
    };
    Some(json!({ "type": "section", "fields": fields.into_iter().map(field).collect::<Vec<_>>() }))
}

fn findings(facts: &Facts) -> Option<Value> {
    let lines: Vec<String> = facts
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.signal, finding.ruling.word(), finding.reason))
        .collect();
    (!lines.is_empty()).then(|| section(&escaped(&lines.join("\n"), SECTION)))
}

fn commands(facts: &Facts) -> Option<Value> {
    const FENCE: &str = "```";
    let lines: Vec<&str> = facts.hints.iter().map(|hint| hint.typed.as_str()).collect();
    let lines = escaped(&lines.join("\n"), SECTION - 2 * FENCE.len());
    (!lines.is_empty()).then(|| section(&format!("{FENCE}{lines}{FENCE}")))
}

fn footer(notice: &Notice) -> Value {
    let facts = &notice.facts;
    let (at, plain) = (facts.at.secs(), rfc3339(facts.at));
    let text = format!(
        "by {} · <!date^{at}^{{date_short_pretty}} {{time_secs}}|{plain}> · {}",
        escaped(&facts.by(), SECTION / 3),
        escaped(&notice.key, SECTION / 3)
    );
    json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] })
}

/// `text` with what Slack takes for markup written out, in at most `most` characters, never cut inside an entity.
fn escaped(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let whole: usize = text.chars().map(|c| entity(c).map_or(1, str::len)).sum();
    let room = if whole > most { most.saturating_sub(1) } else { most };
    for c in text.chars() {
        let entity = entity(c);
        length += entity.map_or(1, str::len);
        if length > room {
            out.push('…');
            break;
        }
        match entity {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_of_a_release_is_told_of_within_slacks_bounds() {
        let mut facts = crate::notify::testing::of_two();
        let fields = |facts: &Facts| {
            let fields = state(facts).unwrap()["fields"].as_array().unwrap().clone();
            fields.iter().map(|field| field["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            fields(&facts)[2..],
            ["*api*\n1 → 2\ngreen set 10 %, observed 10 %", "*web*\n7 → 8\ngreen set 50 %, not read back yet"]
        );
        let other = facts.others[0].clone();
        facts.others = vec![other; 30];
        assert_eq!(fields(&facts).len(), FIELDS);
        facts.others.clear();
        assert_eq!(fields(&facts)[0], "*Version*\n1 → 2");
    }

    #[test]
    fn markup_is_written_out_and_never_cut_apart() {
        assert_eq!(escaped("<!channel> a & b", 100), "&lt;!channel&gt; a &amp; b");
        assert_eq!(escaped("a&&&", 12), "a&amp;&amp;…");
        assert_eq!(escaped("a&&&", 11), "a&amp;…");
        assert_eq!(escaped("a&&", 11), "a&amp;&amp;");
        for most in 1..40 {
            let cut = escaped("x < y && y > z, and so on & on", most);
            assert!(cut.chars().count() <= most, "{cut}");
        }
    }
}
