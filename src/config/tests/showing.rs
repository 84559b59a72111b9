use super::{EXAMPLE, LEAST, RARE, read};

#[test]
fn what_is_shown_reads_as_the_same_settings() {
    for text in [EXAMPLE, LEAST, RARE] {
        let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
        let shown = config.show();
        let again = read(&shown).unwrap_or_else(|problems| panic!("{shown}\n{problems}"));
        assert_eq!(again, config, "{shown}");
    }
}

#[test]
fn defaults_are_spelt_out() {
    insta::assert_snapshot!(read(LEAST).unwrap().show());
}
