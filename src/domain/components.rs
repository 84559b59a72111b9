//! What a release has once for each of its components.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// Which of a release's components, in the order of its plan. Only [`Components`] makes one, and [`Components::holds`]
/// says of one that came from outside whether it may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ComponentIndex(u8);

impl ComponentIndex {
    /// The first component: the only one of most releases.
    pub const FIRST: Self = Self(0);
}

/// One value for each component of a release, in the order of its plan: at least one, at most [`MOST`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", into = "Vec<T>", bound(serialize = "T: Clone + Serialize"))]
pub struct Components<T>(Vec<T>);

/// The most components of one release.
pub const MOST: usize = 64;

/// Too few or too many components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a release has 1 to {MOST} components, not {0}")]
pub struct WrongCount(pub usize);

impl<T> Components<T> {
    /// Of a release with one component.
    pub fn one(value: T) -> Self {
        Self(vec![value])
    }

    /// Whether this component is one of these.
    pub fn holds(&self, index: ComponentIndex) -> bool {
        usize::from(index.0) < self.0.len()
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (ComponentIndex, &T)> + ExactSizeIterator {
        indices(self.0.len()).zip(&self.0)
    }

    /// All of them, in order.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (ComponentIndex, &mut T)> + ExactSizeIterator {
        indices(self.0.len()).zip(&mut self.0)
    }

    /// Their indices, in order. Borrows nothing.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = ComponentIndex> + ExactSizeIterator + use<T> {
        indices(self.0.len())
    }

    /// The first that `pick` picks.
    pub fn position(&self, mut pick: impl FnMut(&T) -> bool) -> Option<ComponentIndex> {
        self.iter().find(|(_, value)| pick(value)).map(|(index, _)| index)
    }

    /// Something for each of them.
    pub fn map<U>(&self, make: impl FnMut(&T) -> U) -> Components<U> {
        Components(self.0.iter().map(make).collect())
    }

    /// Something for each of them by its index as well.
    pub fn indexed<U>(&self, mut make: impl FnMut(ComponentIndex, &T) -> U) -> Components<U> {
        Components(self.iter().map(|(of, value)| make(of, value)).collect())
    }

    /// Something for each of them and what others have for the same component; as many as there are of both.
    pub fn pair<U, V>(&self, others: &Components<U>, mut make: impl FnMut(&T, &U) -> V) -> Components<V> {
        Components(self.0.iter().zip(&others.0).map(|(value, other)| make(value, other)).collect())
    }

    /// The same, using these up.
    pub fn join<U, V>(self, others: &Components<U>, mut make: impl FnMut(T, &U) -> V) -> Components<V> {
        Components(self.0.into_iter().zip(&others.0).map(|(value, other)| make(value, other)).collect())
    }

    /// The one that follows, the first after the last.
    pub fn after(&self, index: ComponentIndex) -> ComponentIndex {
        self.indices().find(|other| *other > index).unwrap_or(ComponentIndex::FIRST)
    }
}

fn indices(count: usize) -> impl DoubleEndedIterator<Item = ComponentIndex> + ExactSizeIterator {
    (0..u8::try_from(count).unwrap_or(u8::MAX)).map(ComponentIndex)
}

impl<T> TryFrom<Vec<T>> for Components<T> {
    type Error = WrongCount;

    fn try_from(values: Vec<T>) -> Result<Self, WrongCount> {
        if (1..=MOST).contains(&values.len()) { Ok(Self(values)) } else { Err(WrongCount(values.len())) }
    }
}

impl<T> From<Components<T>> for Vec<T> {
    fn from(components: Components<T>) -> Self {
        components.0
    }
}

impl<T> Index<ComponentIndex> for Components<T> {
    type Output = T;

    #[expect(clippy::indexing_slicing, reason = "an index from outside is asked after with `holds` where it comes in")]
    fn index(&self, index: ComponentIndex) -> &T {
        &self.0[usize::from(index.0)]
    }
}

impl<T> IndexMut<ComponentIndex> for Components<T> {
    #[expect(clippy::indexing_slicing, reason = "an index from outside is asked after with `holds` where it comes in")]
    fn index_mut(&mut self, index: ComponentIndex) -> &mut T {
        &mut self.0[usize::from(index.0)]
    }
}
