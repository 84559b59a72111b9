use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 5] = ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC"];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(zone: &TimeZone, text: &str) -> Timestamp {
    moment(zone, text.parse().unwrap()).unwrap()
}

fn hours(days: &[Day], from: &str, to: &str) -> Hours {
    Hours { days: days.to_vec(), from: Minute::parse(from).unwrap(), to: Minute::parse(to).unwrap() }
}

fn weekdays(from: &str, to: &str) -> Hours {
    hours(&[Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri], from, to)
}

fn office() -> Calendar {
    Calendar {
        zone: "Europe/Zurich".to_owned(),
        hours: vec![weekdays("09:00", "12:00"), weekdays("13:00", "17:00")],
        holidays: vec![date(2026, 12, 25)],
        freezes: vec![Freeze {
            from: "2026-12-28T00:00".parse().unwrap(),
            to: "2027-01-04T00:00".parse().unwrap(),
            reason: "year end".to_owned(),
        }],
    }
}

fn opens(standing: Standing) -> Option<Timestamp> {
    match standing {
        Standing::Shut { opens, .. } => opens,
        Standing::Open { .. } => panic!("it is open"),
    }
}

fn is_open(calendar: &Calendar, zone: &TimeZone, at: Timestamp) -> bool {
    matches!(calendar.standing(zone, at), Standing::Open { .. })
}

#[test]
fn the_next_opening_is_after_lunch_the_weekend_the_holiday_and_the_freeze() {
    let (office, zurich) = (office(), zone("Europe/Zurich"));
    let at = |text: &str| at(&zurich, text);
    let next = |text: &str| opens(office.standing(&zurich, at(text)));
    assert_eq!(next("2026-11-20T12:00"), Some(at("2026-11-20T13:00")));
    assert_eq!(next("2026-11-20T17:00"), Some(at("2026-11-23T09:00")));
    assert_eq!(next("2026-12-24T18:00"), Some(at("2027-01-04T09:00")), "a holiday, a weekend, a freeze");
    let Standing::Open { until } = office.standing(&zurich, at("2026-11-20T09:00")) else { panic!("shut at nine") };
    assert_eq!(until, Some(at("2026-11-20T12:00")));
}

#[test]
fn why_it_is_shut_is_said_in_the_calendars_words() {
    let (office, zurich) = (office(), zone("Europe/Zurich"));
    let why = |text: &str| match office.standing(&zurich, at(&zurich, text)) {
        Standing::Shut { why, .. } => why,
        Standing::Open { .. } => panic!("{text} is open"),
    };
    assert_eq!(why("2026-11-21T10:00"), "Sat 10:00 is outside mon-fri 09:00-12:00, mon-fri 13:00-17:00");
    assert_eq!(why("2026-12-25T10:00"), "Fri 25 Dec is a holiday");
    assert_eq!(why("2026-12-29T10:00"), "frozen: year end");
    assert_eq!(Calendar::show(&zurich, at(&zurich, "2026-11-23T09:00")), "Mon 23 Nov 09:00 CET");
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_opens() {
    let night = Calendar { hours: vec![hours(&[Day::Fri], "22:00", "02:00")], ..office() };
    let zurich = zone("Europe/Zurich");
    for (text, wanted) in [
        ("2026-11-20T21:59", false),
        ("2026-11-20T22:00", true),
        ("2026-11-21T01:59", true),
        ("2026-11-21T02:00", false),
    ] {
        assert_eq!(is_open(&night, &zurich, at(&zurich, text)), wanted, "{text}");
    }
}

#[test]
fn without_windows_it_is_open_but_for_what_is_excluded_and_a_freeze_without_end_has_no_opening() {
    let zurich = zone("Europe/Zurich");
    let any = Calendar { hours: Vec::new(), ..office() };
    assert!(is_open(&any, &zurich, at(&zurich, "2026-11-22T03:00")));
    assert_eq!(opens(any.standing(&zurich, at(&zurich, "2026-12-25T03:00"))), Some(at(&zurich, "2026-12-26T00:00")));
    let mut ever = office();
    ever.freezes[0].to = "2036-01-01T00:00".parse().unwrap();
    assert_eq!(opens(ever.standing(&zurich, at(&zurich, "2026-12-29T10:00"))), None);
}

#[test]
fn a_window_keeps_its_wall_clock_times_when_the_clocks_change() {
    let zurich = zone("Europe/Zurich");
    let sunday = Calendar { hours: vec![hours(&[Day::Sun], "01:00", "04:00")], ..office() };
    let lasting = |day: &str| {
        let Standing::Open { until: Some(until) } = sunday.standing(&zurich, at(&zurich, &format!("{day}T01:00")))
        else {
            panic!("shut on {day}")
        };
        until.since(at(&zurich, &format!("{day}T01:00")))
    };
    let hour = Duration::from_hours(1);
    assert_eq!([lasting("2026-03-29"), lasting("2026-03-22"), lasting("2026-10-25")], [2 * hour, 3 * hour, 4 * hour]);
    // The hour from two to three does not happen on that day.
    let gone = Calendar { hours: vec![hours(&[Day::Sun], "02:00", "03:00")], ..office() };
    assert_eq!(opens(gone.standing(&zurich, at(&zurich, "2026-03-29T01:30"))), Some(at(&zurich, "2026-04-05T02:00")));
}

#[test]
fn times_of_day_are_read_strictly() {
    let shown = |text: &str| Minute::parse(text).map(|minute| minute.to_string());
    for text in ["00:00", "09:30", "23:59", "24:00"] {
        assert_eq!(shown(text).as_deref(), Some(text));
    }
    for text in ["9:30", "24:01", "12:60", "25:00", "12", "", "-1:00", "+9:00"] {
        assert_eq!(shown(text), None, "{text}");
    }
}

/// Moments from one change of the clocks to the next and the next, in every zone.
fn moments() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let minutes = 0..(370 * 24 * 60_i64);
    (prop::sample::select(&ZONES[..]), minutes)
        .prop_map(|(name, minutes)| (zone(name), Timestamp::from_secs(1_767_225_600 + minutes * 60)))
}

/// Moments within a few hours of a change of the clocks.
fn near_changes() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let changing = &ZONES[..4];
    (prop::sample::select(changing), 0..2_usize, -300..300_i64).prop_map(|(name, nth, minutes)| {
        let zone = zone(name);
        let year = jiff::Timestamp::from_second(1_767_225_600).unwrap();
        let change = zone.following(year).nth(nth).unwrap().timestamp() + minutes.minutes();
        (zone, Timestamp::from_millis(change.as_millisecond()))
    })
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let days = prop::collection::vec(prop::sample::select(Day::WORDS.map(|(_, day)| day).to_vec()), 1..4);
    let hours = (days, 0..24_u16, 1..20_u16).prop_map(|(days, from, length)| {
        let to = (from * 60 + length * 45) % (24 * 60);
        Hours { days, from: Minute(from * 60), to: Minute(if to == from * 60 { to + 1 } else { to }) }
    });
    let holidays = prop::collection::vec(0..370_i64, 0..4);
    let freeze = (0..370_i64, 1..400_i64);
    (prop::collection::vec(hours, 0..3), holidays, prop::option::of(freeze)).prop_map(|(hours, holidays, freeze)| {
        let first = date(2026, 1, 1);
        Calendar {
            zone: String::new(),
            hours,
            holidays: holidays.into_iter().map(|days| first + days.days()).collect(),
            freezes: freeze
                .map(|(day, hours)| {
                    let from = (first + day.days()).at(7, 30, 0, 0);
                    Freeze { from, to: from + hours.hours(), reason: "frozen".to_owned() }
                })
                .into_iter()
                .collect(),
        }
    })
}

fn check_opening(calendar: &Calendar, zone: &TimeZone, now: Timestamp) {
    match calendar.standing(zone, now) {
        Standing::Shut { opens: Some(opens), .. } => {
            assert!(opens > now);
            assert!(is_open(calendar, zone, opens), "it opens when it says");
            let step = opens.since(now) / 16;
            for part in 0..16 {
                assert!(!is_open(calendar, zone, now + step * part), "not before it says");
            }
            assert!(!is_open(calendar, zone, opens - Duration::from_millis(1)), "not a moment before");
        }
        Standing::Shut { opens: None, .. } => {
            assert!(!is_open(calendar, zone, now + Duration::from_hours(24 * 7)), "an opening is overlooked");
        }
        Standing::Open { until: Some(until) } => {
            assert!(until > now);
            assert!(is_open(calendar, zone, until - Duration::from_millis(1)), "open as long as it says");
            assert!(!is_open(calendar, zone, until), "and no longer");
        }
        Standing::Open { until: None } => assert!(calendar.hours.is_empty(), "a window always closes"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_said_of_the_next_change_is_what_happens((zone, now) in moments(), calendar in calendars()) {
        check_opening(&calendar, &zone, now);
    }

    #[test]
    fn also_while_the_clocks_change((zone, now) in near_changes(), calendar in calendars()) {
        check_opening(&calendar, &zone, now);
    }

    #[test]
    fn far_from_a_change_the_wall_clock_alone_decides((zone, now) in moments(), calendar in calendars()) {
        let here = zoned(&zone, now).unwrap();
        let day = 24.hours();
        let steady = [&here - day, &here + day].iter().all(|other| other.offset() == here.offset());
        prop_assume!(steady);
        let minute = u16::try_from(here.hour()).unwrap() * 60 + u16::try_from(here.minute()).unwrap();
        let (today, before) = (Day::of(here.weekday()), Day::of(here.date().yesterday().unwrap().weekday()));
        let in_window = calendar.hours.is_empty() || calendar.hours.iter().any(|hours| {
            let (from, to) = (hours.from.0, hours.to.0);
            if to > from {
                hours.days.contains(&today) && from <= minute && minute < to
            } else {
                (hours.days.contains(&today) && from <= minute) || (hours.days.contains(&before) && minute < to)
            }
        });
        let wall = here.datetime();
        let frozen = calendar.freezes.iter().any(|freeze| freeze.from <= wall && wall < freeze.to);
        let wanted = in_window && !frozen && !calendar.holidays.contains(&here.date());
        prop_assert_eq!(is_open(&calendar, &zone, now), wanted);
    }
}
