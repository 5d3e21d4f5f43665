//! Snapshots of all clocks.

use crate::error::{Error, Kind, Result};
use crate::time::Time;
use crate::unit::{Clock, Unit};
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

impl Field {
    /// How many fields a timestamp has.
    pub const COUNT: usize = 14;

    /// Every field with its name and the clock it counts on. Wall-clock times ("wct") are on
    /// [`Clock::Second`] and are kept in whole microseconds.
    pub const TABLE: [(Self, &'static str, Clock); Self::COUNT] = [
        (Iteration, "iteration", Clock::Iteration),
        (Epoch, "epoch", Clock::Epoch),
        (Batch, "batch", Clock::Batch),
        (Sample, "sample", Clock::Sample),
        (Token, "token", Clock::Token),
        (EpochInIteration, "epoch_in_iteration", Clock::Epoch),
        (TokenInIteration, "token_in_iteration", Clock::Token),
        (BatchInEpoch, "batch_in_epoch", Clock::Batch),
        (SampleInEpoch, "sample_in_epoch", Clock::Sample),
        (TokenInEpoch, "token_in_epoch", Clock::Token),
        (TotalWct, "total_wct", Clock::Second),
        (IterationWct, "iteration_wct", Clock::Second),
        (EpochWct, "epoch_wct", Clock::Second),
        (BatchWct, "batch_wct", Clock::Second),
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        Self::TABLE[self as usize].1
    }

    /// The clock the field counts on.
    pub fn clock(self) -> Clock {
        Self::TABLE[self as usize].2
    }

    /// The field of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The field that holds a clock's total.
    pub fn total(clock: Clock) -> Self {
        match clock {
            Clock::Iteration => Iteration,
            Clock::Epoch => Epoch,
            Clock::Batch => Batch,
            Clock::Sample => Sample,
            Clock::Token => Token,
            Clock::Second => TotalWct,
        }
    }
}

/// Microseconds in a second: the resolution of the wall clock.
pub const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// An immutable snapshot of all clocks. A run starts at the default: all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp {
    values: [i64; Field::COUNT],
}

impl Timestamp {
    /// The timestamp with one field changed; wall clocks in microseconds, none negative.
    pub fn with(mut self, field: Field, value: i64) -> Result<Self> {
        not_negative(field.name(), value)?;
        self.values[field as usize] = value;
        Ok(self)
    }

    /// A field's value: a count, or microseconds of wall-clock time.
    pub fn value(&self, field: Field) -> i64 {
        self.values[field as usize]
    }

    /// A clock's total as a time, elapsed seconds rounded down.
    pub fn get(&self, unit: Unit) -> Result<Time> {
        match unit {
            Unit::Clock(Clock::Second) => {
                Ok(Time::Count(self.value(TotalWct) / MICROSECONDS_PER_SECOND, Clock::Second))
            }
            Unit::Clock(clock) => Ok(Time::Count(self.value(Field::total(clock)), clock)),
            Unit::Duration => Err(Error::new(
                Kind::Unit,
                "a timestamp has no 'dur': a fraction of the run needs the run",
            )),
        }
    }

    /// A clock's total as a float, seconds with their fraction.
    pub fn reading(&self, clock: Clock) -> f64 {
        let value = self.value(Field::total(clock)) as f64;
        if clock == Clock::Second { value / MICROSECONDS_PER_SECOND as f64 } else { value }
    }

    /// Every clock's total as a float, in the order of [`Clock::ALL`].
    pub fn readings(&self) -> [f64; Clock::COUNT] {
        Clock::ALL.map(|clock| self.reading(clock))
    }

    /// How the clock of `time`'s unit compares with it, to the microsecond.
    pub fn compare(&self, time: Time) -> Result<Ordering> {
        match time {
            Time::Count(seconds, Clock::Second) => Ok(i128::from(self.value(TotalWct))
                .cmp(&(i128::from(seconds) * i128::from(MICROSECONDS_PER_SECOND)))),
            _ => self.get(time.unit())?.compare(time),
        }
    }

    /// After one more optimizer step of so many samples, tokens and microseconds.
    pub fn to_next_batch(self, samples: i64, tokens: i64, microseconds: i64) -> Result<Self> {
        for (name, value) in [("samples", samples), ("tokens", tokens), ("duration", microseconds)]
        {
            not_negative(name, value)?;
        }
        self.advance(&[Batch, BatchInEpoch], 1)?
            .advance(&[Sample, SampleInEpoch], samples)?
            .advance(&[Token, TokenInEpoch, TokenInIteration], tokens)?
            .advance(&[TotalWct, IterationWct, EpochWct], microseconds)?
            .with(BatchWct, microseconds)
    }

    /// At the start of the next epoch.
    pub fn to_next_epoch(self) -> Result<Self> {
        Ok(self.advance(&[Epoch, EpochInIteration], 1)?.reset(&[
            BatchInEpoch,
            SampleInEpoch,
            TokenInEpoch,
            EpochWct,
            BatchWct,
        ]))
    }

    /// At the start of the next iteration.
    pub fn to_next_iteration(self) -> Result<Self> {
        Ok(self.advance(&[Iteration], 1)?.reset(&[
            EpochInIteration,
            TokenInIteration,
            BatchInEpoch,
            SampleInEpoch,
            TokenInEpoch,
            IterationWct,
            EpochWct,
            BatchWct,
        ]))
    }

    fn advance(mut self, fields: &[Field], by: i64) -> Result<Self> {
        for &field in fields {
            let sum = self.value(field).checked_add(by);
            self = self.with(
                field,
                sum.ok_or_else(|| Error::overflow(format_args!("{} + {by}", field.name())))?,
            )?;
        }
        Ok(self)
    }

    fn reset(mut self, fields: &[Field]) -> Self {
        for &field in fields {
            self.values[field as usize] = 0;
        }
        self
    }
}

fn not_negative(name: &str, value: i64) -> Result<()> {
    if value < 0 {
        return Err(Error::new(
            Kind::Value,
            format!("{name} must not be negative, not {value}: clocks count up from 0"),
        ));
    }
    Ok(())
}

/// Prints Python that rebuilds the timestamp: the fields that are not zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timestamp(")?;
        let mut separator = "";
        for (field, name, clock) in Field::TABLE {
            let value = self.value(field);
            if value == 0 {
                continue;
            }
            write!(f, "{separator}{name}=")?;
            separator = ", ";
            if clock == Clock::Second {
                let (seconds, rest) =
                    (value / MICROSECONDS_PER_SECOND, value % MICROSECONDS_PER_SECOND);
                write!(f, "datetime.timedelta(seconds={seconds}")?;
                if rest > 0 {
                    write!(f, ", microseconds={rest}")?;
                }
                f.write_str(")")?;
            } else {
                write!(f, "{value}")?;
            }
        }
        f.write_str(")")
    }
}
