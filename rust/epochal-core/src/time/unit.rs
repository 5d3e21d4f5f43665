//! Units of time and their suffixes. The only place where a suffix is written.

use crate::error::{Error, Kind, Result, quote};
use std::fmt;

/// A counter of progress that starts at 0 and never runs backwards.
///
/// A [`Unit`] is a counter's or `dur`. Whatever has been resolved for a run is on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Iterations: user-defined rounds of epochs.
    Iteration,
    /// Passes over the data.
    Epoch,
    /// Optimizer steps.
    Batch,
    /// Samples trained.
    Sample,
    /// Tokens trained.
    Token,
    /// Elapsed seconds.
    Second,
}

/// The unit of a [`Time`](crate::Time): a counter's, or a fraction of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A whole number on a counter.
    Counter(Counter),
    /// `dur`: a fraction of the run.
    Duration,
}

impl Counter {
    /// How many counters there are.
    pub const COUNT: usize = 6;

    /// Every counter, in the order of their units.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Iteration, Self::Epoch, Self::Batch, Self::Sample, Self::Token, Self::Second];

    /// The unit of this counter.
    pub const fn unit(self) -> Unit {
        Unit::Counter(self)
    }
}

impl Unit {
    /// Every unit with its name in upper case and its suffix.
    pub const TABLE: [(Self, &'static str, &'static str); 7] = [
        (Self::Counter(Counter::Iteration), "ITERATION", "iter"),
        (Self::Counter(Counter::Epoch), "EPOCH", "ep"),
        (Self::Counter(Counter::Batch), "BATCH", "ba"),
        (Self::Counter(Counter::Sample), "SAMPLE", "sp"),
        (Self::Counter(Counter::Token), "TOKEN", "tok"),
        (Self::Duration, "DURATION", "dur"),
        (Self::Counter(Counter::Second), "SECOND", "sec"),
    ];

    /// Where the unit stands in [`Unit::TABLE`].
    pub const fn index(self) -> usize {
        match self {
            Self::Counter(Counter::Second) => 6,
            Self::Counter(counter) => counter as usize,
            Self::Duration => 5,
        }
    }

    /// The suffix: `"ep"`, `"ba"`, …
    pub const fn suffix(self) -> &'static str {
        Self::TABLE[self.index()].2
    }

    /// The unit of a suffix, in any case.
    pub fn from_suffix(text: &str) -> Result<Self> {
        Self::lookup(text.as_bytes()).ok_or_else(|| {
            let expected = format!("one of {}", Self::list());
            Error::argument(Kind::Unit, "unit", expected, quote(text))
        })
    }

    /// The unit whose suffix is exactly these bytes, in any case.
    pub(crate) fn lookup(text: &[u8]) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|(_, _, suffix)| suffix.as_bytes().eq_ignore_ascii_case(text))
            .map(|(unit, _, _)| *unit)
    }

    /// All suffixes, for a message.
    pub(crate) fn list() -> String {
        Self::TABLE.map(|(_, _, suffix)| suffix).join(", ")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.suffix())
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.unit().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_index_order() {
        for (index, (unit, _, suffix)) in Unit::TABLE.into_iter().enumerate() {
            assert_eq!(unit.index(), index);
            assert_eq!(Unit::from_suffix(&suffix.to_uppercase()), Ok(unit));
        }
    }
}
