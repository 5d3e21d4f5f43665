//! Curves over arrays and ranges.
//!
//! Times are converted a block at a time, evaluated, and written; blocks stay in the L1 cache.

pub(crate) mod dispatch;
pub(crate) mod share;
pub(crate) mod source;
pub(crate) mod span;

use crate::bulk::dispatch::Level;
use crate::bulk::share::{part_len, share, threads_for};
use crate::bulk::source::{Source, Sources, is_time, not_a_time};
use crate::bulk::span::BLOCK;
use crate::curve::reading::Reading;
use crate::curve::{Curve, Times};
use crate::error::{Error, Result};
use crate::math::{WHOLE_FROM, floor};
use crate::time::unit::Counter;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// Up to this many values are evaluated one by one.
const FEW: usize = 8;

/// Where the values go.
#[derive(Debug)]
#[allow(missing_docs)] // element types
pub enum Sink<'a> {
    F64(&'a mut [f64]),
    /// Computed as float64 and rounded once.
    F32(&'a mut [f32]),
}

impl Sink<'_> {
    /// How many values it takes.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Parts of `len` values, each with the index of its first value. The last one may be shorter.
    fn into_parts(self, len: usize) -> Vec<(usize, Self)> {
        match self {
            Self::F64(values) => {
                let parts = values.chunks_mut(len).map(Sink::F64);
                parts.enumerate().map(|(index, part)| (index * len, part)).collect()
            }
            Self::F32(values) => {
                let parts = values.chunks_mut(len).map(Sink::F32);
                parts.enumerate().map(|(index, part)| (index * len, part)).collect()
            }
        }
    }
}

/// Writes α at the times of `sources`, one per counter in the order of [`Counter::ALL`], into
/// `sink`: all values of the first curve, then those of the next.
///
/// Every counter that a curve reads needs a source as long as a curve's part of the sink. Instead,
/// there may be one source only, that of the curves' [`counter`](Curve::counter), from which the
/// rates of the run give the others. Nothing is written unless all times are valid and all goes
/// well. `threads` is the number of threads that may work; by default it depends on the number of
/// points.
pub fn evaluate(
    curves: &[&Curve],
    sources: &Sources<'_>,
    sink: Sink<'_>,
    threads: Option<NonZeroUsize>,
) -> Result<()> {
    if curves.is_empty() {
        return Ok(());
    }
    let len = sink.len() / curves.len();
    let given: Vec<_> = Counter::ALL.into_iter().zip(sources).filter_map(given).collect();
    let number = match given[..] {
        [(only, _)] if curves.iter().all(|curve| curve.counter() == Ok(only)) => Some(only),
        _ => None,
    };
    for counter in counters_of(curves) {
        if number.is_none() && sources[counter as usize].is_none() {
            return Err(wrong_len(counter, len, 0));
        }
    }
    for (counter, source) in &given {
        if source.len() != len || len * curves.len() != sink.len() {
            return Err(wrong_len(*counter, len, source.len()));
        }
    }
    let level = Level::in_use();
    let checking = threads_for(threads, len).min(len / CHECKED_AT_ONCE).max(1);
    let mut in_order = curves.iter().any(|curve| curve.gains_by_order());
    for (_, source) in &given {
        in_order = check(source, in_order, level, checking)?;
    }
    let job = Job { level, curves, sources, number, len, in_order };
    // For few values, blocks take longer to set up.
    if sink.len() <= FEW || curves.iter().any(|curve| curve.needs_care()) {
        return job.fill_with_care(sink);
    }
    let threads = threads_for(threads, sink.len());
    let part = part_len(threads, sink.len());
    share(threads, sink.into_parts(part), |(start, sink)| job.fill(start, sink));
    Ok(())
}

fn wrong_len(counter: Counter, len: usize, got: usize) -> Error {
    let expected = format!("one for each of the {len} values");
    Error::invalid(&format!("times of '{counter}'"), expected, got)
}

fn given<'a, 'b>(
    (counter, source): (Counter, &'b Option<Source<'a>>),
) -> Option<(Counter, &'b Source<'a>)> {
    source.as_ref().map(|source| (counter, source))
}

/// Checks that every time is finite and not negative. Tells whether they are in order, if that is
/// asked.
fn check(times: &Source<'_>, in_order: bool, level: Level, threads: usize) -> Result<bool> {
    let len = times.len();
    let (valid, sorted) = (AtomicBool::new(true), AtomicBool::new(in_order));
    let part = part_len(threads, len);
    share(threads, (0..len).step_by(part).collect(), |start| {
        let mut in_order = in_order;
        // The first times, which are read again next, come last: they stay in the cache.
        for start in (start..len.min(start + part)).step_by(BLOCK).rev() {
            // A part consists of whole blocks, unless it is the last one.
            let here = BLOCK.min(len - start);
            let with_next = (BLOCK + 1).min(len - start);
            in_order = in_order && dispatch::are_in_order(level, times, start, with_next);
            if !in_order && !dispatch::are_times(level, times, start, here) {
                return valid.store(false, Ordering::Relaxed);
            }
        }
        if !in_order {
            sorted.store(false, Ordering::Relaxed);
        }
    });
    if valid.into_inner() {
        return Ok(sorted.into_inner());
    }
    let bad = (0..len).find(|index| !times.are_times(*index, 1));
    bad.map_or(Ok(false), |index| Err(not_a_time(times.value(index))))
}

/// The counters that curves read, each once, in the order of [`Counter::ALL`].
pub fn counters_of(curves: &[&Curve]) -> Vec<Counter> {
    let counters: Vec<_> = curves.iter().flat_map(|curve| curve.counters().into_owned()).collect();
    Counter::ALL.into_iter().filter(|counter| counters.contains(counter)).collect()
}

/// A thread checks about this many times while another one starts.
const CHECKED_AT_ONCE: usize = 1 << 19;

/// What the threads of an evaluation share.
struct Job<'a> {
    level: Level,
    curves: &'a [&'a Curve],
    sources: &'a Sources<'a>,
    /// The counter of the only source.
    number: Option<Counter>,
    /// The number of times, and of the values of each curve.
    len: usize,
    /// Whether the times of every source are known to be in order.
    in_order: bool,
}

/// Room for the times of each reading.
type Room = [[f64; BLOCK]];

impl Job<'_> {
    /// Fills a part of all values, the one that begins at `start`.
    fn fill(&self, start: usize, sink: Sink<'_>) {
        // Made once for all blocks.
        let most = self.curves.iter().map(|curve| curve.readings().len()).max().unwrap_or(0);
        let mut times = vec![[0.0; BLOCK]; most];
        match sink {
            Sink::F64(values) => {
                self.each_block(start, values, |curve, at, out| {
                    self.fill_block(curve, at, &mut times, out);
                });
            }
            Sink::F32(values) => {
                let mut block = [0.0; BLOCK];
                self.each_block(start, values, |curve, at, out| {
                    let block = &mut block[..out.len()];
                    self.fill_block(curve, at, &mut times, block);
                    dispatch::round(self.level, block, out);
                });
            }
        }
    }

    /// Evaluates one by one, and writes nothing unless all goes well: functions are called, and
    /// values are checked.
    fn fill_with_care(&self, sink: Sink<'_>) -> Result<()> {
        let points = self.curves.iter().flat_map(|curve| (0..self.len).map(move |at| (curve, at)));
        let values: Vec<f64> =
            points.map(|(curve, at)| self.value(curve, at)).collect::<Result<_>>()?;
        match sink {
            Sink::F64(out) => out.copy_from_slice(&values),
            Sink::F32(out) => dispatch::round(self.level, &values, out),
        }
        Ok(())
    }

    fn value(&self, curve: &Curve, at: usize) -> Result<f64> {
        let time = |counter: Counter| self.sources[counter as usize].as_ref().map(|s| s.value(at));
        // A single source gives a number that stands for all counters; several give each its own.
        match self.number.and_then(|counter| Some((counter, time(counter)?))) {
            Some((counter, t)) => curve.on_counter(counter, t),
            None => curve.at_counters(&Counter::ALL.map(|counter| time(counter).unwrap_or(0.0))),
        }
    }

    /// Calls `fill` with a curve, the index of the first time, and where the values go.
    fn each_block<T>(
        &self,
        start: usize,
        mut values: &mut [T],
        mut fill: impl FnMut(&Curve, usize, &mut [T]),
    ) {
        if values.is_empty() {
            return;
        }
        let mut at = start % self.len;
        for curve in &self.curves[start / self.len..] {
            while at < self.len && !values.is_empty() {
                let block = BLOCK.min(self.len - at).min(values.len());
                let (out, rest) = values.split_at_mut(block);
                fill(curve, at, out);
                (at, values) = (at + block, rest);
            }
            at = 0;
        }
    }

    fn fill_block(&self, curve: &Curve, at: usize, room: &mut Room, out: &mut [f64]) {
        let len = out.len();
        let mut times: [&[f64]; Reading::COUNT] = [&[]; Reading::COUNT];
        for (reading, block) in curve.readings().iter().zip(room) {
            let block = &mut block[..len];
            let counter = reading.counter();
            let source = self.sources[counter as usize].as_ref();
            times[reading.index()] = match (source, self.number) {
                (Some(source), _) => dispatch::read(self.level, source, at, block),
                (None, Some(told)) => self.derived(curve.rate(told, counter), told, at, block),
                (None, None) => block,
            };
        }
        curve.fill(self.level, Times::Each(&times), self.in_order, out);
    }

    /// The times of a counter, derived by a rate from those of another.
    fn derived<'b>(&self, rate: f64, told: Counter, at: usize, block: &'b mut [f64]) -> &'b [f64] {
        let mut read = [0.0; BLOCK];
        let read = &mut read[..block.len()];
        if let Some(source) = &self.sources[told as usize] {
            block.copy_from_slice(dispatch::read(self.level, source, at, read));
        }
        dispatch::scale(self.level, block, rate);
        block
    }
}

/// The number of times `start`, `start + step`, … before `stop`.
pub fn grid_len(start: f64, stop: f64, step: f64) -> Result<usize> {
    for (name, value, valid) in [
        ("start", start, is_time(start)),
        ("stop", stop, is_time(stop)),
        ("step", step, is_time(step) && step > 0.0),
    ] {
        if !valid {
            let bound = if name == "step" { "above zero" } else { "zero or above" };
            let got = format_args!("{value:?}");
            return Err(Error::invalid(name, format!("finite and {bound}"), got));
        }
    }
    let steps = ((stop - start) / step).max(0.0);
    if steps >= WHOLE_FROM {
        return Ok(steps as usize);
    }
    let whole = floor(steps);
    Ok(whole as usize + usize::from(whole < steps))
}
