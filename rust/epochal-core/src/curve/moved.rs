//! Nodes whose inner curve sees another time: moved, or that since a cycle began.

use crate::bulk::dispatch::Level;
use crate::bulk::span::CHUNK;
use crate::curve::cycle::{Cycle, Period};
use crate::curve::reading::Reading;
use crate::curve::{Node, Now, Times};
use crate::error::Result;
use crate::math::{Double, larger};
use crate::run::Run;
use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;

/// t becomes t + by, but not less than a floor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub(crate) by: Double,
    pub(crate) floor: f64,
}

impl Shift {
    /// Since the start of a phase.
    pub(crate) fn since(start: Double) -> Self {
        Self { by: -start, floor: 0.0 }
    }

    fn at(self, t: f64) -> f64 {
        let (by, low) = self.by.parts();
        larger((t + by) + low, self.floor)
    }
}

/// A curve at a later or an earlier time.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    shifts: [Option<Shift>; Reading::COUNT],
    run: Run,
    pub(crate) of: Box<Node>,
}

impl Moved {
    pub(crate) fn new(shifts: [Option<Shift>; Reading::COUNT], run: Run, of: Node) -> Self {
        Self { shifts, run, of: Box::new(of) }
    }

    /// What the inner curve sees of some times.
    pub(crate) fn fill<const N: usize>(
        &self,
        level: Level,
        now: &Now<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        let change = |times: &mut [&mut [f64]; Reading::COUNT]| {
            for (shift, times) in self.shifts.iter().zip(times) {
                if let Some(shift) = shift {
                    times.iter_mut().for_each(|t| *t = shift.at(*t));
                }
            }
        };
        changed::<N>(&self.of, &self.run, level, now, out, change)
    }
}

/// A curve over and over. In each cycle time begins anew.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    /// What tells the cycle.
    reading: Reading,
    period: Period,
    /// Where the first cycle begins, and how long a cycle is, for all that is read.
    starts: [Option<Double>; Reading::COUNT],
    lengths: [Option<Double>; Reading::COUNT],
    run: Run,
    pub(crate) of: Box<Node>,
}

impl Repeated {
    pub(crate) fn new(
        reading: Reading,
        period: Period,
        starts: [Option<Double>; Reading::COUNT],
        lengths: [Option<Double>; Reading::COUNT],
        run: Run,
        of: Node,
    ) -> Self {
        Self { reading, period, starts, lengths, run, of: Box::new(of) }
    }

    pub(crate) fn fill<const N: usize>(
        &self,
        level: Level,
        now: &Now<'_>,
        out: &mut [f64],
    ) -> Result<()> {
        let own = self.reading.index();
        let change = |times: &mut [&mut [f64]; Reading::COUNT]| {
            let mut cycle = Cycle::EMPTY;
            for index in 0..times[own].len() {
                let start = self.starts[own].unwrap_or(Double::ZERO);
                let t = Shift::since(start).at(times[own][index]);
                if !cycle.contains(t) {
                    cycle = self.period.cycle(self.period.completed(t));
                }
                let places = self.starts.iter().zip(&self.lengths).zip(&mut *times);
                for ((start, length), times) in places {
                    if let (Some(start), Some(length)) = (start, length)
                        && let Some(t) = times.get_mut(index)
                    {
                        *t = Shift::since(*start + *length * cycle.number).at(*t);
                    }
                }
            }
        };
        changed::<N>(&self.of, &self.run, level, now, out, change)
    }

    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }
}

/// Fills in the values of a curve at times that `change` has made of those now.
fn changed<const N: usize>(
    of: &Node,
    run: &Run,
    level: Level,
    now: &Now<'_>,
    out: &mut [f64],
    change: impl Fn(&mut [&mut [f64]; Reading::COUNT]),
) -> Result<()> {
    // Few times at a go: every reading needs its place.
    if N == 1 {
        in_chunks::<N, 1>(of, run, level, now, out, change)
    } else {
        in_chunks::<N, CHUNK>(of, run, level, now, out, change)
    }
}

fn in_chunks<const N: usize, const M: usize>(
    of: &Node,
    run: &Run,
    level: Level,
    now: &Now<'_>,
    out: &mut [f64],
    change: impl Fn(&mut [&mut [f64]; Reading::COUNT]),
) -> Result<()> {
    let mut places = [[0.0; M]; Reading::COUNT];
    for (number, out) in out.chunks_mut(M).enumerate() {
        let start = number * M;
        let mut readings = Reading::ALL.into_iter();
        let mut times = places.each_mut().map(|place| {
            // What is not read has no times.
            let given = readings.next().map_or(&[][..], |reading| now.times.of(reading));
            let given = given.get(start..start + out.len()).unwrap_or_default();
            let times = &mut place[..given.len()];
            times.copy_from_slice(given);
            times
        });
        change(&mut times);
        let moved = now.timestamp.map(|timestamp| in_time(run, timestamp, &change));
        let times = times.each_ref().map(|times| &**times);
        let now = Now { times: Times::Each(&times), timestamp: moved.as_ref(), told: now.told };
        of.fill::<N>(level, &now, out)?;
    }
    Ok(())
}

/// A timestamp at a changed time, for functions: whole counts, and what the run's rates tell of
/// the epoch.
fn in_time(
    run: &Run,
    timestamp: &Timestamp,
    change: &impl Fn(&mut [&mut [f64]; Reading::COUNT]),
) -> Timestamp {
    let mut readings = timestamp.readings();
    let before = readings;
    let mut times = readings.each_mut().map(std::slice::from_mut);
    change(&mut times);
    let mut totals = Counter::ALL.map(|counter| timestamp.value_of(counter));
    for counter in Counter::ALL {
        let (now, before) = (readings[counter as usize], before[counter as usize]);
        if now != before {
            totals[counter as usize] = Timestamp::whole(counter, now);
        }
    }
    run.timestamp_of(&totals)
}
