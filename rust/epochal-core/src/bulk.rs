//! Curves over arrays and ranges.
//!
//! Times are converted a block at a time, evaluated, and written; blocks stay in the L1 cache.

use crate::curve::{BLOCK, Curve, is_time, not_a_time};
use crate::error::{Error, Kind, Result};
use crate::unit::Clock;

/// Where the times of one clock come from.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // element types
pub enum Source<'a> {
    F64(&'a [f64]),
    F32(&'a [f32]),
    I64(&'a [i64]),
    I32(&'a [i32]),
    U64(&'a [u64]),
    U32(&'a [u32]),
    /// The times `start + i·step` for i from 0.
    Grid {
        start: f64,
        step: f64,
        len: usize,
    },
}

/// Where the values go.
#[derive(Debug)]
#[allow(missing_docs)] // element types
pub enum Sink<'a> {
    F64(&'a mut [f64]),
    /// Computed as float64 and rounded once.
    F32(&'a mut [f32]),
}

impl Source<'_> {
    /// How many times there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(times) => times.len(),
            Self::F32(times) => times.len(),
            Self::I64(times) => times.len(),
            Self::I32(times) => times.len(),
            Self::U64(times) => times.len(),
            Self::U32(times) => times.len(),
            Self::Grid { len, .. } => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the times from `start` on into `block`.
    fn read(&self, start: usize, block: &mut [f64]) {
        fn convert<T: Copy>(
            times: &[T],
            start: usize,
            block: &mut [f64],
            as_f64: impl Fn(T) -> f64,
        ) {
            for (out, &time) in block.iter_mut().zip(&times[start..]) {
                *out = as_f64(time);
            }
        }
        match *self {
            Self::F64(times) => convert(times, start, block, |t| t),
            Self::F32(times) => convert(times, start, block, f64::from),
            Self::I64(times) => convert(times, start, block, |t| t as f64),
            Self::I32(times) => convert(times, start, block, f64::from),
            Self::U64(times) => convert(times, start, block, |t| t as f64),
            Self::U32(times) => convert(times, start, block, f64::from),
            Self::Grid { start: first, step, .. } => {
                for (index, out) in block.iter_mut().enumerate() {
                    *out = first + (start + index) as f64 * step;
                }
            }
        }
    }

    /// That every time is finite and not negative.
    fn check(&self) -> Result<()> {
        let mut block = [0.0; BLOCK];
        for start in (0..self.len()).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(self.len() - start)];
            self.read(start, block);
            if !block.iter().fold(true, |valid, t| valid & is_time(*t)) {
                let bad = block.iter().find(|t| !is_time(**t));
                return bad.map_or(Ok(()), |t| Err(not_a_time(*t)));
            }
        }
        Ok(())
    }
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
}

/// Writes α at the times of `sources`, one per clock in the order of [`Clock::ALL`], into `sink`.
///
/// Every clock of the curve needs a source as long as the sink. All times are checked before the
/// first value is written.
pub fn evaluate(
    curve: &Curve,
    sources: &[Option<Source<'_>>; Clock::COUNT],
    sink: Sink<'_>,
) -> Result<()> {
    for clock in curve.clocks() {
        match &sources[*clock as usize] {
            Some(source) if source.len() == sink.len() => source.check()?,
            _ => {
                let message =
                    format!("'{clock}' needs one time for each of the {} values", sink.len());
                return Err(Error::new(Kind::Schedule, message));
            }
        }
    }
    let mut times = [[0.0; BLOCK]; Clock::COUNT];
    let mut fill = |start: usize, out: &mut [f64]| {
        for clock in curve.clocks() {
            if let Some(source) = &sources[*clock as usize] {
                source.read(start, &mut times[*clock as usize][..out.len()]);
            }
        }
        curve.fill(&times.each_ref().map(|times| &times[..out.len()]), out);
    };
    match sink {
        Sink::F64(values) => {
            for (index, out) in values.chunks_mut(BLOCK).enumerate() {
                fill(index * BLOCK, out);
            }
        }
        Sink::F32(values) => {
            let mut block = [0.0; BLOCK];
            for (index, out) in values.chunks_mut(BLOCK).enumerate() {
                let block = &mut block[..out.len()];
                fill(index * BLOCK, block);
                for (out, alpha) in out.iter_mut().zip(&*block) {
                    *out = *alpha as f32;
                }
            }
        }
    }
    Ok(())
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
    Ok(((stop - start) / step).ceil().max(0.0) as usize)
}
