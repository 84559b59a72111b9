//! Reads tables key by key, remembering which keys were asked for, so that whatever is left over is a mistake, and
//! going on after each mistake, so that all of them are found.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Mistake, nearest};

/// Bytes of the source.
pub(super) type Spot = Range<usize>;

/// The source and the mistakes found in it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    source: &'a str,
    mistakes: RefCell<Vec<(Spot, Mistake)>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, mistakes: RefCell::default() }
    }

    pub(super) fn report(&self, spot: Spot, mistake: Mistake) {
        self.mistakes.borrow_mut().push((spot, mistake));
    }

    /// A mistake where `valid` does not hold.
    pub(super) fn check(&self, valid: bool, spot: &Spot, what: impl Into<String>, remedy: impl Into<String>) {
        if !valid {
            self.report(spot.clone(), Mistake::Contradiction { what: what.into(), remedy: remedy.into() });
        }
    }

    /// `name` if it is one of `known`; otherwise a mistake.
    pub(super) fn known(&self, kind: &'static str, name: &Located<String>, known: &[String]) -> bool {
        let is_known = known.contains(&name.value);
        if !is_known {
            let nearest = nearest(&name.value, known.iter().map(String::as_str));
            let (name, spot, known) = (name.value.clone(), name.spot.clone(), known.to_vec());
            self.report(spot, Mistake::UnknownName { kind, name, nearest, known });
        }
        is_known
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.source.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    pub(super) fn into_mistakes(self) -> Vec<(Spot, Mistake)> {
        self.mistakes.into_inner()
    }
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

/// One value of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    reader: &'a Reader<'a>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn get(self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(super) fn spot(self) -> Spot {
        self.value.span()
    }

    /// As written, cut to a length that fits a message.
    pub(super) fn written(self) -> String {
        const LONGEST: usize = 60;
        let raw = self.reader.source.get(self.spot()).unwrap_or_default();
        let line = raw.lines().next().unwrap_or_default();
        let cut: String = line.chars().take(LONGEST).collect();
        if cut.len() < raw.len() { format!("{cut}…") } else { cut }
    }

    /// The mistake of being of another type than `wanted` says to write.
    pub(super) fn wrong_type(self, wanted: &str) -> Mistake {
        let found = match self.get() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        Mistake::WrongType { text: self.written(), found, wanted: wanted.to_owned() }
    }

    fn list(self) -> Option<Vec<Self>> {
        let DeValue::Array(array) = self.get() else { return None };
        Some(array.iter().map(|value| Self { reader: self.reader, value }).collect())
    }
}

fn texts_with(value: &Spanned<DeValue<'_>>, part: &str, found: &mut Vec<Spot>) {
    match value.get_ref() {
        // A doubled dollar leaves it to a shell.
        DeValue::String(text)
            if text.match_indices(part).any(|(at, _)| !text.get(..at).unwrap_or("").ends_with('$')) =>
        {
            found.push(value.span());
        }
        DeValue::Array(array) => array.iter().for_each(|value| texts_with(value, part, found)),
        DeValue::Table(table) => table.iter().for_each(|(_, value)| texts_with(value, part, found)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// A table, or several laid over each other, the strongest first: an environment's own settings over the common ones.
#[derive(Debug)]
pub(super) struct Table<'a> {
    reader: &'a Reader<'a>,
    layers: Vec<Layer<'a>>,
    asked: RefCell<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Layer<'a> {
    /// Its name with those it stands in, such as `components.api`; empty for the whole file.
    path: String,
    /// Where to point at when the table as a whole is meant.
    spot: Spot,
    entries: &'a DeTable<'a>,
}

impl<'a> Layer<'a> {
    fn place(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) }
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn find(&self, key: &str) -> Option<(Spot, &'a Spanned<DeValue<'a>>)> {
        let (name, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((name.span(), value))
    }
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(reader: &'a Reader<'a>, root: &'a Spanned<DeTable<'a>>) -> Self {
        let layers = vec![Layer { path: String::new(), spot: 0..0, entries: root.get_ref() }];
        Self { reader, layers, asked: RefCell::default() }
    }

    pub(super) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    /// Where to point at when the table as a whole is meant: at the common one, if it is laid under others.
    pub(super) fn spot(&self) -> Spot {
        self.layers.last().map_or(0..0, |layer| layer.spot.clone())
    }

    /// Its name for messages.
    pub(super) fn place(&self) -> String {
        self.layers.last().map(Layer::place).unwrap_or_default()
    }

    /// Those tables that are there laid over each other, the strongest first; `None` when none is there.
    pub(super) fn layered<const N: usize>(tables: [Option<Self>; N]) -> Option<Self> {
        tables.into_iter().flatten().reduce(|mut strong, weak| {
            strong.layers.extend(weak.layers);
            strong
        })
    }

    /// Every text below this table that holds `part`, where it is written.
    pub(super) fn texts_with(&self, part: &str) -> Vec<Spot> {
        let mut found = Vec::new();
        for layer in &self.layers {
            for (_, value) in layer.entries {
                texts_with(value, part, &mut found);
            }
        }
        found
    }

    /// The strongest layer's value.
    pub(super) fn item(&self, key: &str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key.to_owned());
        let (_, value) = self.layers.iter().find_map(|layer| layer.find(key))?;
        Some(Item { reader: self.reader, value })
    }

    /// A value that may be missing. A wrong one is reported and counts as missing.
    pub(super) fn optional<T>(&self, key: &str, read: impl FnOnce(Item<'a>) -> Result<T, Mistake>) -> Option<T> {
        let item = self.item(key)?;
        self.keep(item, read(item))
    }

    /// Like [`Table::optional`], with where it is written.
    pub(super) fn located<T>(
        &self,
        key: &str,
        read: impl FnOnce(Item<'a>) -> Result<T, Mistake>,
    ) -> Option<Located<T>> {
        let item = self.item(key)?;
        self.keep(item, read(item)).map(|value| Located { value, spot: item.spot() })
    }

    /// A value with a default.
    pub(super) fn or<T>(&self, key: &str, read: impl FnOnce(Item<'a>) -> Result<T, Mistake>, default: T) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A value that must be there; `example` is a line that would do.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        read: impl FnOnce(Item<'a>) -> Result<T, Mistake>,
    ) -> Option<Located<T>> {
        if self.item(key).is_none() {
            self.missing(key, example);
        }
        self.located(key, read)
    }

    pub(super) fn missing(&self, key: &str, example: &str) {
        let (key, place, example) = (key.to_owned(), self.place(), example.to_owned());
        self.reader.report(self.spot(), Mistake::MissingKey { key, place, example });
    }

    /// An array, each value with where it is written; `None` when the key is not there or holds something else.
    pub(super) fn list<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl Fn(Item<'a>) -> Result<T, Mistake>,
    ) -> Option<Vec<Located<T>>> {
        let items = self.items(key, wanted)?;
        let read = |item: Item<'a>| self.keep(item, read(item)).map(|value| Located { value, spot: item.spot() });
        Some(items.into_iter().filter_map(read).collect())
    }

    fn items(&self, key: &str, wanted: &str) -> Option<Vec<Item<'a>>> {
        let item = self.item(key)?;
        let items = item.list();
        if items.is_none() {
            self.reader.report(item.spot(), item.wrong_type(wanted));
        }
        items
    }

    /// A table below this one, with the layers that have it. `None` when no layer has it.
    pub(super) fn table(&self, key: &str) -> Option<Self> {
        self.asked.borrow_mut().push(key.to_owned());
        let mut layers = Vec::new();
        for layer in &self.layers {
            let Some((spot, value)) = layer.find(key) else { continue };
            let path = layer.below(key);
            match value.get_ref() {
                DeValue::Table(entries) => layers.push(Layer { path, spot, entries }),
                _ => {
                    let item = Item { reader: self.reader, value };
                    self.reader.report(item.spot(), item.wrong_type(&format!("a table: [{path}]")));
                }
            }
        }
        (!layers.is_empty()).then(|| Self { reader: self.reader, layers, asked: RefCell::default() })
    }

    /// An array of tables; `None` when the key is not there or holds something else.
    pub(super) fn tables(&self, key: &str) -> Option<Vec<Self>> {
        self.asked.borrow_mut().push(key.to_owned());
        let path = self.layers.iter().find(|layer| layer.find(key).is_some())?.below(key);
        let wanted = format!("an array of tables: [[{path}]]");
        let read = |item: Item<'a>| match item.get() {
            DeValue::Table(entries) => {
                let layers = vec![Layer { path: path.clone(), spot: item.spot(), entries }];
                Some(Self { reader: self.reader, layers, asked: RefCell::default() })
            }
            _ => {
                self.reader.report(item.spot(), item.wrong_type(&wanted));
                None
            }
        };
        Some(self.items(key, &wanted)?.into_iter().filter_map(read).collect())
    }

    /// An array of tables that must be there; `example` is a line that would do.
    pub(super) fn required_tables(&self, key: &str, example: &str) -> Option<Vec<Self>> {
        if self.item(key).is_none() {
            self.missing(key, example);
        }
        self.tables(key)
    }

    /// The keys of a table whose keys are names, in the order of the file.
    pub(super) fn names(&self) -> Vec<Located<String>> {
        let mut names: Vec<Located<String>> = Vec::new();
        for layer in &self.layers {
            for (name, _) in layer.entries {
                if !names.iter().any(|known| known.value == *name.get_ref()) {
                    names.push(Located { value: name.get_ref().to_string(), spot: name.span() });
                }
            }
        }
        names.sort_by_key(|name| name.spot.start);
        names
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        let mut known: Vec<String> = asked.clone();
        known.sort_unstable();
        known.dedup();
        for layer in &self.layers {
            for (name, _) in layer.entries {
                let key = name.get_ref().to_string();
                if known.contains(&key) {
                    continue;
                }
                let nearest = nearest(&key, known.iter().map(String::as_str));
                let mistake = Mistake::UnknownKey { key, place: layer.place(), nearest, known: known.clone() };
                self.reader.report(name.span(), mistake);
            }
        }
    }

    fn keep<T>(&self, item: Item<'a>, read: Result<T, Mistake>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.reader.report(item.spot(), mistake);
                None
            }
        }
    }
}
