//! One body of code, compiled for the baseline and for wider registers. The CPU decides which
//! version runs.
//!
//! All versions are the same plain IEEE operations in the same order, so they give the same bits.
#![allow(unsafe_code)]

use crate::bulk::source::Source;
use crate::bulk::span::Block;
use crate::curve::milestones::Milestones;
use crate::curve::{Formula, Times};
use crate::error::{Error, Kind, Result, quote};
use crate::math::{larger, smaller};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A set of instructions. Only levels that this CPU has are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Width);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// One more than the index of the level in use; 0 before the first use. It needs no lock, since a
/// process may be forked at any moment.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

impl Level {
    pub(crate) const BASELINE: Self = Self(Width::Baseline);

    /// Every level, the widest last.
    const ALL: &'static [Self] = &[
        Self::BASELINE,
        #[cfg(target_arch = "x86_64")]
        Self(Width::Avx2),
        #[cfg(target_arch = "x86_64")]
        Self(Width::Avx512),
    ];

    /// The levels that this CPU has, the widest last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|level| level.is_available())
    }

    fn is_available(self) -> bool {
        match self.0 {
            Width::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        }
    }

    /// The name of the level.
    pub fn name(self) -> &'static str {
        match self.0 {
            Width::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => "avx512",
        }
    }

    /// The level in use: the widest one, unless another was chosen.
    pub fn in_use() -> Self {
        match IN_USE.load(Ordering::Relaxed).checked_sub(1) {
            Some(index) => Self::ALL.get(index).copied().unwrap_or(Self::BASELINE),
            None => Self::available().last().unwrap_or(Self::BASELINE).chosen(),
        }
    }

    /// Has all later evaluations use the level of this name, which was given for `argument`.
    pub fn choose(argument: &str, name: &str) -> Result<Self> {
        if let Some(level) = Self::available().find(|level| level.name() == name) {
            return Ok(level.chosen());
        }
        let lacks = Self::ALL.iter().any(|level| level.name() == name);
        let lacks = if lacks { ", which this CPU lacks" } else { "" };
        let available = Self::available().map(|level| format!("'{}'", level.name()));
        let expected = format!("one of {}", available.collect::<Vec<_>>().join(", "));
        let got = format_args!("{}{lacks}", quote(name)).to_string();
        Err(Error::argument(Kind::Value, argument, expected, got))
    }

    fn chosen(self) -> Self {
        let index = Self::ALL.iter().position(|level| *level == self).unwrap_or(0);
        IN_USE.store(index + 1, Ordering::Relaxed);
        self
    }
}

/// Functions that run at a level: each calls `body`, which is inlined, in three versions.
macro_rules! at_each_level {
    ($(
        $(#[$doc:meta])*
        fn $name:ident$(<$life:lifetime>)?($($arg:ident: $type:ty),*) $(-> $result:ty)?
            = $body:expr;
    )*) => {$(
        $(#[$doc])*
        pub(crate) fn $name$(<$life>)?(level: Level, $($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2$(<$life>)?($($arg: $type),*) $(-> $result)? {
                $body
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512dq,avx512vl")]
            fn avx512$(<$life>)?($($arg: $type),*) $(-> $result)? {
                $body
            }

            match level.0 {
                Width::Baseline => $body,
                // SAFETY: the CPU has these instructions, since only such levels are handed out.
                #[cfg(target_arch = "x86_64")]
                Width::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: the same.
                #[cfg(target_arch = "x86_64")]
                Width::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    )*};
}

at_each_level! {
    /// Whether every time is finite and not negative.
    fn are_times(source: &Source<'_>, start: usize, len: usize) -> bool
        = source.are_times(start, len);

    /// Whether every time is finite and not negative, and none is before the one that it follows.
    fn are_in_order(source: &Source<'_>, start: usize, len: usize) -> bool
        = source.are_in_order(start, len);

    /// The times from `start` on, in `block` unless they are floats already.
    fn read<'a>(source: &'a Source<'_>, start: usize, block: &'a mut [f64]) -> &'a [f64]
        = source.read(start, block);

    /// The earliest and the latest of the times.
    fn bounds(times: &[f64], in_order: bool) -> (f64, f64)
        = Block::new(times, in_order).bounds();

    /// α of a formula at each time.
    fn fill(formula: &Formula, times: &[f64], in_order: bool, out: &mut [f64])
        = formula.fill(Block::new(times, in_order), out);

    /// The level at each time.
    fn fill_levels<'a>(milestones: &Milestones, times: Times<'a>, in_order: bool, out: &mut [f64])
        = milestones.fill(times, in_order, out);

    /// Replaces the values before a time by those of `first`.
    fn before(at: f64, times: &[f64], first: &[f64], out: &mut [f64])
        = for ((alpha, first), &t) in out.iter_mut().zip(first).zip(times) {
            // By bits: of two values in memory the compiler would choose an address, one at a time.
            let mask = if t < at { !0 } else { 0 };
            *alpha = f64::from_bits(first.to_bits() & mask | alpha.to_bits() & !mask);
        };

    /// Each value times another.
    fn multiply(out: &mut [f64], factors: &[f64])
        = for (alpha, factor) in out.iter_mut().zip(factors) {
            *alpha *= factor;
        };

    /// Each value times a number.
    fn scale(out: &mut [f64], by: f64)
        = for alpha in out.iter_mut() {
            *alpha *= by;
        };

    /// Each value plus a number.
    fn lift(out: &mut [f64], by: f64)
        = for alpha in out.iter_mut() {
            *alpha += by;
        };

    /// Each value within bounds. NaN stays, and is refused in the end.
    fn clip(out: &mut [f64], low: f64, high: f64)
        = for alpha in out.iter_mut() {
            *alpha = smaller(high, larger(low, *alpha));
        };

    /// Each value, rounded once.
    fn round(values: &[f64], out: &mut [f32])
        = for (out, value) in out.iter_mut().zip(values) {
            *out = *value as f32;
        };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size_are_rounded_once() {
        let times: Vec<i64> = (0..63).flat_map(|bit| [1 << bit, (1 << bit) - 1]).collect();
        for level in Level::available() {
            let mut block = vec![0.0; times.len()];
            let source = Source::I64(&times);
            let floats = read(level, &source, 0, &mut block);
            assert!(floats.iter().zip(&times).all(|(float, int)| *float == *int as f64));
            assert!(are_times(level, &source, 0, times.len()));
            assert!(!are_times(level, &Source::I64(&[3, -1]), 0, 2));
            assert!(!are_times(level, &Source::F64(&[3.0, f64::NAN]), 0, 2));
        }
    }

    #[test]
    fn levels_are_chosen_by_name() {
        for level in Level::available() {
            assert_eq!(Level::choose("level", level.name()), Ok(level));
            assert_eq!(Level::in_use(), level);
        }
        assert!(
            Level::choose("level", "sse9").is_err_and(|error| error.to_string().contains("'sse9'"))
        );
    }
}
