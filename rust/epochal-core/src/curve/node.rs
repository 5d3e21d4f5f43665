//! The tree of a curve. What a node does is here once, for one time and for a block of times.

use crate::bulk::dispatch::{self, Level};
use crate::curve::milestones::Milestones;
use crate::curve::moved::{Moved, Repeated, Shift};
use crate::curve::reading::{Reading, Readings};
use crate::curve::{Formula, value};
use crate::error::{Error, Fault, Kind, Result};
use crate::math::{larger, smaller};
use crate::run::Run;
use crate::schedule::phase::Phase;
use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// A leaf that is not a formula of the core: a function of the time and the run.
pub trait Function: Debug + Send + Sync {
    /// α at a time of a run.
    fn alpha(&self, now: &Timestamp, run: &Run) -> Result<f64>;

    /// The counters that it reads, as far as they are known.
    fn counters(&self) -> Vec<Counter>;

    /// Whether it has declared its counters.
    fn is_declared(&self) -> bool;

    /// Refuses a scale schedule ratio that it cannot be used with.
    fn check_ratio(&self, ratio: f64) -> Result<()>;

    /// Its text in a printed schedule.
    fn text(&self) -> String;

    /// Whether it is the same as another.
    fn equals(&self, other: &dyn Function) -> bool;

    /// Itself, for [`Function::equals`].
    fn as_any(&self) -> &dyn Any;
}

/// The times of a block, for each reading.
#[derive(Clone, Copy)]
pub(crate) enum Times<'a> {
    /// The same for all, where one is read only.
    Same(&'a [f64]),
    /// By [`Reading::index`]; none for what is not read.
    Each(&'a [&'a [f64]; Reading::COUNT]),
}

impl<'a> Times<'a> {
    #[inline(always)]
    pub(crate) fn of(self, reading: Reading) -> &'a [f64] {
        match self {
            Self::Same(times) => times,
            Self::Each(times) => times[reading.index()],
        }
    }
}

/// The time of a block. Functions are asked for one time at a go, and see a timestamp.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub(crate) times: Times<'a>,
    /// Whether all its times are known to be in order.
    pub(crate) in_order: bool,
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
    /// One node before a time, another from it on.
    Join { reading: Reading, at: f64, first: Box<Node>, then: Box<Node> },
    /// Values multiplied from left to right.
    Product(Vec<Node>),
    /// Values times a number.
    Scale { of: Box<Node>, by: f64 },
    /// Values plus a number.
    Lift { of: Box<Node>, by: f64 },
    /// Values within bounds.
    Clip { of: Box<Node>, low: f64, high: f64 },
    /// Values at another time.
    Moved(Moved),
    /// The same values in each cycle.
    Repeat(Repeated),
    /// A function, and the run or the cycle that it sees.
    Function { function: Arc<dyn Function>, run: Run },
}

impl Node {
    /// 1 at any time.
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
        let mut node = self;
        // One time lies on one side of a join.
        while let Self::Join { reading, at, first, then } = node
            && let (1, [t]) = (N, now.times.of(*reading))
        {
            node = if t < at { first } else { then };
        }
        let Self::Formula { reading, formula } = node else {
            return node.combine::<N>(level, now, out);
        };
        match (N, now.times.of(*reading)) {
            // One value is computed here: the call of a level takes longer.
            (1, [t]) => out.copy_from_slice(&[alone(formula, *t)]),
            (_, times) => dispatch::fill(level, formula, times, now.in_order, out),
        }
        Ok(())
    }

    /// The same for a node that is not a formula.
    fn combine<const N: usize>(&self, level: Level, now: &Now<'_>, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Formula { .. } => {}
            Self::Milestones(milestones) => {
                dispatch::fill_levels(level, milestones, now.times, now.in_order, out);
            }
            Self::Join { reading, at, first, then } => {
                let times = now.times.of(*reading);
                let (low, high) = dispatch::bounds(level, times, now.in_order);
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

    /// α at one time, by the same operations without the preparations for many.
    pub(crate) fn at(
        &self,
        times: &Readings,
        timestamp: Option<&Timestamp>,
        told: Option<Counter>,
    ) -> Result<f64> {
        let mut alpha = [0.0];
        let times = times.each_ref().map(std::slice::from_ref);
        let now = Now { times: Times::Each(&times), in_order: true, timestamp, told };
        self.fill::<1>(Level::BASELINE, &now, &mut alpha)?;
        Ok(alpha[0])
    }

    /// α where each reading is what `place` returns. Only readings that are needed are looked up.
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
        // A function may read whatever the rates give.
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

    /// An upper bound of α: infinite where it may leave the range of floats, NaN where it may be
    /// zero times infinity.
    pub(crate) fn most(&self) -> f64 {
        match self {
            Self::Formula { formula, .. } => formula.most(),
            Self::Milestones(milestones) => milestones.most(),
            // Not the library's `max` and `min`, which leave NaN out.
            Self::Join { first, then, .. } => match (first.most(), then.most()) {
                (first, then) if first.is_nan() || then.is_nan() => f64::NAN,
                (first, then) => larger(first, then),
            },
            // Wherever one factor is infinite, another may be zero.
            Self::Product(factors) => match factors.iter().map(Self::most).product() {
                f64::INFINITY if factors.len() > 1 => f64::NAN,
                most => most,
            },
            Self::Scale { of, by } => of.most() * by,
            Self::Lift { of, by } => of.most() + by,
            Self::Clip { of, high, .. } => smaller(*high, of.most()),
            Self::Moved(moved) => moved.of.most(),
            Self::Repeat(repeated) => repeated.of.most(),
            Self::Function { .. } => f64::INFINITY,
        }
    }

    /// Whether it takes less for times that are known to be in order.
    pub(crate) fn gains_by_order(&self) -> bool {
        let mut gains = false;
        self.each(&mut |node| {
            gains |= match node {
                Self::Formula { formula, .. } => formula.gains_by_order(),
                Self::Join { .. } | Self::Milestones(_) => true,
                _ => false,
            }
        });
        gains
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

    /// Its readings, in order, with those that functions are known to need.
    pub(crate) fn readings(&self) -> Vec<Reading> {
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

    /// Whether a function in it has not declared what it reads.
    pub(crate) fn has_undeclared(&self) -> bool {
        let mut has = false;
        self.each(&mut |node| {
            has |= matches!(node, Self::Function { function, .. } if !function.is_declared());
        });
        has
    }

    pub(crate) fn has_functions(&self) -> bool {
        let mut has = false;
        self.each(&mut |node| has |= matches!(node, Self::Function { .. }));
        has
    }

    /// The readings that move with one of them: all that are needed, and all others that the rates
    /// give if a function may look at them.
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

/// α of a formula at one time.
///
/// Without optimisation it is a call: all that is inlined into it would take its place on the stack
/// at each level of the tree.
#[cfg_attr(not(debug_assertions), inline(always))]
fn alone(formula: &Formula, t: f64) -> f64 {
    value(|times, out| formula.fill(times.into(), out), t)
}

/// Refuses counters that the rates do not give from the one that is told.
pub(crate) fn check_told(run: &Run, told: Counter, counters: &[Counter]) -> Result<()> {
    counters.iter().try_for_each(|counter| match run.exactly(0, told, *counter) {
        Ok(_) => Ok(()),
        Err(error) => Err(match *error.fault() {
            Fault::Conversion { lack, .. } => {
                let read = counters.to_vec();
                Error::new(Kind::Unit, Fault::Counters { read, told, lack })
            }
            _ => error,
        }),
    })
}
