use proptest::prelude::*;

use super::{EXAMPLE, read};
use crate::config::{Template, parse_duration, parse_share};

/// Lines of the example, shuffled, repeated, cut and spoilt.
fn spoilt() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = EXAMPLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let line = prop_oneof![
        6 => (0..lines.len()).prop_map({
            let lines = lines.clone();
            move |index| lines[index].to_owned()
        }),
        1 => ((0..lines.len()), any::<prop::sample::Index>(), any::<char>()).prop_map(move |(index, at, c)| {
            let mut spoilt: Vec<char> = lines[index].chars().collect();
            let at = at.index(spoilt.len());
            spoilt[at] = c;
            spoilt.into_iter().collect()
        }),
        1 => "[\\[\\]{}=,\"'.a-z0-9 é]{0,24}",
    ];
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_read_or_refused_with_places_inside_it(text in spoilt()) {
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.0.is_empty());
            let lines = text.matches('\n').count() + 1;
            for problem in &problems.0 {
                prop_assert!((1..=lines).contains(&problem.line), "{}", problem);
            }
            let _shown = problems.to_string();
        }
    }

    #[test]
    fn the_example_with_one_character_changed_is_read_or_refused(at in 0..EXAMPLE.len(), c in any::<char>()) {
        let Some((before, after)) = EXAMPLE.split_at_checked(at) else { return Ok(()) };
        let mut rest = after.chars();
        rest.next();
        let _read = read(&format!("{before}{c}{}", rest.as_str()));
    }

    #[test]
    fn single_values_of_any_text_are_read_or_refused(text in any::<String>()) {
        let _values = (parse_duration(&text), parse_share(&text), Template::parse(&text));
    }
}
