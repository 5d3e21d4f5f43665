//! Phases: the only place that sees both a schedule's times and a run.
//!
//! 1. `dur` is a fraction of the run's scaled length, on its counter; in a cycle, of the cycle.
//! 2. `ep` becomes batches through `batches_per_epoch`, and whole epochs without it.
//! 3. Every other time is multiplied by σ, but a warmup only on request.
//! 4. Lengths are real numbers; the count rule snaps them to whole ones where it applies.
//! 5. Moments count from the start of the run or the cycle, lengths from the start of the phase.

use crate::curve;
use crate::curve::cycle::Period;
use crate::curve::reading::Reading;
use crate::error::{Error, Fault, Kind, Moment, Result};
use crate::math::{Double, ulp};
use crate::run::Run;
use crate::schedule::Schedule;
use crate::time::count::{Counted, scale};
use crate::time::unit::Counter;
use crate::time::{Time, Value};

/// A written time in a run: count × factor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    count: i64,
    pub(crate) reading: Reading,
    factor: f64,
}

impl Length {
    fn new(count: i64, counter: Counter, factor: f64, run: &Run) -> Self {
        if counter == Counter::Epoch
            && let Ok((batches, _)) = run.exactly(count, counter, Counter::Batch)
        {
            return Self { count: batches, reading: Reading::Epochs, factor };
        }
        Self { count, reading: Reading::Counter(counter), factor }
    }

    /// How long it is on another counter: count × factor / divisor.
    fn fraction(self, reading: Reading, run: &Run) -> Result<(i64, i64, f64)> {
        let (from, to) = (self.reading.counter(), reading.counter());
        let (count, divisor) = run.exactly(self.count, from, to)?;
        Ok((count, divisor, self.factor))
    }

    /// How long it is: whole by the count rule, else in twice a float's precision.
    pub(crate) fn on(self, reading: Reading, run: &Run) -> Result<Double> {
        let (count, divisor, factor) = self.fraction(reading, run)?;
        Ok(match scale(count, factor, divisor)? {
            Counted::Whole(whole) => Double::from(whole),
            Counted::Truncated(_) => {
                Double::from(count) * Double::from(factor) / Double::from(divisor)
            }
        })
    }

    /// The length as one that repeats, on its own counter.
    pub(crate) fn period(self, run: &Run) -> Result<Period> {
        let slack = self.count as f64 * (ulp(self.factor) / 2.0);
        Ok(Period::new(self.on(self.reading, run)?, slack))
    }
}

/// Where a phase begins, as it was written.
#[derive(Clone, Copy, Debug)]
struct Begun {
    argument: &'static str,
    time: Time,
    length: Length,
}

/// Whether two moments are one but for the rounding of products, of which `largest` is the largest.
pub(crate) fn is_near(a: Double, b: Double, largest: Double) -> bool {
    const ROUNDING: f64 = 4.0 * f64::EPSILON;
    (a + -b).rounded().abs() <= ROUNDING * largest.rounded()
}

/// A part of a schedule in a run.
#[derive(Clone, Debug)]
pub(crate) struct Phase<'a> {
    pub(crate) run: &'a Run,
    /// The run itself, or the cycle in it, as a function sees it.
    pub(crate) own_run: Run,
    /// The length of "1dur".
    whole: Length,
    /// The times whose sum is its start.
    begun: Vec<Begun>,
    /// Whether the curve is for the top of a warmup, where milestones count as not yet reached and
    /// constants as not yet over. It is looked at where it begins, which has to be a float.
    pub(crate) is_for_top: bool,
}

impl<'a> Phase<'a> {
    /// The whole of a run.
    pub(crate) fn of(run: &'a Run) -> Self {
        let (count, counter) = run.length();
        let whole = Length::new(count, counter, 1.0, run);
        Self { run, own_run: *run, whole, begun: Vec::new(), is_for_top: false }
    }

    /// A time of the schedule, scaled.
    pub(crate) fn length(&self, time: Time) -> Length {
        self.scaled(time, true)
    }

    /// A time of the schedule, scaled or not.
    pub(crate) fn scaled(&self, time: Time, scaled: bool) -> Length {
        match time.value() {
            Value::Count(count, counter) => {
                let factor = if scaled { self.run.scale_schedule_ratio() } else { 1.0 };
                Length::new(count, counter, factor, self.run)
            }
            Value::Fraction(fraction) => {
                Length { factor: fraction * self.whole.factor, ..self.whole }
            }
        }
    }

    /// The reading that the phase of a schedule runs on.
    pub(crate) fn main_reading(&self, schedule: &Schedule) -> Option<Reading> {
        schedule.main_time().map(|time| self.length(time).reading)
    }

    /// The phase that begins `length` after the start of this one.
    pub(crate) fn after(&self, argument: &'static str, time: Time, length: Length) -> Self {
        let mut begun = self.begun.clone();
        begun.push(Begun { argument, time, length });
        Self { begun, ..self.clone() }
    }

    /// The phase that begins at a moment.
    pub(crate) fn at(&self, argument: &'static str, time: Time, length: Length) -> Self {
        Self { begun: vec![Begun { argument, time, length }], ..self.clone() }
    }

    /// The same phase, for the top of the warmup before it.
    pub(crate) fn for_top(&self) -> Self {
        Self { is_for_top: true, ..self.clone() }
    }

    /// A cycle, as a run of its own.
    pub(crate) fn cycle(&self, every: Length) -> Result<Self> {
        let own_run = self.run.lasting(every.count, every.reading.counter(), every.factor)?;
        Ok(Self { own_run, whole: every, begun: Vec::new(), ..self.clone() })
    }

    /// Where it begins.
    pub(crate) fn start(&self, reading: Reading) -> Result<Double> {
        let start = self.begun.iter().try_fold(Double::ZERO, |start, begun| {
            let length = begun.length.on(reading, self.run)?;
            Ok(if start.parts() == (0.0, 0.0) { length } else { start + length })
        })?;
        Ok(if self.is_for_top { Double::from(start.rounded()) } else { start })
    }

    /// Where it begins and where it ends, which must not be before.
    pub(crate) fn bounds(
        &self,
        argument: &str,
        end: Time,
        reading: Reading,
    ) -> Result<(Double, Double)> {
        let (start, last) = (self.start(reading)?, self.length(end).on(reading, self.run)?);
        if start.rounded() <= last.rounded() {
            return Ok((start, last));
        }
        if is_near(start, last, last) {
            return Ok((last, last));
        }
        Err(self.overrun(self.begun.iter(), (argument, end), reading)?)
    }

    /// An end that need not be on the counter of the start. The two are compared if the rates allow.
    pub(crate) fn loose_end(&self, argument: &str, end: Time) -> Result<(Reading, Double)> {
        let length = self.length(end);
        let reading = length.reading;
        if self.start(reading).is_ok() {
            return Ok((reading, self.bounds(argument, end, reading)?.1));
        }
        Ok((reading, length.on(reading, self.run)?))
    }

    /// α of a curve where this phase begins.
    pub(crate) fn value_at_start(&self, node: &curve::Node) -> Result<f64> {
        self.finite_value(node, |reading| Ok(self.start(reading)?.rounded()))
    }

    /// α of a curve at a moment on one reading, from which the rates give the others.
    pub(crate) fn value_at(&self, node: &curve::Node, told: Reading, at: Double) -> Result<f64> {
        self.finite_value(node, |reading| {
            let (count, divisor) = self.run.exactly(1, told.counter(), reading.counter())?;
            Ok((at * Double::from(count) / Double::from(divisor)).rounded())
        })
    }

    fn finite_value(
        &self,
        node: &curve::Node,
        place: impl Fn(Reading) -> Result<f64>,
    ) -> Result<f64> {
        let alpha = node.value_at(&place, &self.own_run)?;
        if alpha.is_finite() {
            return Ok(alpha);
        }
        let at = node.readings().into_iter().map(|read| Ok((place(read)?, read.counter())));
        let (at, run) = (at.collect::<Result<_>>()?, *self.run);
        Err(Error::new(Kind::Schedule, Fault::NotFinite { alpha, at, run }))
    }

    /// The error for a decay that would have to begin before its phase.
    pub(crate) fn too_short(&self, t_decay: Time, t_max: Time, reading: Reading) -> Result<Error> {
        let decay = Begun { argument: "t_decay", time: t_decay, length: self.length(t_decay) };
        self.overrun(self.begun.iter().chain([&decay]), ("t_max", t_max), reading)
    }

    /// The error for times that together are longer than a phase.
    fn overrun<'b>(
        &self,
        before: impl Iterator<Item = &'b Begun>,
        (argument, time): (&str, Time),
        reading: Reading,
    ) -> Result<Error> {
        let moment = |argument: &str, time, length: Length| {
            let place = length.on(reading, self.run)?.rounded();
            Ok(Moment { argument: argument.into(), time, place })
        };
        let before = before.map(|begun| moment(begun.argument, begun.time, begun.length));
        let (before, counter) = (before.collect::<Result<Vec<_>>>()?, reading.counter());
        let end = moment(argument, time, self.length(time))?;
        // As an end it is scaled; a warmup may not be.
        let enough = match &before[..] {
            [Moment { time, place, .. }] => {
                let scaled = self.length(*time).on(reading, self.run)?.rounded();
                Some(*time).filter(|_| scaled >= *place)
            }
            _ => None,
        };
        let fault = Fault::Phase { before, end, enough, counter, run: *self.run };
        Ok(Error::new(Kind::Schedule, fault))
    }
}
