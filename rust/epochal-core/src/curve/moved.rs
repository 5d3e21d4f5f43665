//! Nodes whose inner curve sees another time: a moved one, or the time since its cycle began.

use crate::bulk::dispatch::Level;
use crate::bulk::span::CHUNK;
use crate::curve::cycle::{Cycle, Period};
use crate::curve::reading::{Reading, Readings};
use crate::curve::{Node, Now, Times};
use crate::error::Result;
use crate::math::{Double, larger, smaller};
use crate::run::Run;
use crate::time::timestamp::Timestamp;
use crate::time::unit::Counter;
use crate::view::outline::Span;

/// Moves t to t + by, but not below a floor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub(crate) by: Double,
    pub(crate) floor: f64,
}

impl Shift {
    /// To the time since a phase began.
    pub(crate) fn since(start: Double) -> Self {
        Self { by: -start, floor: 0.0 }
    }

    fn at(self, t: f64) -> f64 {
        larger(self.unbounded(t), self.floor)
    }

    fn unbounded(self, t: f64) -> f64 {
        let (by, low) = self.by.parts();
        (t + by) + low
    }
}

/// A curve at a later or an earlier time.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// What the inner curve reads; of what it does not, no span tells anything.
    read: Vec<Reading>,
    shifts: [Option<Shift>; Reading::COUNT],
    run: Run,
    pub(crate) of: Box<Node>,
}

impl Moved {
    pub(crate) fn new(shifts: [Option<Shift>; Reading::COUNT], run: Run, of: Node) -> Self {
        Self { read: of.readings(), shifts, run, of: Box::new(of) }
    }

    /// The time that the inner curve sees.
    pub(crate) fn inner(&self, times: &Readings) -> Readings {
        let mut inner = *times;
        for (t, shift) in inner.iter_mut().zip(&self.shifts) {
            *t = shift.map_or(*t, |shift| shift.at(*t));
        }
        inner
    }

    /// How much of a span the inner curve sees as one time, its floor: from 0 to 1.
    pub(crate) fn still(&self, span: &Span) -> f64 {
        let mut still = 0.0;
        for reading in &self.read {
            let Some(shift) = self.shifts[reading.index()] else { continue };
            let (a, b) = span.on(*reading);
            let (a, b) = (shift.unbounded(a), shift.unbounded(b));
            if a < shift.floor {
                still = larger(still, smaller((shift.floor - a) / (b - a), 1.0));
            }
        }
        still
    }

    /// Whether the inner curve sees its floor, not yet the time itself.
    pub(crate) fn is_before(&self, times: &Readings) -> bool {
        self.read.iter().any(|reading| {
            let t = times[reading.index()];
            self.shifts[reading.index()].is_some_and(|shift| shift.unbounded(t) < shift.floor)
        })
    }

    /// The times that the inner curve sees.
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

/// A curve in cycles. Time starts again from 0 in each of them.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    /// The reading that cycles are counted on.
    reading: Reading,
    period: Period,
    /// The start of the first cycle and the length of a cycle, on every reading that is needed.
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

    /// The time in a cycle, the first of which begins at 0.
    fn in_cycle(&self, number: f64, times: &Readings) -> Readings {
        let mut inner = *times;
        for (index, t) in inner.iter_mut().enumerate() {
            if let (Some(start), Some(length)) = (self.starts[index], self.lengths[index]) {
                *t = Shift::since(start + length * Double::from(number)).at(*t);
            }
        }
        inner
    }

    /// A span as parts of cycles, and how many cycles begin in it.
    pub(crate) fn cycles(&self, span: &Span) -> Cycles {
        let own = self.reading.index();
        let start = Shift::since(self.starts[own].unwrap_or(Double::ZERO));
        let (a, b) = (start.at(span.from[own]), start.at(span.to[own]));
        let (first, last) = (self.period.completed(a), self.period.completed(b));
        let (from, to) = (self.in_cycle(first, &span.from), self.in_cycle(last, &span.to));
        if first == last {
            let parts = vec![Part { span: Span::new(from, to), times: 1.0, share: 1.0 }];
            return Cycles { parts, begun: 0.0 };
        }
        let length = self.lengths[own].map_or(1.0, Double::rounded);
        let (zero, mut end) =
            ([0.0; Reading::COUNT], self.lengths.map(|length| length.map_or(0.0, Double::rounded)));
        end[own] = length.next_down();
        let begun = last - first;
        let mut parts = Vec::new();
        for (span, times) in [
            (Span::new(from, end), 1.0),
            (Span::new(zero, end), begun - 1.0),
            (Span::new(zero, to), 1.0),
        ] {
            if times > 0.0 {
                let share = times * (span.to[own] - span.from[own]) / (b - a);
                parts.push(Part { span, times, share });
            }
        }
        Cycles { parts, begun }
    }
}

/// What a span is to a curve that repeats.
#[derive(Debug)]
pub(crate) struct Cycles {
    pub(crate) parts: Vec<Part>,
    /// How many cycles begin in it.
    pub(crate) begun: f64,
}

/// A part of a cycle, how many times it comes, and how much of the whole that is.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) times: f64,
    pub(crate) share: f64,
}

/// Fills in the values of a curve at times that `change` has changed.
fn changed<const N: usize>(
    of: &Node,
    run: &Run,
    level: Level,
    now: &Now<'_>,
    out: &mut [f64],
    change: impl Fn(&mut [&mut [f64]; Reading::COUNT]),
) -> Result<()> {
    // Only a few times in one go, since every reading needs its place.
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
            // A reading that is not needed has no times.
            let given = readings.next().map_or(&[][..], |reading| now.times.of(reading));
            let given = given.get(start..start + out.len()).unwrap_or_default();
            let times = &mut place[..given.len()];
            times.copy_from_slice(given);
            times
        });
        change(&mut times);
        let moved = now.timestamp.map(|timestamp| in_time(run, timestamp, &change));
        let times = times.each_ref().map(|times| &**times);
        let times = Times::Each(&times);
        let now = Now { times, in_order: false, timestamp: moved.as_ref(), told: now.told };
        of.fill::<N>(level, &now, out)?;
    }
    Ok(())
}

/// A timestamp at a changed time, for functions: whole counts, and a place in the epoch by the
/// rates of the run.
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
