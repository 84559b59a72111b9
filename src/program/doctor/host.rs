//! The host that releases are made from: the journal's directory, and the terminal.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::Around;
use crate::config::Config;
use crate::domain::checklist::Item;
use crate::term::Capabilities;
use crate::ui::theme::{Charset, ColourDepth};

pub(super) fn look(config: &Config, around: &Around) -> Vec<Item> {
    let mut items = match &around.journal {
        Some(dir) => journal(dir),
        None => vec![Item::fine("journal", "in memory: it is gone with this program")],
    };
    items.push(terminal(around.terminal));
    items.push(if config.read_only {
        Item::unknown("read-only", "nothing can be changed from here", "remove `read_only`, or unset CUTOVER_READ_ONLY")
    } else {
        Item::fine("read-only", "releases can be made from here")
    });
    items
}

/// The journal must be writable by its owner, and by nobody else. The directory that it will be made in stands for one
/// that is not there yet.
fn journal(dir: &Path) -> Vec<Item> {
    let name = "journal directory";
    match std::fs::metadata(dir) {
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            let is_private = mode & 0o700 == mode;
            let seen = format!("{}, mode {mode:03o}", dir.display());
            let private = Item::held(name, is_private, seen, || format!("`chmod 700 {}`", dir.display()));
            vec![private, writable(dir, found.uid())]
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = dir.ancestors().skip(1).find(|above| above.exists());
            let Some(above) = above else {
                return vec![Item::wrong(name, format!("{} cannot be made", dir.display()), "set `engine.journal`")];
            };
            let owner = std::fs::metadata(above).map_or(u32::MAX, |found| found.uid());
            let made = format!("{} will be made by the first release, with mode 700", dir.display());
            vec![Item::fine(name, made), writable(above, owner)]
        }
        Err(error) => vec![Item::wrong(name, format!("{}: {error}", dir.display()), "set `engine.journal`")],
    }
}

/// Asked of the system: nothing is written.
fn writable(dir: &Path, owner: u32) -> Item {
    use rustix::fs::{Access, access};
    let can = access(dir, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    Item::held("journal writable", can, format!("{}, of user {owner}", dir.display()), || {
        "make it yours, or set `engine.journal` or CUTOVER_JOURNAL to a directory that is".to_owned()
    })
}

fn terminal(can: Capabilities) -> Item {
    let colours = match can.colour {
        ColourDepth::True => "16 million colours",
        ColourDepth::Sixteen => "16 colours",
        ColourDepth::None => "no colours",
    };
    let signs = match can.charset {
        Charset::Unicode => "Unicode",
        Charset::Ascii => "ASCII",
    };
    let seen = format!("{colours}, {signs}");
    if (can.colour, can.charset) == (ColourDepth::None, Charset::Ascii) {
        return Item::unknown(
            "terminal",
            seen,
            "set TERM and a UTF-8 locale (LANG) for a better picture; it works as it is",
        );
    }
    Item::fine("terminal", seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    fn marks(dir: &Path) -> Vec<Mark> {
        journal(dir).into_iter().map(|item| item.mark).collect()
    }

    #[test]
    fn a_journal_is_its_owners_alone_or_yet_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o700);
        assert_eq!(marks(dir.path()), [Mark::Fine, Mark::Fine]);
        assert_eq!(marks(&dir.path().join("a/b")), [Mark::Fine, Mark::Fine]);
        mode(0o755);
        assert_eq!(marks(dir.path()), [Mark::Wrong, Mark::Fine]);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(marks(&file.join("below")), [Mark::Wrong]);
    }
}
