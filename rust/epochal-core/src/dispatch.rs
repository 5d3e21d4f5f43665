//! One body, compiled for the baseline and for wider registers; the CPU decides which one runs.
//!
//! All are the same plain IEEE operations in the same order, so all give the same bits.
#![allow(unsafe_code)]

use crate::error::{Error, Kind, Result, quote};
use crate::milestones::Milestones;
use crate::shape::{self, Shape};
use crate::source::Source;
use crate::span;
use crate::unit::Clock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Instructions that a CPU may have. A level is only handed out where the CPU has it.
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

/// One more than the index of the level in use; 0 before the first use. No lock: a process may be
/// forked at any moment.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

impl Level {
    const BASELINE: Self = Self(Width::Baseline);

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

    /// The name by which it is chosen.
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

    /// Has all later evaluations use the level of this name. The error is a predicate: what the
    /// name must be.
    pub fn choose(name: &str) -> Result<Self> {
        if let Some(level) = Self::available().find(|level| level.name() == name) {
            return Ok(level.chosen());
        }
        let lacks = Self::ALL.iter().any(|level| level.name() == name);
        let available: Vec<_> =
            Self::available().map(|level| format!("'{}'", level.name())).collect();
        let (available, name) = (available.join(", "), quote(name));
        Err(Error::new(
            Kind::Value,
            match lacks {
                true => format!("is {name}, which this CPU lacks: it has {available}"),
                false => format!("must be one of {available}, not {name}"),
            },
        ))
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
                // SAFETY: the CPU has these instructions, or there would be no such level.
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

    /// The times from `start` on, in `block` if they are no floats already.
    fn read<'a>(source: &'a Source<'_>, start: usize, block: &'a mut [f64]) -> &'a [f64]
        = source.read(start, block);

    /// The smallest and the largest of some times.
    fn bounds(times: &[f64]) -> (f64, f64)
        = span::bounds(times);

    /// α of a formula at each time.
    fn fill(shape: &Shape, times: &[f64], out: &mut [f64])
        = shape.fill(times, out);

    /// The level at each time.
    fn fill_levels(milestones: &Milestones, readings: &[&[f64]; Clock::COUNT], out: &mut [f64])
        = milestones.fill(readings, out);

    /// The ramp of a warmup over the tail's values.
    fn ramp(length: f64, top: f64, times: &[f64], out: &mut [f64])
        = shape::ramp(length, top, times, out);

    /// Each value times another.
    fn multiply(out: &mut [f64], factors: &[f64])
        = for (alpha, factor) in out.iter_mut().zip(factors) {
            *alpha *= factor;
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
    use crate::cycle::{Cycles, Period};
    use crate::decay::Decay;
    use crate::math::{Double, Exponent, Exponential, Levels};
    use crate::span::BLOCK;

    fn shapes() -> Vec<Shape> {
        let decay = Decay::new(Double::from(100.0), Double::from(9_999.7));
        let (whole, other) = (Double::from(37.0), Double::from(37.3));
        let mut shapes = vec![
            Shape::Constant { alpha: 0.3, end: 777.0 },
            Shape::Linear { decay, from: 1.3, to: 0.1 },
            Shape::Cosine { decay, to: 0.1 },
            Shape::Exponential { rate: None },
            Shape::Exponential { rate: Exponential::new(0.99, other) },
        ];
        for power in [0.5, 1.0, 2.0, 3.0, 0.37, 5.5] {
            for rounded in [false, true] {
                let power = Exponent::new(power, rounded);
                shapes.push(Shape::Polynomial { decay, power, to: 0.1 });
            }
        }
        for period in [whole, other].map(|length| Period::new(length, 0.0)) {
            shapes.push(Shape::Step { period, levels: Levels::new(0.99) });
            for ratio in [1.0, 1.5, 1.0001] {
                shapes.push(Shape::Restarts { cycles: Cycles::new(period, ratio), to: 0.1 });
            }
        }
        shapes
    }

    #[test]
    fn every_level_gives_the_bits_of_single_times() {
        let sorted: Vec<f64> = (0..BLOCK as u32).map(|n| f64::from(n * 13)).collect();
        let mut shuffled: Vec<f64> = (0..BLOCK).map(|n| sorted[n * 389 % BLOCK] + 0.37).collect();
        shuffled[17] = 1e300;
        for shape in shapes() {
            for times in [&sorted, &shuffled] {
                let alone = times.iter().map(|t| {
                    let mut alpha = [0.0];
                    shape.fill(std::slice::from_ref(t), &mut alpha);
                    alpha[0].to_bits()
                });
                let alone: Vec<u64> = alone.collect();
                for level in Level::available() {
                    let mut out = vec![0.0; times.len()];
                    fill(level, &shape, times, &mut out);
                    let together: Vec<u64> = out.iter().map(|alpha| alpha.to_bits()).collect();
                    assert_eq!(together, alone, "{level:?} {shape:?}");
                }
            }
        }
    }

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
            assert_eq!(Level::choose(level.name()), Ok(level));
            assert_eq!(Level::in_use(), level);
        }
        assert!(Level::choose("sse9").is_err_and(|error| error.to_string().contains("'sse9'")));
    }
}
