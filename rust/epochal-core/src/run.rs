//! The facts without which `dur` and `ep` have no length.

use crate::curve::reading::{Reading, Readings};
use crate::error::{Error, Fault, Kind, Lack, Result};
use crate::time::count::{Counted, ratio, scale};
use crate::time::timestamp::{Field, Timestamp};
use crate::time::unit::{Counter, Unit};
use crate::time::{Time, Value};
use std::fmt;

/// Declared rates, each at least 1 if it is known. They hold for runs where they are constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Optimizer steps in an epoch.
    pub batches_per_epoch: Option<i64>,
    /// Samples in an optimizer step.
    pub samples_per_batch: Option<i64>,
    /// Tokens in an optimizer step.
    pub tokens_per_batch: Option<i64>,
}

impl Facts {
    /// Every fact with its name.
    pub fn named(&self) -> [(&'static str, Option<i64>); 3] {
        [
            ("batches_per_epoch", self.batches_per_epoch),
            ("samples_per_batch", self.samples_per_batch),
            ("tokens_per_batch", self.tokens_per_batch),
        ]
    }
}

/// A planned run: its length, the facts that are known about it, and the scale schedule ratio σ.
///
/// [`Run::duration`] is the planned length times σ: whole epochs stay epochs, other epochs become
/// batches, every other unit follows the count rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    max_duration: Time,
    facts: Facts,
    scale_schedule_ratio: f64,
    duration: (i64, Counter),
}

impl Run {
    /// A run that is planned to last `max_duration` and is scaled by σ.
    pub fn new(max_duration: Time, facts: Facts, scale_schedule_ratio: f64) -> Result<Self> {
        Self::planned(max_duration, facts, scale_schedule_ratio, scale_schedule_ratio)
    }

    /// A run whose `duration` has already been scaled by σ.
    pub fn already_scaled(duration: Time, facts: Facts, scale_schedule_ratio: f64) -> Result<Self> {
        Self::planned(duration, facts, scale_schedule_ratio, 1.0)
    }

    fn planned(max_duration: Time, facts: Facts, ratio: f64, stretch: f64) -> Result<Self> {
        let written = format_args!("'{max_duration}'");
        let Some((count, counter)) = max_duration.count() else {
            let expected = "a length such as '90ep'";
            return Err(Error::argument(Kind::Unit, "max_duration", expected, written));
        };
        if count <= 0 {
            return Err(Error::invalid("max_duration", "above zero", written));
        }
        for (name, fact) in facts.named() {
            if let Some(fact) = fact.filter(|fact| *fact < 1) {
                return Err(Error::invalid(name, "at least 1", fact));
            }
        }
        if !(ratio.is_finite() && ratio > 0.0) {
            let got = format_args!("{ratio:?}");
            return Err(Error::invalid("scale_schedule_ratio", "finite and above zero", got));
        }
        let mut run =
            Self { max_duration, facts, scale_schedule_ratio: ratio, duration: (count, counter) };
        run.duration = match (scale(count, stretch, 1)?, counter) {
            (Counted::Truncated(_), Counter::Epoch) => {
                let batches = run.exactly(count, Counter::Epoch, Counter::Batch)?.0;
                (scale(batches, stretch, 1)?.value(), Counter::Batch)
            }
            (scaled, _) => (scaled.value(), counter),
        };
        if run.duration.0 == 0 {
            let got = format_args!("{written} × {ratio:?}");
            let expected = format!("at least '1{}'", run.duration.1);
            return Err(Error::invalid("max_duration × scale_schedule_ratio", expected, got));
        }
        Ok(run)
    }

    /// The planned length, before σ.
    pub fn max_duration(&self) -> Time {
        self.max_duration
    }

    /// The length of the run: the planned length times σ.
    pub fn duration(&self) -> Time {
        Time::of_count(self.duration.0, self.duration.1)
    }

    /// The length of the run as a count and its counter.
    pub(crate) fn length(&self) -> (i64, Counter) {
        self.duration
    }

    /// The number of batches in the run. The last one may be cut short.
    pub fn batches(&self) -> Result<i64> {
        let (count, divisor) = self.exactly(self.duration.0, self.duration.1, Counter::Batch)?;
        Ok(count / divisor + i64::from(count % divisor > 0))
    }

    /// A run of count × factor, with the same rates and the same σ.
    pub(crate) fn lasting(&self, count: i64, counter: Counter, factor: f64) -> Result<Self> {
        let length = scale(count, factor, 1)?.value().max(1);
        let max_duration = Time::of_count(length, counter);
        Ok(Self { max_duration, duration: (length, counter), ..*self })
    }

    /// A run planned to be as long as this one is after scaling.
    pub(crate) fn unscaled(&self) -> Self {
        Self { max_duration: self.duration(), scale_schedule_ratio: 1.0, ..*self }
    }

    /// The declared rates.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// σ: the run and its schedule become this many times as long.
    pub fn scale_schedule_ratio(&self) -> f64 {
        self.scale_schedule_ratio
    }

    /// `time` in another unit, through the declared rates. From `dur` by the count rule; to a
    /// coarser unit truncated toward zero; to `dur` correctly rounded.
    pub fn convert(&self, time: Time, unit: Unit) -> Result<Time> {
        match (time.value(), unit) {
            (Value::Fraction(_), Unit::Duration) => Ok(time),
            (Value::Fraction(fraction), Unit::Counter(to)) => {
                let (count, divisor) = self.exactly(self.duration.0, self.duration.1, to)?;
                Ok(Time::of_count(scale(count, fraction, divisor)?.value(), to))
            }
            (Value::Count(count, from), Unit::Counter(to)) => {
                let (count, divisor) = self.exactly(count, from, to)?;
                Ok(Time::of_count(count / divisor, to))
            }
            (Value::Count(count, from), Unit::Duration) => {
                // Over the finer of the two counters, where both are whole.
                let (length, counter) = self.duration;
                let (part, divisor) = self.exactly(count, from, counter)?;
                let whole = length.checked_mul(divisor);
                let whole =
                    whole.ok_or_else(|| Error::overflow(format_args!("{length} × {divisor}")))?;
                Ok(Time::of_fraction(ratio(part, whole)))
            }
        }
    }

    /// `count` on the counter `from` as an exact fraction on the counter `to`.
    pub(crate) fn exactly(&self, count: i64, from: Counter, to: Counter) -> Result<(i64, i64)> {
        if from == to {
            return Ok((count, 1));
        }
        let explain = |lack| Error::new(Kind::Unit, Fault::Conversion { count, from, to, lack });
        let (from_units, from_batches) = self.in_batches(from).map_err(explain)?;
        let (to_units, to_batches) = self.in_batches(to).map_err(explain)?;
        let numerator = count.checked_mul(from_batches).and_then(|n| n.checked_mul(to_units));
        numerator
            .zip(from_units.checked_mul(to_batches))
            .ok_or_else(|| Error::overflow(format_args!("'{count}{from}' in '{to}'")))
    }

    /// (n, m) if n of the counter's units are m batches.
    fn in_batches(&self, counter: Counter) -> std::result::Result<(i64, i64), Lack> {
        let [epoch, sample, token] = self.facts.named();
        let known = |(name, fact): (&'static str, Option<i64>)| {
            fact.ok_or(Lack { counter, fact: Some(name) })
        };
        match counter {
            Counter::Batch => Ok((1, 1)),
            Counter::Epoch => Ok((1, known(epoch)?)),
            Counter::Sample => Ok((known(sample)?, 1)),
            Counter::Token => Ok((known(token)?, 1)),
            Counter::Iteration | Counter::Second => Err(Lack { counter, fact: None }),
        }
    }

    /// The readings at a time whose epochs were counted.
    pub(crate) fn readings_by_epochs(&self, timestamp: &Timestamp) -> Readings {
        let mut readings = timestamp.readings();
        if let Some(batches) = self.facts.batches_per_epoch {
            // An epoch that is longer than declared waits for the next one.
            let inside = timestamp.value(Field::BatchInEpoch).min(batches) as f64;
            let before = timestamp.value(Field::Epoch) as f64 * batches as f64;
            readings[Reading::Epochs.index()] = before + inside;
        }
        readings
    }

    /// The timestamp when one counter reads `t`, as far as the declared rates tell.
    pub(crate) fn timestamp_at(&self, counter: Counter, t: f64) -> Result<Timestamp> {
        let count = Timestamp::whole(counter, t);
        let mut timestamp = match self.exactly(1, counter, Counter::Batch) {
            Ok((numerator, divisor)) => {
                let batch = i128::from(count) * i128::from(numerator) / i128::from(divisor);
                let batch = i64::try_from(batch);
                self.at_batch(batch.map_err(|_| Error::overflow(format_args!("{t}{counter}")))?)?
            }
            Err(_) => Timestamp::default(),
        };
        timestamp = timestamp.with(Field::total(counter), count)?;
        Ok(timestamp)
    }

    /// The timestamp with these totals, in the order of [`Counter::ALL`]. Its place in the epoch is
    /// what the declared rates tell.
    pub(crate) fn timestamp_of(&self, totals: &[i64; Counter::COUNT]) -> Timestamp {
        let batch = totals[Counter::Batch as usize].max(0);
        let timestamp = self.at_batch(batch).unwrap_or_default();
        let epoch_known = self.facts.batches_per_epoch.is_some();
        Counter::ALL.into_iter().fold(timestamp, |timestamp, counter| match counter {
            Counter::Epoch if epoch_known => timestamp,
            _ => timestamp.set(Field::total(counter), totals[counter as usize].max(0)),
        })
    }

    /// The timestamp at which batch `batch` begins, as far as the declared rates tell: counters
    /// without a rate stay 0.
    pub fn at_batch(&self, batch: i64) -> Result<Timestamp> {
        let (epoch, batch_in_epoch) = match self.facts.batches_per_epoch {
            Some(batches) => (batch / batches, batch % batches),
            None => (0, batch),
        };
        let mut timestamp = Timestamp::default()
            .with(Field::Batch, batch)?
            .with(Field::BatchInEpoch, batch_in_epoch)?
            .with(Field::Epoch, epoch)?
            .with(Field::EpochInIteration, epoch)?;
        let Facts { samples_per_batch, tokens_per_batch, .. } = self.facts;
        for (rate, total, in_epoch) in [
            (samples_per_batch, Field::Sample, Field::SampleInEpoch),
            (tokens_per_batch, Field::Token, Field::TokenInEpoch),
        ] {
            let rate = rate.unwrap_or(0);
            let value = batch.checked_mul(rate);
            let value = value.ok_or_else(|| Error::overflow(format_args!("{batch} × {rate}")))?;
            timestamp = timestamp.with(total, value)?.with(in_epoch, batch_in_epoch * rate)?;
        }
        timestamp.with(Field::TokenInIteration, timestamp.value(Field::Token))
    }
}

/// Prints the length and the facts that are known: `run of 90ep (batches_per_epoch 100)`.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run of {}", self.max_duration)?;
        let known = |(name, fact): (&str, Option<i64>)| Some(format!("{name} {}", fact?));
        let mut known: Vec<_> = self.facts.named().into_iter().filter_map(known).collect();
        if self.scale_schedule_ratio != 1.0 {
            known.push(format!("scale_schedule_ratio {:?}", self.scale_schedule_ratio));
        }
        match known.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", known.join(", ")),
        }
    }
}
