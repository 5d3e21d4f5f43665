//! The times of an evaluation: arrays of any type, and ranges.

use crate::bulk::span::is_sorted;
use crate::error::Error;
use crate::time::unit::Counter;

/// The times of each counter, in the order of [`Counter::ALL`].
pub type Sources<'a> = [Option<Source<'a>>; Counter::COUNT];

/// The times of one counter.
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

impl Source<'_> {
    /// The number of times.
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

    /// Whether `len` times from `start` on are finite and not negative.
    #[inline(always)]
    pub(crate) fn are_times(&self, start: usize, len: usize) -> bool {
        fn all<T: Copy>(times: &[T], is_time: impl Fn(T) -> bool) -> bool {
            // Not `all`, which would test after each one whether to stop.
            times.iter().fold(true, |valid, &time| valid & is_time(time))
        }
        let end = start + len;
        match *self {
            Self::F64(times) => {
                let times = &times[start..end];
                // What is negative or not finite leaves a sign or NaN behind, and so does −0.
                let marks = times.iter().fold(0, |marks, t| marks | (t * 0.0).to_bits());
                marks == 0 || all(times, is_time)
            }
            Self::F32(times) => all(&times[start..end], |t| (0.0..=f32::MAX).contains(&t)),
            Self::I64(times) => all(&times[start..end], |t| t >= 0),
            Self::I32(times) => all(&times[start..end], |t| t >= 0),
            Self::U64(_) | Self::U32(_) => true,
            Self::Grid { start: first, step, .. } => {
                len == 0
                    || is_time(point(first, step, start)) && is_time(point(first, step, end - 1))
            }
        }
    }

    /// Whether `len` times from `start` on are in order, finite and not negative.
    #[inline(always)]
    pub(crate) fn are_in_order(&self, start: usize, len: usize) -> bool {
        fn all<T: PartialOrd + Copy>(times: &[T], as_f64: impl Fn(T) -> f64) -> bool {
            let mut ends = times.first().into_iter().chain(times.last());
            is_sorted(times) && ends.all(|&time| is_time(as_f64(time)))
        }
        let end = start + len;
        match *self {
            Self::F64(times) => all(&times[start..end], |t| t),
            Self::F32(times) => all(&times[start..end], f64::from),
            Self::I64(times) => all(&times[start..end], |t| t as f64),
            Self::I32(times) => all(&times[start..end], f64::from),
            Self::U64(times) => all(&times[start..end], |t| t as f64),
            Self::U32(times) => all(&times[start..end], f64::from),
            // Every step is up.
            Self::Grid { .. } => self.are_times(start, len),
        }
    }

    /// As many valid times from `start` on as `block` is long. They are written there, unless they
    /// are float64 already.
    #[inline(always)]
    pub(crate) fn read<'a>(&'a self, start: usize, block: &'a mut [f64]) -> &'a [f64] {
        fn convert<T: Copy>(times: &[T], block: &mut [f64], as_f64: impl Fn(T) -> f64) {
            for (out, &time) in block.iter_mut().zip(times) {
                *out = as_f64(time);
            }
        }
        let end = start + block.len();
        match *self {
            Self::F64(times) => return &times[start..end],
            Self::F32(times) => convert(&times[start..end], block, f64::from),
            // They are not negative, and the conversion from unsigned numbers is shorter. Both round
            // to nearest beyond 2^53, and are exact below.
            Self::I64(times) => convert(&times[start..end], block, |t| t as u64 as f64),
            Self::I32(times) => convert(&times[start..end], block, f64::from),
            Self::U64(times) => convert(&times[start..end], block, |t| t as f64),
            Self::U32(times) => convert(&times[start..end], block, f64::from),
            Self::Grid { start: first, step, .. } => {
                for (index, out) in block.iter_mut().enumerate() {
                    *out = point(first, step, start.wrapping_add(index));
                }
            }
        }
        block
    }

    /// A time as a float, valid or not.
    pub(crate) fn value(&self, index: usize) -> f64 {
        match *self {
            Self::F64(times) => times[index],
            Self::F32(times) => f64::from(times[index]),
            Self::I64(times) => times[index] as f64,
            Self::I32(times) => f64::from(times[index]),
            Self::U64(times) => times[index] as f64,
            Self::U32(times) => f64::from(times[index]),
            Self::Grid { start, step, .. } => point(start, step, index),
        }
    }
}

/// A time of a grid.
#[inline(always)]
fn point(start: f64, step: f64, index: usize) -> f64 {
    start + index as f64 * step
}

/// Whether a number is a time at which a curve has a value.
#[inline(always)]
pub(crate) fn is_time(t: f64) -> bool {
    (0.0..=f64::MAX).contains(&t)
}

/// The error for a number that is not a time.
pub(crate) fn not_a_time(time: f64) -> Error {
    Error::invalid("a time", "finite and zero or above", format_args!("{time:?}"))
}
