//! What the terminal can show, from what the environment and the operator say. Nothing is asked of the terminal itself:
//! an answer that never comes would hang the start, or turn up later as typed keys.

use crate::ui::theme::{Background, Charset, ColourDepth};

/// What the operator asked for, over what the environment says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Colours.
    pub colour: ColourChoice,
    /// The background, when it is known.
    pub background: Option<Background>,
    /// The signs, when the environment is not to be asked.
    pub charset: Option<Charset>,
}

/// How to choose the colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourChoice {
    /// As the environment says.
    #[default]
    Auto,
    /// Colours even where `NO_COLOR` is set, as many as the environment says, sixteen at least.
    Always,
    /// This many, whatever the environment says.
    Exactly(ColourDepth),
}

/// What sits between the program and the terminal and must be told to pass sequences on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    /// Nothing.
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How many colours.
    pub colour: ColourDepth,
    /// On which background.
    pub background: Background,
    /// With which signs.
    pub charset: Charset,
    /// Through what.
    pub multiplexer: Multiplexer,
}

impl Capabilities {
    /// Reads the process's environment.
    pub fn of_process(wishes: Wishes) -> Self {
        Self::detect(wishes, |name| std::env::var(name).ok())
    }

    /// Reads an environment: `NO_COLOR`, `COLORTERM`, `TERM`, `COLORFGBG`, `LC_ALL`, `LC_CTYPE`, `LANG`, `TMUX`, `STY`.
    pub fn detect(wishes: Wishes, env: impl Fn(&str) -> Option<String>) -> Self {
        // Empty means unset, as no-color.org and POSIX's locale rules have it.
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let colour = match wishes.colour {
            ColourChoice::Auto if env("NO_COLOR").is_some() => ColourDepth::None,
            ColourChoice::Auto => depth(&env),
            ColourChoice::Always => match depth(&env) {
                ColourDepth::None => ColourDepth::Sixteen,
                known => known,
            },
            ColourChoice::Exactly(depth) => depth,
        };
        Self {
            colour,
            background: wishes.background.unwrap_or_else(|| background(&env)),
            charset: wishes.charset.unwrap_or_else(|| charset(&env)),
            multiplexer: multiplexer(&env),
        }
    }
}

fn depth(env: &impl Fn(&str) -> Option<String>) -> ColourDepth {
    let term = env("TERM").unwrap_or_default();
    let says_true = env("COLORTERM").is_some_and(|value| matches!(value.as_str(), "truecolor" | "24bit"));
    if term.is_empty() || term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") {
        ColourDepth::None
    } else if says_true || term.ends_with("-direct") {
        ColourDepth::True
    } else {
        ColourDepth::Sixteen
    }
}

/// `COLORFGBG` ends in the background's colour number: 7 and 9 to 15 are light ones.
fn background(env: &impl Fn(&str) -> Option<String>) -> Background {
    let number = env("COLORFGBG").and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
    match number {
        Some(7 | 9..=15) => Background::Light,
        _ => Background::Dark,
    }
}

fn charset(env: &impl Fn(&str) -> Option<String>) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(env).unwrap_or_default().to_lowercase();
    let says_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    // The Linux console takes UTF-8 but its font lacks most of the signs.
    if says_utf8 && env("TERM").as_deref() != Some("linux") { Charset::Unicode } else { Charset::Ascii }
}

fn multiplexer(env: &impl Fn(&str) -> Option<String>) -> Multiplexer {
    let term = env("TERM").unwrap_or_default();
    if env("TMUX").is_some() || term.starts_with("tmux") {
        Multiplexer::Tmux
    } else if env("STY").is_some() || term.starts_with("screen") {
        Multiplexer::Screen
    } else {
        Multiplexer::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(wishes: Wishes, environment: &[(&str, &str)]) -> Capabilities {
        Capabilities::detect(wishes, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn depth_in(environment: &[(&str, &str)]) -> ColourDepth {
        detect(Wishes::default(), environment).colour
    }

    #[test]
    fn colours_follow_the_environment() {
        assert_eq!(depth_in(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), ColourDepth::True);
        assert_eq!(depth_in(&[("TERM", "xterm-direct")]), ColourDepth::True);
        assert_eq!(depth_in(&[("TERM", "xterm-256color")]), ColourDepth::Sixteen);
        assert_eq!(depth_in(&[("TERM", "dumb")]), ColourDepth::None);
        assert_eq!(depth_in(&[("TERM", "xterm"), ("NO_COLOR", "1")]), ColourDepth::None);
        assert_eq!(depth_in(&[("TERM", "xterm"), ("NO_COLOR", "")]), ColourDepth::Sixteen);
    }

    #[test]
    fn the_operator_has_the_last_word() {
        let wishes = |colour| Wishes { colour, ..Wishes::default() };
        let environment = [("TERM", "dumb"), ("NO_COLOR", "1"), ("LANG", "C")];
        assert_eq!(detect(wishes(ColourChoice::Always), &environment).colour, ColourDepth::Sixteen);
        assert_eq!(detect(wishes(ColourChoice::Exactly(ColourDepth::True)), &environment).colour, ColourDepth::True);
        let all = Wishes { background: Some(Background::Light), charset: Some(Charset::Unicode), ..Wishes::default() };
        let seen = detect(all, &environment);
        assert_eq!((seen.background, seen.charset), (Background::Light, Charset::Unicode));
    }

    #[test]
    fn the_background_is_the_last_number() {
        let background = |value| detect(Wishes::default(), &[("COLORFGBG", value)]).background;
        assert_eq!(background("0;15"), Background::Light);
        assert_eq!(background("0;default;7"), Background::Light);
        assert_eq!(background("15;0"), Background::Dark);
        assert_eq!(background("15;8"), Background::Dark);
        assert_eq!(background("nonsense"), Background::Dark);
    }

    #[test]
    fn signs_follow_the_locale_that_rules() {
        let charset = |environment: &[(&str, &str)]| detect(Wishes::default(), environment).charset;
        assert_eq!(charset(&[("LANG", "en_GB.UTF-8")]), Charset::Unicode);
        assert_eq!(charset(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]), Charset::Ascii);
        assert_eq!(charset(&[("LC_ALL", ""), ("LANG", "C.utf8")]), Charset::Unicode);
        assert_eq!(charset(&[("LANG", "C.UTF-8"), ("TERM", "linux")]), Charset::Ascii);
        assert_eq!(charset(&[]), Charset::Ascii);
    }

    #[test]
    fn multiplexers_are_known_by_their_marks() {
        let multiplexer = |environment: &[(&str, &str)]| detect(Wishes::default(), environment).multiplexer;
        assert_eq!(multiplexer(&[("TMUX", "/run/tmux,1,0"), ("TERM", "screen-256color")]), Multiplexer::Tmux);
        assert_eq!(multiplexer(&[("TERM", "screen.xterm-256color")]), Multiplexer::Screen);
        assert_eq!(multiplexer(&[("TERM", "xterm")]), Multiplexer::None);
    }
}
