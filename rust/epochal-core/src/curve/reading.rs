//! The quantities that a curve reads from the time.

use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;

/// A counter, or batches counted by epochs.
///
/// A length in epochs is kept in batches. Where epochs were counted, its reading is the declared
/// batches of the epochs that have passed, plus the batches of this epoch; elsewhere it is the
/// batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// A counter.
    Counter(Counter),
    /// epoch × batches_per_epoch + batch_in_epoch, for lengths that are written in epochs.
    Epochs,
}

/// The readings at one time, in the order of [`Reading::index`].
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

    /// Its place among all readings.
    pub const fn index(self) -> usize {
        match self {
            Self::Counter(counter) => counter as usize,
            Self::Epochs => Counter::COUNT,
        }
    }

    /// The counter in whose units it is.
    pub const fn counter(self) -> Counter {
        match self {
            Self::Counter(counter) => counter,
            Self::Epochs => Counter::Batch,
        }
    }

    /// The readings of counters in the order of [`Counter::ALL`]. Epochs are read by their batches.
    pub fn of_counters(counters: &[f64; Counter::COUNT]) -> Readings {
        Self::ALL.map(|reading| counters[reading.counter() as usize])
    }
}

impl Timestamp {
    /// The readings at this time. Epochs are read by their batches.
    pub fn readings(&self) -> Readings {
        Reading::of_counters(&Counter::ALL.map(|counter| self.reading(counter)))
    }
}
