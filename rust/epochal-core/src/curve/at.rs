//! A curve at a time, which may be given in several forms.

use crate::bulk::dispatch::Level;
use crate::bulk::source::{is_time, not_a_time};
use crate::bulk::span::BLOCK;
use crate::curve::node::{Node, Now, Times, check_told};
use crate::curve::reading::{Reading, Readings};
use crate::error::{Error, Fault, Kind, Result};
use crate::run::Run;
use crate::schedule::phase::Phase;
use crate::time::Time;
use crate::time::timestamp::Timestamp;
use crate::time::unit::{Counter, Unit};
use std::borrow::Cow;

/// A schedule resolved for a run: α as a function of time.
///
/// `Schedule::resolve` makes it, and checks all that depends on the schedule and the run. Only three
/// things can still go wrong: a number that is not a time, a function that fails, and a value that
/// leaves the range of floats.
#[derive(Clone, Debug)]
pub struct Curve {
    node: Node,
    run: Run,
    /// Its readings, apart from those of functions.
    readings: Vec<Reading>,
    has_functions: bool,
    /// Whether there is one reading only.
    reads_one: bool,
    /// Its counters, and the one that numbers are on, unless functions may change them.
    counters: Option<Vec<Counter>>,
    only: Option<Counter>,
    /// Whether its values must be checked, since they might leave the range of floats.
    may_overflow: bool,
    gains_by_order: bool,
}

impl Curve {
    pub(crate) fn new(node: Node, run: &Run) -> Result<Self> {
        let (readings, has_functions) = (node.readings(), node.has_functions());
        // A function checks its own values.
        let may_overflow = !node.most().is_finite();
        let gains_by_order = node.gains_by_order();
        let mut curve = Self {
            node,
            run: *run,
            readings,
            has_functions,
            reads_one: false,
            counters: None,
            only: None,
            may_overflow,
            gains_by_order,
        };
        if !has_functions {
            curve.counters = Some(curve.counters().into_owned());
            curve.only = curve.counter().ok();
            curve.reads_one = curve.readings.len() == 1;
        }
        if may_overflow && !has_functions {
            for fraction in [0.0, 1.0] {
                let times = curve.fraction(fraction);
                let alpha = curve.node.at(&times, None, None)?;
                if !alpha.is_finite() {
                    return Err(curve.not_finite(alpha, &times));
                }
            }
        }
        Ok(curve)
    }

    /// The readings after a fraction of the run. Those that the rates do not give stay 0.
    fn fraction(&self, fraction: f64) -> Readings {
        Reading::ALL.map(|reading| {
            self.place(Time::of_fraction(fraction), reading.counter()).unwrap_or(0.0)
        })
    }

    /// The run for which it was resolved.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The counters it reads, in the order of [`Counter::ALL`]. A function reads those that it has
    /// declared or that it was seen to read.
    pub fn counters(&self) -> Cow<'_, [Counter]> {
        if let Some(counters) = &self.counters {
            return Cow::Borrowed(counters);
        }
        let readings = self.node.readings();
        let read = |counter: &Counter| readings.iter().any(|read| read.counter() == *counter);
        Cow::Owned(Counter::ALL.into_iter().filter(read).collect())
    }

    /// Whether there is a function in it.
    pub fn has_functions(&self) -> bool {
        self.has_functions
    }

    /// Whether its values must be checked one by one.
    pub(crate) fn needs_care(&self) -> bool {
        self.has_functions || self.may_overflow
    }

    /// Whether its values are found faster where times are known to be in order.
    pub(crate) fn gains_by_order(&self) -> bool {
        self.gains_by_order
    }

    /// The counter that numbers are on: its only one, or batches if it reads several, or if a
    /// function has not declared what it reads.
    pub fn counter(&self) -> Result<Counter> {
        match self.counters()[..] {
            [counter] if !self.node.has_undeclared() => Ok(counter),
            ref counters => {
                check_told(&self.run, Counter::Batch, counters)?;
                Ok(Counter::Batch)
            }
        }
    }

    /// The place of a time on a counter, a real number.
    pub fn place(&self, time: Time, counter: Counter) -> Result<f64> {
        let run = self.run.unscaled();
        let length = Phase::of(&run).length(time);
        Ok(length.on(Reading::Counter(counter), &run)?.rounded())
    }

    /// The length of the run on a counter.
    pub fn length(&self, counter: Counter) -> Result<f64> {
        self.place(self.run.duration(), counter)
    }

    /// How many units of one counter make one of another; 0 if that is not known.
    pub(crate) fn rate(&self, from: Counter, to: Counter) -> f64 {
        self.run.exactly(1, from, to).map_or(0.0, |(count, divisor)| count as f64 / divisor as f64)
    }

    /// How many of a unit make one of a counter, as far as that is known; of `dur` what part of the
    /// run it is.
    pub fn scale(&self, counter: Counter, unit: Unit) -> Option<f64> {
        match unit {
            Unit::Counter(to) => Some(self.rate(counter, to)).filter(|rate| *rate > 0.0),
            Unit::Duration => self.length(counter).ok().map(|length| 1.0 / length),
        }
    }

    /// α at a number on its [`counter`](Self::counter).
    pub fn at_number(&self, t: f64) -> Result<f64> {
        if !self.reads_one {
            let counter = self.only.map_or_else(|| self.counter(), Ok)?;
            return self.on_counter(counter, t);
        }
        if !is_time(t) {
            return Err(not_a_time(t));
        }
        let (t, mut alpha) = ([t], [0.0]);
        let now = Now { times: Times::Same(&t), in_order: true, timestamp: None, told: None };
        self.node.fill::<1>(Level::BASELINE, &now, &mut alpha)?;
        self.checked(alpha[0], || [t[0]; Reading::COUNT])
    }

    /// α at a number on a counter from which the rates give all others that it reads.
    pub(crate) fn on_counter(&self, counter: Counter, t: f64) -> Result<f64> {
        if self.reads_one && self.only == Some(counter) {
            return self.at_number(t);
        }
        if !is_time(t) {
            return Err(not_a_time(t));
        }
        let times = Reading::ALL.map(|reading| t * self.rate(counter, reading.counter()));
        let timestamp = match self.has_functions {
            true => Some(self.run.timestamp_at(counter, t)?),
            false => None,
        };
        let alpha = self.node.at(&times, timestamp.as_ref(), Some(counter))?;
        self.checked(alpha, || times)
    }

    /// α at a timestamp. Epochs are read by their batches.
    pub fn at_timestamp(&self, timestamp: &Timestamp) -> Result<f64> {
        self.counted(timestamp, timestamp.readings())
    }

    /// α at a timestamp whose epochs were counted.
    pub fn at_epochs(&self, timestamp: &Timestamp) -> Result<f64> {
        self.counted(timestamp, self.run.readings_by_epochs(timestamp))
    }

    fn counted(&self, timestamp: &Timestamp, times: Readings) -> Result<f64> {
        let timestamp = self.has_functions.then_some(timestamp);
        self.checked(self.node.at(&times, timestamp, None)?, || times)
    }

    /// α when a batch begins, by the rates of the run.
    pub fn at_batch(&self, batch: i64) -> Result<f64> {
        check_told(&self.run, Counter::Batch, &self.counters())?;
        let timestamp = self.run.at_batch(batch)?;
        let times = timestamp.readings();
        let told = Some(Counter::Batch);
        let alpha = self.node.at(&times, self.has_functions.then_some(&timestamp), told)?;
        self.checked(alpha, || times)
    }

    /// α when the counters, in the order of [`Counter::ALL`], are at these numbers. Only those that
    /// it reads are checked. Functions see whole counts.
    pub fn at_counters(&self, counters: &[f64; Counter::COUNT]) -> Result<f64> {
        for &counter in &*self.counters() {
            let t = counters[counter as usize];
            if !is_time(t) {
                return Err(not_a_time(t));
            }
        }
        let times = Reading::of_counters(counters);
        let timestamp = self.has_functions.then(|| {
            let whole = |counter| Timestamp::whole(counter, counters[counter as usize]);
            self.run.timestamp_of(&Counter::ALL.map(whole))
        });
        self.checked(self.node.at(&times, timestamp.as_ref(), None)?, || times)
    }

    /// α at each time of a block, for a curve whose values need no check. `in_order` tells that
    /// the times are known to be so.
    pub(crate) fn fill(&self, level: Level, times: Times<'_>, in_order: bool, out: &mut [f64]) {
        let now = Now { times, in_order, timestamp: None, told: None };
        // Only functions fail.
        let _ = self.node.fill::<BLOCK>(level, &now, out);
    }

    /// A value that an optimizer can take. A curve that leaves the range of floats after the end of
    /// the run keeps the value that it had at the end.
    #[inline]
    fn checked(&self, alpha: f64, times: impl FnOnce() -> Readings) -> Result<f64> {
        if alpha.is_finite() { Ok(alpha) } else { self.beyond_floats(alpha, &times()) }
    }

    #[cold]
    fn beyond_floats(&self, alpha: f64, times: &Readings) -> Result<f64> {
        let end = self.fraction(1.0);
        let read = self.node.readings();
        if !read.is_empty() && read.iter().all(|read| times[read.index()] > end[read.index()]) {
            let last = self.node.at(&end, None, None)?;
            if last.is_finite() {
                return Ok(last);
            }
        }
        Err(self.not_finite(alpha, times))
    }

    fn not_finite(&self, alpha: f64, times: &Readings) -> Error {
        let read = self.node.readings().into_iter();
        let at = read.map(|read| (times[read.index()], read.counter())).collect();
        Error::new(Kind::Schedule, Fault::NotFinite { alpha, at, run: self.run })
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The readings of its formulas.
    pub(crate) fn readings(&self) -> &[Reading] {
        &self.readings
    }
}
