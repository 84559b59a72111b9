use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::*;

fn user(text: &str) -> Result<Theme, String> {
    Theme::from_file(Document { name: "mine.toml", text }, Charset::Unicode).map_err(|error| error.to_string())
}

fn plain_colour(colour: Option<Color>) -> bool {
    matches!(colour, None | Some(Color::Reset))
}

#[test]
fn every_built_in_theme_gives_every_role_a_look() {
    for name in Theme::names() {
        Theme::named(name, Charset::Ascii).unwrap();
    }
}

#[test]
fn without_colour_no_role_has_one_and_alarms_still_stand_out() {
    let theme = Theme::built_in(ColourDepth::None, Background::Light, Charset::Unicode).unwrap();
    for role in Role::ALL {
        let style = theme.style(*role);
        assert!(plain_colour(style.fg) && plain_colour(style.bg), "{}", role.name());
    }
    assert!(theme.style(Role::Bad).add_modifier.contains(Modifier::REVERSED));
    assert_ne!(theme.style(Role::Blue), theme.style(Role::Green));
    assert_ne!(theme.style(Role::Production), theme.style(Role::Environment));
}

#[test]
fn sixteen_colours_leave_the_background_to_the_terminal() {
    for background in [Background::Dark, Background::Light] {
        let theme = Theme::built_in(ColourDepth::Sixteen, background, Charset::Unicode).unwrap();
        // Text of the background's colour, or near it, disappears unless it brings a ground of its own.
        let unreadable: &[Color] = match background {
            Background::Dark => &[Color::White, Color::Gray, Color::Black],
            Background::Light => &[Color::White, Color::Gray, Color::Yellow, Color::Cyan],
        };
        for role in Role::ALL {
            let style = theme.style(*role);
            assert!(!matches!(style.fg, Some(Color::Rgb(..))) && !matches!(style.bg, Some(Color::Rgb(..))));
            let is_bare = plain_colour(style.bg) && style.fg.is_some_and(|colour| unreadable.contains(&colour));
            assert!(!is_bare, "{} on {background:?}", role.name());
        }
    }
}

/// Contrast by WCAG 2's formula: 21 for black on white, 1 for a colour on itself.
fn contrast(a: Color, b: Color) -> f64 {
    let luminance = |colour| {
        let Color::Rgb(red, green, blue) = colour else { panic!("{colour} is not 24-bit") };
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_that_carries_meaning_can_be_read_on_its_ground() {
    for background in [Background::Dark, Background::Light] {
        let theme = Theme::built_in(ColourDepth::True, background, Charset::Unicode).unwrap();
        let ground = theme.style(Role::Ground).bg.unwrap();
        let told = [
            Role::Text,
            Role::Strong,
            Role::Title,
            Role::Blue,
            Role::Green,
            Role::Ok,
            Role::Warning,
            Role::Bad,
            Role::NoData,
            Role::Running,
            Role::Waiting,
            Role::Production,
            Role::Environment,
            Role::Key,
            Role::KeyLabel,
            Role::SearchHit,
            Role::LogError,
            Role::LogWarning,
        ];
        for role in told {
            let style = theme.style(role);
            let seen = contrast(style.fg.unwrap(), style.bg.unwrap_or(ground));
            assert!(seen >= 4.5, "{} on {background:?}: {seen:.1}", role.name());
        }
    }
}

#[test]
fn every_sign_is_one_column_wide_and_the_fallback_is_seven_bits() {
    let signs = |set: &'static Glyphs| {
        let single = [
            set.ok,
            set.bad,
            set.warning,
            set.running,
            set.pending,
            set.paused,
            set.waiting,
            set.skipped,
            set.undone,
            set.no_data,
            set.step_done,
            set.step_now,
            set.step_todo,
            set.rule,
            set.separator,
            set.arrow,
            set.up,
            set.down,
            set.cursor,
            set.ellipsis,
            set.bullet,
            set.track,
            set.full,
            set.gap,
            set.threshold,
            set.mark,
            set.thumb,
            set.border.top_left,
            set.border_focus.horizontal_top,
        ];
        single.into_iter().chain(set.parts.iter().chain(set.levels).chain(set.spinner).copied())
    };
    for sign in signs(&UNICODE).chain(signs(&ASCII)) {
        assert_eq!(sign.width(), 1, "{sign}");
    }
    assert!(signs(&ASCII).all(str::is_ascii));
}

#[test]
fn states_have_different_signs_in_both_sets() {
    for set in [&UNICODE, &ASCII] {
        let mut states = vec![
            set.ok,
            set.bad,
            set.warning,
            set.running,
            set.pending,
            set.paused,
            set.waiting,
            set.skipped,
            set.undone,
            set.no_data,
        ];
        states.sort_unstable();
        let all = states.len();
        states.dedup();
        assert_eq!(states.len(), all);
    }
}

#[test]
fn a_users_theme_changes_only_what_it_names() {
    let theme = user("extends = \"light\"\n[roles]\nblue = \"bold cyan\"\n").unwrap();
    let light = Theme::named("light", Charset::Unicode).unwrap();
    assert_eq!(theme.style(Role::Blue), Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD));
    assert_eq!(theme.style(Role::Green), light.style(Role::Green));
}

#[test]
fn mistakes_are_told_with_their_place_and_the_nearest_name() {
    let refused = |text| user(text).unwrap_err();
    assert_eq!(refused("extends = \"drak\""), "mine.toml:1:11: unknown theme \"drak\"; did you mean \"dark\"?");
    assert_eq!(
        refused("extends = \"dark\"\n[rols]"),
        "mine.toml:2:2: unknown setting \"rols\"; did you mean \"roles\"?"
    );
    assert_eq!(
        refused("extends = \"dark\"\n[roles]\nborderfocus = \"red\""),
        "mine.toml:3:1: unknown role \"borderfocus\"; did you mean \"border-focus\"?"
    );
    assert_eq!(
        refused("extends = \"dark\"\n[roles]\nok = \"gren\""),
        "mine.toml:3:6: unknown colour or look \"gren\"; did you mean \"green\"?"
    );
    assert_eq!(
        refused("[roles]\nground = \"red\""),
        "mine.toml: role \"text\" is missing; name a theme to start from with extends = \"dark\""
    );
}

#[test]
fn the_spinner_comes_round() {
    assert_eq!(ASCII.spinner(0), ASCII.spinner(4));
    assert_eq!(ASCII.spinner(usize::MAX), "\\");
}
