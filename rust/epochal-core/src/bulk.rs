//! Curves over arrays and ranges.
//!
//! Times are converted a block at a time, evaluated, and written; blocks stay in the L1 cache.

use crate::curve::{Curve, Readings};
use crate::dispatch::{self, Level};
use crate::error::{Error, Kind, Result};
use crate::math::{WHOLE_FROM, floor};
use crate::share::{part_len, share, threads_for};
use crate::source::{Source, Sources, is_time, not_a_time};
use crate::span::BLOCK;
use crate::unit::Clock;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// Up to so many values are evaluated one by one: blocks take longer to set up.
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

    /// Parts of a length, each with the index of its first value; the last one may be shorter.
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

/// Writes α at the times of `sources`, one per clock in the order of [`Clock::ALL`], into `sink`:
/// all values of the first curve, then those of the next.
///
/// Every clock that a curve reads needs a source as long as a curve's part of the sink. All times
/// are checked before the first value is written. `threads` is how many may work on it; none
/// leaves it to the number of points.
pub fn evaluate(
    curves: &[&Curve],
    sources: &Sources<'_>,
    sink: Sink<'_>,
    threads: Option<NonZeroUsize>,
) -> Result<()> {
    let clocks = clocks_of(curves);
    let len = sink.len() / curves.len().max(1);
    for clock in &clocks {
        match &sources[*clock as usize] {
            Some(source) if source.len() == len && len * curves.len() == sink.len() => {}
            _ => {
                let message = format!("'{clock}' needs one time for each of the {len} values");
                return Err(Error::new(Kind::Schedule, message));
            }
        }
    }
    let level = Level::in_use();
    let checking = threads_for(threads, len).min(len / CHECKED_AT_ONCE).max(1);
    for source in clocks.iter().filter_map(|clock| sources[*clock as usize].as_ref()) {
        check(source, level, checking)?;
    }
    let job = Job { level, curves, sources, clocks, len };
    let threads = threads_for(threads, sink.len());
    let part = part_len(threads, sink.len());
    share(threads, sink.into_parts(part), |(start, sink)| job.fill(start, sink));
    Ok(())
}

/// That every time is finite and not negative.
fn check(times: &Source<'_>, level: Level, threads: usize) -> Result<()> {
    let len = times.len();
    let valid = AtomicBool::new(true);
    let part = part_len(threads, len);
    share(threads, (0..len).step_by(part).collect(), |start| {
        for start in (start..len.min(start + part)).step_by(BLOCK) {
            // The last block of a part ends with it: parts are whole blocks, or all there is.
            if !dispatch::are_times(level, times, start, BLOCK.min(len - start)) {
                return valid.store(false, Ordering::Relaxed);
            }
        }
    });
    if valid.into_inner() {
        return Ok(());
    }
    let bad = (0..len).find(|index| !times.are_times(*index, 1));
    bad.map_or(Ok(()), |index| Err(not_a_time(times.value(index))))
}

/// The clocks that some curves read, each once, in the order of [`Clock::ALL`].
pub fn clocks_of(curves: &[&Curve]) -> Vec<Clock> {
    let read = |clock: &Clock| curves.iter().any(|curve| curve.clocks().contains(clock));
    Clock::ALL.into_iter().filter(read).collect()
}

/// A thread checks so many times while another one starts.
const CHECKED_AT_ONCE: usize = 1 << 19;

/// What all threads of an evaluation know.
struct Job<'a> {
    level: Level,
    curves: &'a [&'a Curve],
    sources: &'a Sources<'a>,
    clocks: Vec<Clock>,
    /// How many times there are, and values of each curve.
    len: usize,
}

impl Job<'_> {
    /// Fills a part of all values, the one that begins at `start`.
    fn fill(&self, start: usize, sink: Sink<'_>) {
        // Made once for all blocks.
        let mut times = vec![[0.0; BLOCK]; if sink.len() > FEW { self.clocks.len() } else { 0 }];
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

    /// Calls `fill` with a curve, the index of the first time, and where the values go.
    fn each_block<T>(
        &self,
        mut start: usize,
        mut values: &mut [T],
        mut fill: impl FnMut(&Curve, usize, &mut [T]),
    ) {
        while !values.is_empty() {
            let at = start % self.len;
            let block = BLOCK.min(self.len - at).min(values.len());
            let (out, rest) = values.split_at_mut(block);
            fill(self.curves[start / self.len], at, out);
            (start, values) = (start + block, rest);
        }
    }

    fn fill_block(&self, curve: &Curve, at: usize, blocks: &mut [[f64; BLOCK]], out: &mut [f64]) {
        let len = out.len();
        if blocks.is_empty() {
            for (index, alpha) in out.iter_mut().enumerate() {
                let time = |source: &Option<Source<'_>>| {
                    source.as_ref().map_or(0.0, |source| source.value(at + index))
                };
                *alpha = curve.at(&self.sources.each_ref().map(time));
            }
            return;
        }
        let mut readings: Readings<'_> = [&[]; Clock::COUNT];
        for (clock, block) in self.clocks.iter().zip(blocks) {
            if let Some(source) = &self.sources[*clock as usize]
                && curve.clocks().contains(clock)
            {
                let block = &mut block[..len];
                readings[*clock as usize] = dispatch::read(self.level, source, at, block);
            }
        }
        curve.fill(self.level, &readings, out);
    }
}

/// How many times `start`, `start + step`, … lie before `stop`.
pub fn grid_len(start: f64, stop: f64, step: f64) -> Result<usize> {
    for (name, value, valid) in [
        ("start", start, is_time(start)),
        ("stop", stop, is_time(stop)),
        ("step", step, is_time(step) && step > 0.0),
    ] {
        if !valid {
            let bound = if name == "step" { "above zero" } else { "zero or above" };
            let message = format!("{name} must be finite and {bound}, not {value:?}");
            return Err(Error::new(Kind::Schedule, message));
        }
    }
    let steps = ((stop - start) / step).max(0.0);
    if steps >= WHOLE_FROM {
        return Ok(steps as usize);
    }
    let whole = floor(steps);
    Ok(whole as usize + usize::from(whole < steps))
}
