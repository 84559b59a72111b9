//! What a piece of the picture is, as far as its look is concerned.

use crate::document::named;

named! {
    /// What a piece of the picture is, as far as its look is concerned.
    Role {
        Ground "ground" "the ground of the screen, and what is said on it with no look of its own",
        Text "text" "ordinary text, on whichever ground",
        Muted "muted" "what matters less: units, ages, hints",
        Strong "strong" "figures and names that the eye should find first",
        Title "title" "the title of a panel",
        Border "border" "the frame of a panel",
        BorderFocus "border-focus" "the frame of the panel that has the focus",
        Blue "blue" "the side that serves now",
        Green "green" "the side that is being released",
        Ok "ok" "passed, healthy, done",
        Warning "warning" "marginal, pending, soon to run out",
        Bad "bad" "failed, firing, over the threshold",
        NoData "no-data" "nothing known: missing, stale or too little",
        Running "running" "under way",
        Waiting "waiting" "waits for a human",
        Production "production" "the banner of a production environment",
        Environment "environment" "the banner of any other environment",
        Key "key" "a key in a hint",
        KeyLabel "key-label" "what a key does",
        KeyDisabled "key-disabled" "a key that cannot work now, and why",
        Selection "selection" "the selected line",
        SearchHit "search-hit" "text that the search found",
        Track "track" "the empty part of a bar or meter",
        Threshold "threshold" "the line that a signal must not cross",
        Axis "axis" "axes and their labels",
        Mark "mark" "a moment marked on a chart: a shift, an alarm",
        LogError "log-error" "an error in a log",
        LogWarning "log-warning" "a warning in a log",
        LogFaint "log-faint" "debug and trace lines in a log",
        Dialog "dialog" "the ground of a question",
        Danger "danger" "the frame of a question about something that harms users",
        Backdrop "backdrop" "the screen behind a question",
        Prompt "prompt" "text being typed",
    }
}
