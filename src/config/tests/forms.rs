use std::time::Duration;

use proptest::prelude::*;

use crate::config::{parse_duration, parse_share, show_duration};

#[test]
fn durations_are_read_in_every_form_that_people_write() {
    let seconds = |text: &str| parse_duration(text).map(|span| span.as_secs());
    for (text, wanted) in [
        ("5m", 300),
        ("90s", 90),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1.5h", 5_400),
        ("2 minutes", 120),
        ("5 min", 300),
        ("1h30m15s", 5_415),
        ("0s", 0),
        ("24h", 86_400),
        ("744h", 2_678_400),
        (" 5m ", 300),
    ] {
        assert_eq!(seconds(text), Some(wanted), "{text}");
    }
    assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    for wrong in ["", " ", "5", "m", "5x", "-5m", "+5m", "5m ago", "PT5M", "744h1s", "1us", "m5", "5m5", "1e9s", "∞"]
    {
        assert_eq!(parse_duration(wrong), None, "{wrong}");
    }
}

#[test]
fn percentages_are_read_in_every_form_that_people_write() {
    for (text, wanted) in [("5 %", 5.0), ("5%", 5.0), ("0.5 %", 0.5), ("100%", 100.0), ("0 %", 0.0), (" 5 % ", 5.0)] {
        assert_eq!(parse_share(text), Some(wanted), "{text}");
    }
    for wrong in ["", "%", "5", "101 %", "-1 %", "5 percent", "1e1%", "NaN%", "inf%", "5 %%", "0x5%", "+5%"] {
        assert_eq!(parse_share(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_duration_shown_is_read_back(millis in 0_u64..=2_678_400_000) {
        let span = Duration::from_millis(millis);
        let shown = show_duration(span);
        prop_assert_eq!(parse_duration(&shown), Some(span), "{}", shown);
    }

    #[test]
    fn a_percentage_shown_is_read_back(tenths in 0_u16..=1_000) {
        let share = f64::from(tenths) / 10.0;
        prop_assert_eq!(parse_share(&format!("{share} %")), Some(share));
        prop_assert_eq!(parse_share(&format!("{share}%")), Some(share));
    }
}
