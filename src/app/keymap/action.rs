//! What a key can mean, in the program's words, and where it means it.

use crate::document::named;

named! {
    /// What a key can ask for.
    Action {
        Promote "promote" "promote green to the next step of the plan",
        PromoteFull "promote-full" "promote green to 100 %, skipping all steps",
        PauseOrResume "pause-or-resume" "hold the release where it is, or let it go on",
        Rollback "rollback" "roll back: all traffic to blue, now",
        Abort "abort" "abort: traffic to blue, green stays, nothing undone",
        Retry "retry" "run the failed stage again",
        Skip "skip" "go on without the failed stage",
        Approve "approve" "approve what waits for a human",
        TakeOver "take-over" "judge a deployment that others began, as a release of cutover's",
        Acknowledge "acknowledge" "say with a note that somebody looks after an alarm",
        Quit "quit" "detach and leave the screen; the release goes on",
        Suspend "suspend" "suspend to the shell; `fg` comes back",
        Redraw "redraw" "draw the whole screen again",
        Help "help" "show what every key does here",
        Palette "palette" "open the command palette",
        Filter "filter" "filter what is listed",
        ClearFilter "clear-filter" "show everything again",
        NextView "next-view" "go to the next view",
        PreviousView "previous-view" "go to the previous view",
        ViewRelease "view-release" "go to the release",
        ViewSignals "view-signals" "go to the signals",
        ViewAlarms "view-alarms" "go to the alarms",
        ViewLogs "view-logs" "go to the logs",
        ViewFleet "view-fleet" "go to the fleet",
        ViewHistory "view-history" "go to the history",
        ViewDoctor "view-doctor" "go to the launch checklist, and go through it if nobody has yet",
        FocusNext "focus-next" "focus the next panel",
        FocusPrevious "focus-previous" "focus the previous panel",
        NextComponent "next-component" "show the next component of the release",
        Up "up" "one line up",
        Down "down" "one line down",
        PageUp "page-up" "one page up",
        PageDown "page-down" "one page down",
        Top "top" "to the first line",
        Bottom "bottom" "to the last line",
        Left "left" "scroll or move left",
        Right "right" "scroll or move right",
        Follow "follow" "follow new lines, or stop following",
        Freeze "freeze" "hold the picture still while the release goes on, or let it move again",
        NextError "next-error" "jump to the next error",
        PreviousError "previous-error" "jump to the previous error",
        NextHit "next-hit" "jump to the next hit of the search",
        PreviousHit "previous-hit" "jump to the previous hit of the search",
        Level "level" "show only lines of this level and above; press again for the next level",
        ToggleSide "toggle-side" "show blue, green, or both",
        ToggleWrap "toggle-wrap" "wrap long lines, or cut them",
        Stamps "stamps" "write moments in local time, in UTC, or since the release began",
        MarkHits "mark-hits" "show hits alone, or among all other lines",
        Pin "pin" "keep the selected line in sight, or let it go",
        Save "save" "save the lines that are shown to a file",
        Window "window" "show a longer time; after the longest the shortest",
        ShorterWindow "shorter-window" "show a shorter time",
        Scope "scope" "show every alarm, the component's, or those that roll back",
        Open "open" "open what is selected",
        Examine "examine" "go through the launch checklist again",
        LogsHere "logs-here" "show the logs of that minute",
        Copy "copy" "copy what is selected to the clipboard",
        ReplayPause "replay-pause" "hold the replay, or let it go on",
        ReplayFaster "replay-faster" "replay twice as fast",
        ReplaySlower "replay-slower" "replay half as fast",
        ReplayNext "replay-next" "replay: on to the next thing that happened",
        Confirm "confirm" "confirm",
        Cancel "cancel" "close without doing anything",
    }
}

named! {
    /// Where a key has its meaning.
    Context {
        Global "global" "everywhere, unless the view says otherwise",
        Release "release" "the release view",
        Signals "signals" "the signals view",
        Alarms "alarms" "the alarms view",
        Logs "logs" "the logs view",
        Fleet "fleet" "the fleet view",
        History "history" "the history view",
        Doctor "doctor" "the launch checklist",
        Replay "replay" "any view, while a past release is shown again",
        Help "help" "the help page",
        Line "line" "a log line in full",
        Dialog "dialog" "a question that waits for an answer",
        Prompt "prompt" "a line of text being typed: filter, palette, typed confirmation",
    }
}

impl Context {
    /// Whether plain characters belong to this context alone, so that a key typed into a question or a text field
    /// never reaches the view behind it. Chords that type nothing, such as ctrl-r, still mean what they mean everywhere.
    pub const fn keeps_characters(self) -> bool {
        match self {
            Self::Dialog | Self::Prompt => true,
            Self::Global
            | Self::Release
            | Self::Signals
            | Self::Alarms
            | Self::Logs
            | Self::Fleet
            | Self::History
            | Self::Doctor
            | Self::Replay
            | Self::Help
            | Self::Line => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_every_description_is_one_short_line() {
        for (position, action) in Action::ALL.iter().enumerate() {
            assert_eq!(Action::named(action.name()), Some(*action));
            assert_eq!(Action::ALL.iter().position(|other| other.name() == action.name()), Some(position));
            assert!(action.describe().len() <= 80 && !action.describe().contains('\n'), "{action}");
        }
        for context in Context::ALL {
            assert_eq!(Context::named(context.name()), Some(*context));
        }
    }
}
