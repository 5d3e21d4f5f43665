//! Blocks of times, and between which bounds they lie.

use crate::math::{larger, smaller};

/// How many times are evaluated at a go: few enough for the blocks to stay in the L1 cache.
pub(crate) const BLOCK: usize = 1024;

/// So many times are looked at together, where many have one value.
const CHUNK: usize = 64;

/// Times of a block on one clock, the earliest and the latest; empty for a clock that is not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) times: &'a [f64],
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl<'a> Reading<'a> {
    pub(crate) const NONE: Self = Self { times: &[], low: 0.0, high: 0.0 };

    #[inline(always)]
    pub(crate) fn new(times: &'a [f64]) -> Self {
        let (low, high) = bounds(times);
        Self { times, low, high }
    }

    /// Of a single time.
    #[inline(always)]
    pub(crate) fn single(time: &'a f64) -> Self {
        Self { times: std::slice::from_ref(time), low: *time, high: *time }
    }
}

/// The smallest and the largest of some numbers.
#[inline(always)]
pub(crate) fn bounds(times: &[f64]) -> (f64, f64) {
    // As many independent results as fill the registers.
    let (mut low, mut high) = ([f64::INFINITY; 16], [0.0; 16]);
    let (wide, rest) = times.as_chunks::<16>();
    for times in wide {
        for lane in 0..16 {
            low[lane] = smaller(times[lane], low[lane]);
            high[lane] = larger(times[lane], high[lane]);
        }
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            low[lane] = smaller(low[lane], low[lane + half]);
            high[lane] = larger(high[lane], high[lane + half]);
        }
    }
    for &time in rest {
        (low[0], high[0]) = (smaller(time, low[0]), larger(time, high[0]));
    }
    (low[0], high[0])
}

/// Calls `fill` with a few times after the other, the earliest and the latest of them, and the
/// place for their values.
#[inline(always)]
pub(crate) fn in_chunks(
    reading: &Reading<'_>,
    out: &mut [f64],
    mut fill: impl FnMut(&[f64], f64, f64, &mut [f64]),
) {
    if reading.times.len() <= 1 {
        return fill(reading.times, reading.low, reading.high, out);
    }
    for (times, out) in reading.times.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        let (low, high) = bounds(times);
        fill(times, low, high, out);
    }
}
