//! A schedule resolved for a run: numbers on named counters.

mod constant;
pub(crate) mod cycle;
pub(crate) mod decay;
mod exponential;
pub(crate) mod formula;
mod half_cosine;
mod inverse_square_root;
mod ladder;
mod linear;
pub(crate) mod milestones;
pub(crate) mod moved;
pub(crate) mod piecewise;
mod polynomial;
pub(crate) mod reading;
mod step;

use crate::bulk::dispatch::{self, Level};
use crate::bulk::source::{is_time, not_a_time};
use crate::bulk::span::BLOCK;
use crate::curve::formula::Formula;
use crate::curve::milestones::Milestones;
use crate::curve::moved::{Moved, Repeated, Shift};
use crate::curve::reading::{Reading, Readings};
use crate::error::{Error, Kind, Result};
use crate::run::Run;
use crate::schedule::Schedule;
use crate::schedule::phase::Phase;
use crate::time::Time;
use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// A leaf that is not a formula of the core: a function of the time and the run.
pub trait Function: Debug + Send + Sync {
    /// α at a time of a run.
    fn alpha(&self, now: &Timestamp, run: &Run) -> Result<f64>;

    /// The counters that it reads, as far as that is known.
    fn counters(&self) -> Vec<Counter>;

    /// Whether it has said what it reads.
    fn is_declared(&self) -> bool;

    /// Whether it can be used with a scale schedule ratio other than 1.
    fn takes_ratio(&self) -> bool;

    /// The text that names it.
    fn text(&self) -> String;

    /// Whether it is the same as another.
    fn equals(&self, other: &dyn Function) -> bool;

    /// Itself, for [`Function::equals`].
    fn as_any(&self) -> &dyn Any;
}

/// The time of a block: what there is to read, by [`Reading::index`]; nothing where nothing is
/// read. Functions are asked for one time at a go, and see a timestamp.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub(crate) times: [&'a [f64]; Reading::COUNT],
    pub(crate) timestamp: Option<&'a Timestamp>,
    /// The counter from which the timestamp was derived by the run's rates, if it was.
    pub(crate) told: Option<Counter>,
}

/// A node of a curve's tree.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A formula on one reading.
    Formula { reading: Reading, formula: Formula },
    /// The level that belongs to the number of milestones reached.
    Milestones(Milestones),
    /// One before a time, another from there on.
    Join { reading: Reading, at: f64, first: Box<Node>, then: Box<Node> },
    /// Values multiplied from left to right.
    Product(Vec<Node>),
    /// Values times a number.
    Scale { of: Box<Node>, by: f64 },
    /// Values plus a number.
    Lift { of: Box<Node>, by: f64 },
    /// Values within bounds.
    Clip { of: Box<Node>, low: f64, high: f64 },
    /// Values of another time.
    Moved(Moved),
    /// The same in each cycle.
    Repeat(Repeated),
    /// A function, and the run or the cycle that it sees.
    Function { function: Arc<dyn Function>, run: Run },
}

impl Node {
    /// 1, whatever the time.
    pub(crate) const ONE: Self = Self::Product(Vec::new());

    /// A formula of the time since its phase began.
    pub(crate) fn since_start(
        phase: &Phase<'_>,
        reading: Reading,
        formula: Formula,
    ) -> Result<Self> {
        let start = phase.start(reading)?;
        let of = Self::Formula { reading, formula };
        if start.rounded() == 0.0 {
            return Ok(of);
        }
        let mut shifts = [None; Reading::COUNT];
        shifts[reading.index()] = Some(Shift::since(start));
        Ok(Self::Moved(Moved::new(shifts, *phase.run, of)))
    }

    /// α at each time of a block of at most N: one, or [`BLOCK`].
    #[inline(always)]
    pub(crate) fn fill<const N: usize>(
        &self,
        level: Level,
        now: &Now<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        let Self::Formula { reading, formula } = self else {
            return self.combine::<N>(level, now, out);
        };
        match (N, now.times[reading.index()]) {
            // Compiled for one value, since the call of a level takes longer than that.
            (1, [t]) => {
                let mut alpha = [0.0];
                formula.fill(&[*t], &mut alpha);
                out.copy_from_slice(&alpha);
            }
            (_, times) => dispatch::fill(level, formula, times, out),
        }
        Ok(())
    }

    /// The same of a node that is no formula.
    fn combine<const N: usize>(&self, level: Level, now: &Now<'_>, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Formula { .. } => {}
            Self::Milestones(milestones) => {
                dispatch::fill_levels(level, milestones, &now.times, out);
            }
            Self::Join { reading, at, first, then } => {
                let times = now.times[reading.index()];
                let (low, high) = dispatch::bounds(level, times);
                if high < *at {
                    return first.fill::<N>(level, now, out);
                }
                then.fill::<N>(level, now, out)?;
                if low < *at {
                    let mut block = [0.0; N];
                    let block = &mut block[..out.len()];
                    first.fill::<N>(level, now, block)?;
                    dispatch::before(level, *at, times, block, out);
                }
            }
            Self::Product(factors) => {
                let mut block = [0.0; N];
                let block = &mut block[..out.len()];
                out.fill(1.0);
                for factor in factors {
                    factor.fill::<N>(level, now, block)?;
                    dispatch::multiply(level, out, block);
                }
            }
            Self::Scale { of, by } => {
                of.fill::<N>(level, now, out)?;
                dispatch::scale(level, out, *by);
            }
            Self::Lift { of, by } => {
                of.fill::<N>(level, now, out)?;
                dispatch::lift(level, out, *by);
            }
            Self::Clip { of, low, high } => {
                of.fill::<N>(level, now, out)?;
                dispatch::clip(level, out, *low, *high);
            }
            Self::Moved(moved) => moved.fill::<N>(level, now, out)?,
            Self::Repeat(repeated) => repeated.fill::<N>(level, now, out)?,
            Self::Function { function, run } => {
                let zero = Timestamp::default();
                let alpha = function.alpha(now.timestamp.unwrap_or(&zero), run)?;
                if let Some(told) = now.told {
                    check_told(run, told, &function.counters())?;
                }
                out.fill(alpha);
            }
        }
        Ok(())
    }

    /// α at one time: the same operations, but nothing is set up for many.
    pub(crate) fn at(
        &self,
        times: &Readings,
        timestamp: Option<&Timestamp>,
        told: Option<Counter>,
    ) -> Result<f64> {
        let mut alpha = [0.0];
        let times = times.each_ref().map(std::slice::from_ref);
        self.fill::<1>(Level::BASELINE, &Now { times, timestamp, told }, &mut alpha)?;
        Ok(alpha[0])
    }

    /// α where each reading is what `place` says; only those that are needed are asked for.
    pub(crate) fn value_at(
        &self,
        place: impl Fn(Reading) -> Result<f64>,
        run: &Run,
    ) -> Result<f64> {
        let mut times = [0.0; Reading::COUNT];
        for reading in self.readings() {
            times[reading.index()] = place(reading)?;
        }
        if !self.has_functions() {
            return self.at(&times, None, None);
        }
        // What the rates tell is enough for a function, unless it reads more.
        let batch = Reading::Counter(Counter::Batch);
        let mut told = None;
        for counter in Counter::ALL {
            let reading = Reading::Counter(counter);
            if let Ok(time) = place(reading) {
                times[reading.index()] = time;
                if told.is_none() || reading == batch {
                    told = Some(counter);
                }
            }
        }
        let totals = Counter::ALL.map(|counter| Timestamp::whole(counter, times[counter as usize]));
        self.at(&times, Some(&run.timestamp_of(&totals)), told)
    }

    /// A number that α never exceeds; infinite if there is none.
    fn most(&self) -> f64 {
        match self {
            Self::Formula { formula, .. } => formula.most(),
            Self::Milestones(milestones) => milestones.most(),
            Self::Join { first, then, .. } => first.most().max(then.most()),
            Self::Product(factors) => factors.iter().map(Self::most).product(),
            Self::Scale { of, by } => of.most() * by,
            Self::Lift { of, by } => of.most() + by,
            Self::Clip { of, high, .. } => of.most().min(*high),
            Self::Moved(moved) => moved.of.most(),
            Self::Repeat(repeated) => repeated.of.most(),
            Self::Function { .. } => f64::INFINITY,
        }
    }

    fn each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        match self {
            Self::Formula { .. } | Self::Milestones(_) | Self::Function { .. } => {}
            Self::Join { first, then, .. } => {
                first.each(visit);
                then.each(visit);
            }
            Self::Product(factors) => factors.iter().for_each(|factor| factor.each(visit)),
            Self::Scale { of, .. } | Self::Lift { of, .. } | Self::Clip { of, .. } => {
                of.each(visit);
            }
            Self::Moved(moved) => moved.of.each(visit),
            Self::Repeat(repeated) => repeated.of.each(visit),
        }
    }

    /// What it reads, in order; of functions what they are known to.
    fn readings(&self) -> Vec<Reading> {
        let mut read = [false; Reading::COUNT];
        self.each(&mut |node| match node {
            Self::Formula { reading, .. } | Self::Join { reading, .. } => {
                read[reading.index()] = true;
            }
            Self::Milestones(milestones) => {
                milestones.readings().for_each(|reading| read[reading.index()] = true);
            }
            Self::Repeat(repeated) => read[repeated.reading().index()] = true,
            Self::Function { function, .. } => {
                for counter in function.counters() {
                    read[counter as usize] = true;
                }
            }
            _ => {}
        });
        Reading::ALL.into_iter().filter(|reading| read[reading.index()]).collect()
    }

    pub(crate) fn has_functions(&self) -> bool {
        let mut has = false;
        self.each(&mut |node| has |= matches!(node, Self::Function { .. }));
        has
    }

    /// What has to be changed with the time on one reading: all that is read, and whatever the
    /// rates tell of the other counters, if a function may look at them.
    pub(crate) fn moved_readings(&self, own: Reading, run: &Run) -> Result<Vec<Reading>> {
        let read = self.readings();
        for reading in &read {
            run.exactly(0, own.counter(), reading.counter())?;
        }
        let functions = self.has_functions();
        let told = |reading: &Reading| {
            *reading == own
                || read.contains(reading)
                || functions && run.exactly(0, own.counter(), reading.counter()).is_ok()
        };
        Ok(Reading::ALL.into_iter().filter(told).collect())
    }
}

/// Refuses counters of which the rates tell nothing, where they tell the time.
fn check_told(run: &Run, told: Counter, counters: &[Counter]) -> Result<()> {
    counters.iter().try_for_each(|counter| run.exactly(0, told, *counter).map(drop))
}

/// A schedule resolved for a run: α as a function of time.
///
/// Made by [`Schedule::resolve`]. What can be told of the run and the schedule has been checked
/// then; what is left to go wrong is a time that is none, a function, and a value that leaves the
/// range of floats.
#[derive(Clone, Debug)]
pub struct Curve {
    node: Node,
    run: Run,
    /// What it reads, functions aside.
    readings: Vec<Reading>,
    has_functions: bool,
    /// What a bare number counts, if that is known for ever.
    only: Option<Counter>,
    /// Whether its values have to be looked at: it might leave the range of floats.
    may_overflow: bool,
}

impl Curve {
    pub(crate) fn new(node: Node, schedule: &Schedule, run: &Run) -> Result<Self> {
        let (readings, has_functions) = (node.readings(), node.has_functions());
        // A function checks its own values.
        let may_overflow = !node.most().is_finite();
        let mut curve = Self { node, run: *run, readings, has_functions, only: None, may_overflow };
        if !has_functions {
            curve.only = curve.counter().ok();
        }
        if may_overflow && !has_functions {
            for fraction in [0.0, 1.0] {
                let alpha = curve.node.at(&curve.fraction(fraction), None, None)?;
                if !alpha.is_finite() {
                    return Err(Error::new(
                        Kind::Schedule,
                        format!("{schedule} reaches {alpha:?} within {run}: α must stay finite"),
                    ));
                }
            }
        }
        Ok(curve)
    }

    /// What there is to read when a fraction of the run is over; what the rates do not tell stays
    /// at the start.
    fn fraction(&self, fraction: f64) -> Readings {
        Reading::ALL
            .map(|reading| self.place(Time::Duration(fraction), reading.counter()).unwrap_or(0.0))
    }

    /// The run for which it was resolved.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The counters it reads, in the order of [`Counter::ALL`]; of a function those that it has
    /// declared or was seen to read.
    pub fn counters(&self) -> Vec<Counter> {
        let readings = match self.has_functions {
            true => &self.node.readings(),
            false => &self.readings,
        };
        let read = |counter: &Counter| readings.iter().any(|read| read.counter() == *counter);
        Counter::ALL.into_iter().filter(read).collect()
    }

    /// Whether there is a function in it.
    pub fn has_functions(&self) -> bool {
        self.has_functions
    }

    /// Whether values have to be looked at one by one.
    pub(crate) fn needs_care(&self) -> bool {
        self.has_functions || self.may_overflow
    }

    /// What a bare number counts: its only counter; batches where it reads several, or a function
    /// does not say what it reads.
    pub fn counter(&self) -> Result<Counter> {
        match self.counters()[..] {
            [counter] => Ok(counter),
            [] => Ok(Counter::Batch),
            ref counters => {
                check_told(&self.run, Counter::Batch, counters).map_err(|error| {
                    let counters: Vec<_> =
                        counters.iter().map(|counter| format!("'{counter}'")).collect();
                    let message = format!(
                        "this curve reads {}, and a number alone is batches: {error}",
                        counters.join(" and ")
                    );
                    Error::new(Kind::Unit, message)
                })?;
                Ok(Counter::Batch)
            }
        }
    }

    /// Where a time lies on a counter: a real number.
    pub fn place(&self, time: Time, counter: Counter) -> Result<f64> {
        let run = self.run.unscaled();
        let length = Phase::of(&run).length(time);
        Ok(length.on(Reading::Counter(counter), &run)?.rounded())
    }

    /// How long the run is on a counter.
    pub fn length(&self, counter: Counter) -> Result<f64> {
        self.place(self.run.duration(), counter)
    }

    /// How many units of one counter make one of another; 0 if that is not known.
    pub(crate) fn rate(&self, from: Counter, to: Counter) -> f64 {
        self.run.exactly(1, from, to).map_or(0.0, |(count, divisor)| count as f64 / divisor as f64)
    }

    /// α at a number on its [`counter`](Self::counter).
    pub fn at_number(&self, t: f64) -> Result<f64> {
        match self.only {
            Some(counter) => self.on_counter(counter, t),
            None => self.on_counter(self.counter()?, t),
        }
    }

    /// α at a number on a counter that tells all others that it reads.
    pub(crate) fn on_counter(&self, counter: Counter, t: f64) -> Result<f64> {
        if !is_time(t) {
            return Err(not_a_time(t));
        }
        if let [reading] = self.readings[..]
            && reading.counter() == counter
            && !self.has_functions
        {
            let (times, mut alpha) = ([std::slice::from_ref(&t); Reading::COUNT], [0.0]);
            let now = Now { times, timestamp: None, told: None };
            self.node.fill::<1>(Level::BASELINE, &now, &mut alpha)?;
            return self.checked(alpha[0], || [t; Reading::COUNT]);
        }
        let times = Reading::ALL.map(|reading| t * self.rate(counter, reading.counter()));
        let timestamp = match self.has_functions {
            true => Some(self.run.timestamp_at(counter, t)?),
            false => None,
        };
        let alpha = self.node.at(&times, timestamp.as_ref(), Some(counter))?;
        self.checked(alpha, || times)
    }

    /// α at a time that was counted; epochs are read by their batches.
    pub fn at_timestamp(&self, timestamp: &Timestamp) -> Result<f64> {
        self.counted(timestamp, timestamp.readings())
    }

    /// α at a time whose epochs were counted too.
    pub fn at_epochs(&self, timestamp: &Timestamp) -> Result<f64> {
        self.counted(timestamp, self.run.readings_by_epochs(timestamp))
    }

    fn counted(&self, timestamp: &Timestamp, times: Readings) -> Result<f64> {
        let timestamp = self.has_functions.then_some(timestamp);
        self.checked(self.node.at(&times, timestamp, None)?, || times)
    }

    /// α at the time at which a batch begins, as far as the rates tell.
    pub fn at_batch(&self, batch: i64) -> Result<f64> {
        check_told(&self.run, Counter::Batch, &self.counters())?;
        let timestamp = self.run.at_batch(batch)?;
        let times = timestamp.readings();
        let told = Some(Counter::Batch);
        let alpha = self.node.at(&times, self.has_functions.then_some(&timestamp), told)?;
        self.checked(alpha, || times)
    }

    /// α when the counters, in the order of [`Counter::ALL`], read `counters`; those that it reads
    /// are checked. Functions see whole counts.
    pub fn at_counters(&self, counters: &[f64; Counter::COUNT]) -> Result<f64> {
        for counter in self.counters() {
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

    /// α at each time of a block, for curves that need no care.
    pub(crate) fn fill(&self, level: Level, times: &[&[f64]; Reading::COUNT], out: &mut [f64]) {
        let now = Now { times: *times, timestamp: None, told: None };
        // Only functions fail.
        let _ = self.node.fill::<BLOCK>(level, &now, out);
    }

    /// A value that an optimizer can have. Past the end of the run a curve that leaves the range
    /// of floats keeps the value that it had there.
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
        let place: Vec<_> = read
            .iter()
            .map(|read| format!("{:?}{}", times[read.index()], read.counter()))
            .collect();
        let message = format!("α is {alpha:?} at {}: it must stay finite", place.join(" and "));
        Err(Error::new(Kind::Schedule, message))
    }

    /// The readings of its formulas.
    pub(crate) fn readings(&self) -> &[Reading] {
        &self.readings
    }
}
