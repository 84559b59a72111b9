//! What the manual says of a key.

/// The manual's reference of all keys.
const MANUAL: &str = include_str!("../../../docs/configuration.md");

/// A row of a table of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) default: String,
    pub(super) meaning: String,
}

/// The row of `key` below `### heading`.
pub(super) fn row(heading: &str, key: &str) -> Option<Row> {
    let (_, rest) = MANUAL.split_once(&format!("\n### {heading}\n"))?;
    let section = rest.split("\n#").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("| `")).find_map(|line| {
        let mut cells = line.trim_end_matches([' ', '|']).splitn(3, " | ");
        let names = format!("`{}", cells.next()?);
        let is_meant = names.split('`').any(|name| name == key);
        let (default, meaning) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        is_meant.then(|| Row { default: default.trim().to_owned(), meaning: meaning.trim().to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_any_of_its_keys() {
        let account = row("`[environments.NAME]`", "account").unwrap();
        assert_eq!((account.default.as_str(), account.meaning.as_str()), ("required", "twelve digits, in quotes"));
        assert_eq!(row("`hours`", "to").unwrap().default, "required");
        assert_eq!(row("`hours`", "zone"), None);
        assert_eq!(row("`[engine.polls]`", "alarms").unwrap().meaning, "");
    }
}
