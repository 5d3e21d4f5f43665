//! What a curve reads of the time.

use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;

/// A counter, or batches counted by epochs.
///
/// A length in epochs is kept in batches. Whoever has counted epochs tells it the batches of the
/// epochs passed, as many as were declared, and those of this epoch; whoever has not, batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// A counter.
    Counter(Counter),
    /// epoch × batches_per_epoch + batch_in_epoch, for lengths that are written in epochs.
    Epochs,
}

/// What there is to read at one time, in the order of [`Reading::index`].
pub type Readings = [f64; Reading::COUNT];

impl Reading {
    /// How many readings there are.
    pub const COUNT: usize = Counter::COUNT + 1;

    /// Every reading, in order.
    pub(crate) const ALL: [Self; Self::COUNT] = {
        let mut all = [Self::Epochs; Self::COUNT];
        let mut index = 0;
        while index < Counter::COUNT {
            all[index] = Self::Counter(Counter::ALL[index]);
            index += 1;
        }
        all
    };

    /// Where it stands among all readings.
    pub const fn index(self) -> usize {
        match self {
            Self::Counter(counter) => counter as usize,
            Self::Epochs => Counter::COUNT,
        }
    }

    /// In what it counts.
    pub const fn counter(self) -> Counter {
        match self {
            Self::Counter(counter) => counter,
            Self::Epochs => Counter::Batch,
        }
    }

    /// What counters say, in the order of [`Counter::ALL`]; epochs are read by their batches.
    pub fn of_counters(counters: &[f64; Counter::COUNT]) -> Readings {
        Self::ALL.map(|reading| counters[reading.counter() as usize])
    }
}

impl Timestamp {
    /// What there is to read; epochs by their batches.
    pub fn readings(&self) -> Readings {
        Reading::of_counters(&Counter::ALL.map(|counter| self.reading(counter)))
    }
}
