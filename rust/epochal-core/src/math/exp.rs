//! 2^y, and exponential decays.

use super::{
    Double, LANES, Lanes, NONE, TO_WHOLE, floor, larger, log2_of, polynomial, smaller, trimmed,
};
use std::f64::consts::LN_2;

/// The leading 26 bits of ln 2, and the rest.
const LN_2_HIGH: f64 = 0.6931471675634384;
const LN_2_LOW: f64 = 1.2996506893889889e-08;

/// (e^z − 1 − z)/z² on ±½ln 2, in error by at most 2^-56 of e^z.
const CURVED: [f64; 8] = [
    0.5000000000000001,
    0.16666666666666669,
    0.04166666666662413,
    0.008333333333330062,
    0.0013888888917213717,
    0.00019841269863053618,
    2.4801521295954376e-05,
    2.7557268459997064e-06,
];
/// The terms from z⁸ on.
const CURVED_MORE: [f64; 2] = [2.7620088445409746e-07, 2.510038549551032e-08];

/// Beyond this 2^y is 0 or infinite, and so it stays.
pub(super) const EXPONENT_LIMIT: f64 = 1100.0;

/// Up to this ±y it is a normal number.
const NORMAL_LIMIT: f64 = 1021.0;

/// 2^(high + low) for |high| up to [`EXPONENT_LIMIT`], where `low` is far below 1. Within 0.7 ulp;
/// 0, subnormal numbers and infinity come out rounded once.
#[inline(always)]
pub(crate) fn exp2(high: f64, low: f64) -> f64 {
    let (shifted, z_high, z_low) = reduced(high, low);
    raised(shifted, z_high, z_low)
}

/// Whole numbers and two parts of z, for many exponents: what one stage leaves to the next, so
/// that the CPU has room for more of them at once.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    shifted: Lanes,
    z_high: Lanes,
    z_low: Lanes,
}

impl Stage {
    pub(crate) const EMPTY: Self = Self { shifted: NONE, z_high: NONE, z_low: NONE };

    #[inline(always)]
    pub(super) fn set(&mut self, lane: usize, (high, low): (f64, f64)) {
        (self.shifted[lane], self.z_high[lane], self.z_low[lane]) = reduced(high, low);
    }

    #[inline(always)]
    pub(super) fn get(&self, lane: usize) -> f64 {
        raised(self.shifted[lane], self.z_high[lane], self.z_low[lane])
    }
}

/// y = high + low as a whole number, whose digits stand last in the first result, and z/ln 2 in
/// ±½: z as a sum of two floats, the first of which is exact.
#[inline(always)]
fn reduced(high: f64, low: f64) -> (f64, f64, f64) {
    let shifted = high + TO_WHOLE;
    let fraction = high - (shifted - TO_WHOLE);
    let leading = trimmed(fraction + low);
    let rest = (fraction - leading) + low;
    (shifted, leading * LN_2_HIGH, leading * LN_2_LOW + rest * LN_2)
}

/// 2 to the whole number, times e^z: what is rounded is small beside 1.
#[inline(always)]
fn raised(shifted: f64, z_high: f64, z_low: f64) -> f64 {
    let sum = 1.0 + z_high;
    let lost = (1.0 - sum) + z_high;
    scaled(sum + (lost + (z_low + curved(z_high + z_low))), shifted)
}

/// e^z − 1 − z
#[inline(always)]
fn curved(z: f64) -> f64 {
    let square = z * z;
    let fourth = square * square;
    let more = CURVED_MORE[0] + CURVED_MORE[1] * z;
    square * (polynomial(&CURVED, z) + more * (fourth * fourth))
}

/// A mantissa times 2 to the whole number whose digits stand last.
#[inline(always)]
fn scaled(mantissa: f64, shifted: f64) -> f64 {
    // The whole number plus 2048. Halved, each half is the exponent of a normal number, and only
    // the last product is rounded.
    let exponent = shifted.to_bits().wrapping_add(2048) & 0xfff;
    let half = exponent >> 1;
    let other = exponent.wrapping_sub(half);
    mantissa * power_of_2(half) * power_of_2(other)
}

/// (2^x − 1)/x on [0, 1] without its first term ln 2, over x: in error by at most 2^-61 of it.
const GROWTH: [f64; 8] = [
    0.24022650695910078,
    0.055504108664818884,
    0.009618129107679662,
    0.0013333558141426951,
    0.00015403530680858154,
    1.5252723361388264e-05,
    1.321573564333659e-06,
    1.017414711397784e-07,
];
/// The terms from x⁸ on.
const GROWTH_MORE: [f64; 3] =
    [7.095826341335052e-09, 4.1791540858398923e-10, 3.5365490594828297e-11];

/// What the float of ln 2 lacks.
const LN_2_REST: f64 = 2.3190468138462996e-17;

/// 2^x − 1 for x in [0, 1]. Every coefficient is positive, so it never turns back.
#[inline(always)]
pub(crate) fn exp2_minus_1(x: f64) -> f64 {
    let fourth = (x * x) * (x * x);
    let more = (GROWTH_MORE[0] + GROWTH_MORE[1] * x) + GROWTH_MORE[2] * (x * x);
    let growth = polynomial(&GROWTH, x) + more * (fourth * fourth);
    smaller(x * (LN_2 + (LN_2_REST + x * growth)), 1.0)
}

/// value·2^y for y = high + low of at least 0, `low` being far below 1, and a positive normal value.
/// Never turns back, up to the largest number.
#[inline(always)]
pub(crate) fn exp2_times(value: f64, high: f64, low: f64) -> f64 {
    let whole = floor(high + low);
    let fraction = larger((high - whole) + low, 0.0);
    let grown = value * (1.0 + exp2_minus_1(fraction));
    let whole_digits = (whole + TO_WHOLE).to_bits();
    f64::from_bits(grown.to_bits().wrapping_add(whole_digits << 52))
}

/// value·2^n for |n| up to [`EXPONENT_LIMIT`], rounded once.
pub(super) fn times_power_of_2(value: f64, n: i32) -> f64 {
    let exponent = (2048 + n) as u64;
    let half = exponent >> 1;
    value * power_of_2(half) * power_of_2(exponent - half)
}

/// 2^(biased − 1024).
#[inline(always)]
fn power_of_2(biased: u64) -> f64 {
    f64::from_bits(biased.wrapping_sub(1) << 52)
}

/// The leading 41 bits of ln 2, of which whole multiples are exact, and the rest.
const LN_2_LEADING: f64 = 0.693147180559663;
const LN_2_TRAILING: f64 = 2.8235290563031577e-13;

/// γ^(t/ρ) = e^(t·rate), the rate in twice a float's precision: the exponent may be seven hundred,
/// and all digits behind its point count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential {
    high: f64,
    /// What the leading bits of the rate lack.
    low: f64,
    rate: f64,
    /// rate/ln 2
    octaves: f64,
    /// From this time on the value is 0 or infinite.
    settled: f64,
    /// Up to this time it is a normal number.
    normal: f64,
}

impl Exponential {
    /// Nothing for γ = 0, which has no logarithm.
    pub(crate) fn new(gamma: f64, period: Double) -> Option<Self> {
        /// Rates beyond it belong to periods that no clock can tell from 0.
        const STEEPEST: f64 = 1e290;
        if gamma == 0.0 {
            return None;
        }
        let octaves = log2_of(Double::from(gamma)) / period;
        let octaves = if octaves.rounded().abs() < STEEPEST {
            octaves
        } else {
            Double::from(STEEPEST.copysign(octaves.rounded()))
        };
        let ln_2 = Double::from(LN_2) + Double::from(LN_2_REST);
        let (rate, rest) = (octaves * ln_2).parts();
        let octaves = octaves.rounded();
        let reached = |limit: f64| (limit / octaves.abs()).min(f64::MAX);
        let high = trimmed(rate);
        Some(Self {
            high,
            low: (rate - high) + rest,
            rate,
            octaves,
            settled: reached(EXPONENT_LIMIT),
            normal: reached(NORMAL_LIMIT),
        })
    }

    #[inline(always)]
    pub(crate) fn at(self, t: f64) -> f64 {
        let (shifted, z_high, z_low) = self.reduced(t);
        scaled(grown(z_high, z_low), shifted)
    }

    /// The same for many, by way of a stage. Most times have few digits and give normal numbers:
    /// then trimming changes nothing, and no rounding needs care.
    #[inline(always)]
    pub(crate) fn at_all(self, times: &Lanes, stage: &mut Stage, out: &mut Lanes) {
        let digits = times.iter().fold(0, |digits, t| digits | t.to_bits());
        let are_normal = times.iter().fold(true, |normal, &t| normal & (t <= self.normal));
        if are_normal && trimmed(f64::from_bits(digits)).to_bits() == digits {
            for lane in 0..LANES {
                let t = times[lane];
                (stage.shifted[lane], stage.z_high[lane], stage.z_low[lane]) =
                    self.reduced_by(t, t, t * self.low);
            }
            for lane in 0..LANES {
                let exponent = stage.shifted[lane].to_bits() << 52;
                let mantissa = grown(stage.z_high[lane], stage.z_low[lane]);
                out[lane] = f64::from_bits(mantissa.to_bits().wrapping_add(exponent));
            }
        } else {
            for lane in 0..LANES {
                (stage.shifted[lane], stage.z_high[lane], stage.z_low[lane]) =
                    self.reduced(times[lane]);
            }
            for lane in 0..LANES {
                let mantissa = grown(stage.z_high[lane], stage.z_low[lane]);
                out[lane] = scaled(mantissa, stage.shifted[lane]);
            }
        }
    }

    /// t·rate as a multiple of ln 2, whose digits stand last in the first result, and z in
    /// ±½ln 2: a sum of two floats, the first of which is exact.
    #[inline(always)]
    fn reduced(self, t: f64) -> (f64, f64, f64) {
        let t = smaller(t, self.settled);
        let leading = trimmed(t);
        self.reduced_by(t, leading, leading * self.low + (t - leading) * self.rate)
    }

    /// The same by the leading digits of t, and what they leave out of t·rate.
    #[inline(always)]
    fn reduced_by(self, t: f64, leading: f64, rest: f64) -> (f64, f64, f64) {
        let shifted = t * self.octaves + TO_WHOLE;
        let whole = shifted - TO_WHOLE;
        let z_high = leading * self.high - whole * LN_2_LEADING;
        (shifted, z_high, rest - whole * LN_2_TRAILING)
    }
}

/// e^z for z of two parts.
#[inline(always)]
fn grown(z_high: f64, z_low: f64) -> f64 {
    1.0 + (z_high + (z_low + curved(z_high + z_low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for n in -1100..=1100 {
            // The library's powers of subnormal size are 0: it divides by infinity.
            let exact = 2f64.powi(n / 2) * 2f64.powi(n - n / 2);
            assert_eq!(exp2(f64::from(n), 0.0), exact, "{n}");
        }
        assert_eq!(exp2(0.0, 1e-300), 1.0);
        assert!((exp2(0.5, 0.0) - 2f64.sqrt()).abs() <= f64::EPSILON);
    }

    #[test]
    fn growth_is_exact_at_both_ends_and_small_beside_them() {
        assert_eq!([0.0, 1.0].map(exp2_minus_1), [0.0, 1.0]);
        assert_eq!(exp2_minus_1(1f64.next_down()), 1f64.next_down());
        assert!((exp2_minus_1(1e-300) / (1e-300 * LN_2) - 1.0).abs() <= f64::EPSILON);
        for n in 0..2000 {
            // A little beyond a whole number, by parts on both sides of it.
            let (high, low) = (f64::from(n) - 2f64.powi(-30), 2f64.powi(-29));
            let value = f64::MIN_POSITIVE * 1.5;
            let more = exp2_times(value, high.max(0.0), low) / exp2_times(value, f64::from(n), 0.0);
            let exact = LN_2 * 2f64.powi(if n == 0 { -29 } else { -30 });
            assert!((more - 1.0 - exact).abs() <= 2.0 * f64::EPSILON, "{n} {more:?}");
        }
    }

    #[test]
    fn exponentials_reach_any_time() {
        let period = Double::from(3.0);
        let half = Exponential::new(0.5, period).unwrap();
        assert_eq!([0.0, 3.0, 6.0, 3e300].map(|t| half.at(t)), [1.0, 0.5, 0.25, 0.0]);
        let same = Exponential::new(1.0, period).unwrap();
        assert_eq!([0.0, 1.5, 1e308].map(|t| same.at(t)), [1.0; 3]);
        let up = Exponential::new(2.0, Double::from(5e-324)).unwrap();
        assert_eq!([0.0, 1e-6, 1e308].map(|t| up.at(t)), [1.0, f64::INFINITY, f64::INFINITY]);
        assert!(Exponential::new(0.0, period).is_none());
    }

    /// Times of few digits, of all digits, and beyond what is a normal number.
    #[test]
    fn many_exponentials_have_the_bits_of_single_ones() {
        for (gamma, period) in [(0.97, 7.0), (1.5, 1000.3), (1e-300, 3.0), (1.0, 1.0)] {
            let rate = Exponential::new(gamma, Double::from(period)).unwrap();
            for (start, step) in [(0.0, 1.0), (1e6, 1.0 / 3.0), (5e8, 64.0), (0.0, 1e7)] {
                let times = std::array::from_fn(|lane| start + lane as f64 * step);
                let (mut stage, mut out) = (Stage::EMPTY, NONE);
                rate.at_all(&times, &mut stage, &mut out);
                for (t, value) in times.into_iter().zip(out) {
                    assert_eq!(value.to_bits(), rate.at(t).to_bits(), "{gamma} {t}");
                }
            }
        }
    }
}
