//! Snapshots of all counters.

use crate::error::{Error, Kind, Result};
use crate::time::unit::{Counter, Unit};
use crate::time::{Time, Value};
use std::cmp::Ordering;
use std::fmt;

/// One counter of a [`Timestamp`], in the order of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Composer's names, explained by `Field::TABLE`
pub enum Field {
    Iteration,
    Epoch,
    Batch,
    Sample,
    Token,
    EpochInIteration,
    TokenInIteration,
    BatchInEpoch,
    SampleInEpoch,
    TokenInEpoch,
    TotalWct,
    IterationWct,
    EpochWct,
    BatchWct,
}

use Field::{
    Batch, BatchInEpoch, BatchWct, Epoch, EpochInIteration, EpochWct, Iteration, IterationWct,
    Sample, SampleInEpoch, Token, TokenInEpoch, TokenInIteration, TotalWct,
};

/// Since when a field counts: with what begins it is zero again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// The start of the training.
    Start,
    /// The start of the iteration.
    Iteration,
    /// The start of the epoch.
    Epoch,
    /// The start of the last batch.
    Batch,
}

impl Field {
    /// How many fields a timestamp has.
    pub const COUNT: usize = 14;

    /// Every field with its name, what it counts, and since when. Wall-clock times ("wct") count
    /// [`Counter::Second`] and are kept in whole microseconds.
    pub const TABLE: [(Self, &'static str, Counter, Since); Self::COUNT] = [
        (Iteration, "iteration", Counter::Iteration, Since::Start),
        (Epoch, "epoch", Counter::Epoch, Since::Start),
        (Batch, "batch", Counter::Batch, Since::Start),
        (Sample, "sample", Counter::Sample, Since::Start),
        (Token, "token", Counter::Token, Since::Start),
        (EpochInIteration, "epoch_in_iteration", Counter::Epoch, Since::Iteration),
        (TokenInIteration, "token_in_iteration", Counter::Token, Since::Iteration),
        (BatchInEpoch, "batch_in_epoch", Counter::Batch, Since::Epoch),
        (SampleInEpoch, "sample_in_epoch", Counter::Sample, Since::Epoch),
        (TokenInEpoch, "token_in_epoch", Counter::Token, Since::Epoch),
        (TotalWct, "total_wct", Counter::Second, Since::Start),
        (IterationWct, "iteration_wct", Counter::Second, Since::Iteration),
        (EpochWct, "epoch_wct", Counter::Second, Since::Epoch),
        (BatchWct, "batch_wct", Counter::Second, Since::Batch),
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        Self::TABLE[self as usize].1
    }

    /// What the field counts.
    pub fn counter(self) -> Counter {
        Self::TABLE[self as usize].2
    }

    fn since(self) -> Since {
        Self::TABLE[self as usize].3
    }

    /// The field of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The field that holds a counter's total.
    pub fn total(counter: Counter) -> Self {
        let is_total = |row: &&(Self, _, Counter, Since)| row.2 == counter && row.3 == Since::Start;
        // Every counter has one.
        Self::TABLE.iter().find(is_total).map_or(Batch, |row| row.0)
    }
}

/// Microseconds in a second: the resolution of the wall clock.
pub const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// An immutable snapshot of all counters. A run starts at the default, all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp {
    values: [i64; Field::COUNT],
}

impl Timestamp {
    /// The timestamp with one field changed, to a value that is not negative; wall-clock times are in
    /// microseconds.
    pub fn with(mut self, field: Field, value: i64) -> Result<Self> {
        not_negative(field.name(), value)?;
        self.values[field as usize] = value;
        Ok(self)
    }

    /// A field's value: a count, or microseconds of wall-clock time.
    pub fn value(&self, field: Field) -> i64 {
        self.values[field as usize]
    }

    /// A field as a time, elapsed seconds rounded down.
    pub fn time(&self, field: Field) -> Time {
        let value = self.value(field);
        match field.counter() {
            Counter::Second => Time::of_count(value / MICROSECONDS_PER_SECOND, Counter::Second),
            counter => Time::of_count(value, counter),
        }
    }

    /// The total of a unit's counter, elapsed seconds rounded down.
    pub fn get(&self, unit: Unit) -> Result<Time> {
        match unit {
            Unit::Counter(counter) => Ok(self.time(Field::total(counter))),
            Unit::Duration => {
                let expected = "a counter's, such as 'ba'";
                Err(Error::argument(Kind::Unit, "unit", expected, "'dur', a fraction of the run"))
            }
        }
    }

    /// A counter's total as a float, seconds with their fraction.
    pub fn reading(&self, counter: Counter) -> f64 {
        let value = self.value(Field::total(counter)) as f64;
        if counter == Counter::Second { value / MICROSECONDS_PER_SECOND as f64 } else { value }
    }

    /// How the counter of `time`'s unit compares with it, to the microsecond.
    pub fn compare(&self, time: Time) -> Result<Ordering> {
        match time.value() {
            Value::Count(seconds, Counter::Second) => Ok(i128::from(self.value(TotalWct))
                .cmp(&(i128::from(seconds) * i128::from(MICROSECONDS_PER_SECOND)))),
            _ => self.get(time.unit())?.compare(time),
        }
    }

    /// The same for a value that is known not to be negative.
    pub(crate) fn set(mut self, field: Field, value: i64) -> Self {
        self.values[field as usize] = value;
        self
    }

    /// A number of one counter as the value of its field, rounded down.
    pub(crate) fn whole(counter: Counter, number: f64) -> i64 {
        // The conversion ends at the largest count.
        match counter {
            Counter::Second => (number * MICROSECONDS_PER_SECOND as f64) as i64,
            _ => number as i64,
        }
    }

    /// A counter's total: a count, or microseconds.
    pub(crate) fn value_of(&self, counter: Counter) -> i64 {
        self.value(Field::total(counter))
    }

    /// After one more optimizer step, which took these samples, tokens and microseconds.
    pub fn to_next_batch(self, samples: i64, tokens: i64, microseconds: i64) -> Result<Self> {
        for (name, value) in [("samples", samples), ("tokens", tokens), ("duration", microseconds)]
        {
            not_negative(name, value)?;
        }
        self.begin(Since::Batch)
            .count(Counter::Batch, 1)?
            .count(Counter::Sample, samples)?
            .count(Counter::Token, tokens)?
            .count(Counter::Second, microseconds)
    }

    /// At the start of the next epoch, that many microseconds later.
    pub fn to_next_epoch(self, microseconds: i64) -> Result<Self> {
        not_negative("duration", microseconds)?;
        let passed = self.count(Counter::Second, microseconds)?.count(Counter::Epoch, 1)?;
        Ok(passed.begin(Since::Epoch))
    }

    /// At the start of the next iteration, that many microseconds later.
    pub fn to_next_iteration(self, microseconds: i64) -> Result<Self> {
        not_negative("duration", microseconds)?;
        let passed = self.count(Counter::Second, microseconds)?.count(Counter::Iteration, 1)?;
        Ok(passed.begin(Since::Iteration))
    }

    /// With all fields of a counter advanced.
    fn count(mut self, counter: Counter, by: i64) -> Result<Self> {
        for (field, name, ..) in Field::TABLE {
            if field.counter() == counter {
                let sum = self.value(field).checked_add(by);
                let sum = sum.ok_or_else(|| Error::overflow(format_args!("{name} + {by}")))?;
                self = self.set(field, sum);
            }
        }
        Ok(self)
    }

    /// With all that counts since then, or since later, at zero.
    fn begin(mut self, since: Since) -> Self {
        for (field, ..) in Field::TABLE {
            if field.since() >= since {
                self = self.set(field, 0);
            }
        }
        self
    }
}

fn not_negative(name: &str, value: i64) -> Result<()> {
    match value < 0 {
        true => Err(Error::argument(Kind::Value, name, "zero or above", value)),
        false => Ok(()),
    }
}

/// Prints the fields that are not zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (field, name, counter, _) in Field::TABLE {
            let value = self.value(field);
            if value == 0 {
                continue;
            }
            write!(f, "{separator}{name} ")?;
            separator = ", ";
            match counter {
                Counter::Second => {
                    let (seconds, rest) =
                        (value / MICROSECONDS_PER_SECOND, value % MICROSECONDS_PER_SECOND);
                    write!(f, "{seconds}.{rest:06}{counter}")?;
                }
                _ => write!(f, "{value}")?,
            }
        }
        f.write_str(if separator.is_empty() { "the start of the run" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_zero_is_printed() -> Result<()> {
        let start = Timestamp::default();
        assert_eq!(start.to_string(), "the start of the run");
        let later = start.with(Field::Batch, 5)?.with(Field::TotalWct, 61_000_007)?;
        assert_eq!(later.to_string(), "batch 5, total_wct 61.000007sec");
        Ok(())
    }
}
