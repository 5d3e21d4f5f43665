//! 2^y, and exponential decays.

use super::{Double, TO_WHOLE, log2_of, polynomial, trimmed};
use std::f64::consts::LN_2;

/// The leading 26 bits of ln 2, and the rest.
const LN_2_HIGH: f64 = 0.6931471675634384;
const LN_2_LOW: f64 = 1.2996506893889889e-08;

/// (e^z − 1 − z)/z² on ±½ln 2, in error by at most 2^-61 of e^z.
const CURVED: [f64; 8] = [
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
];
/// The terms from z⁸ on.
const CURVED_MORE: [f64; 3] =
    [2.75572736431103e-07, 2.5105217004720745e-08, 2.0914686968086876e-09];

/// Beyond this 2^y is 0 or infinite, and so it stays.
pub(super) const EXPONENT_LIMIT: f64 = 1100.0;

/// 2^(high + low) for |high| up to [`EXPONENT_LIMIT`], where `low` is far below 1. Within 0.6 ulp;
/// 0, subnormal numbers and infinity come out rounded once.
#[inline(always)]
pub(crate) fn exp2(high: f64, low: f64) -> f64 {
    let shifted = high + TO_WHOLE;
    let fraction = high - (shifted - TO_WHOLE);
    // z = fraction·ln 2, of which the first part is exact: what is rounded is small beside 1.
    let joined = fraction + low;
    let leading = trimmed(joined);
    let rest = (fraction - leading) + low;
    let z_high = leading * LN_2_HIGH;
    let z_low = leading * LN_2_LOW + rest * LN_2;
    // Where it is small it may be one float.
    let z = joined * LN_2;
    let square = z * z;
    let fourth = square * square;
    let more = (CURVED_MORE[0] + CURVED_MORE[1] * z) + CURVED_MORE[2] * square;
    let curved = square * (polynomial(&CURVED, z) + more * (fourth * fourth));
    let sum = 1.0 + z_high;
    let lost = (1.0 - sum) + z_high;
    let mantissa = sum + (lost + (z_low + curved));
    // The whole part of y, plus 2048, stands in the last bits. Halved, each half is the exponent
    // of a normal number, and only the last product is rounded.
    let exponent = shifted.to_bits().wrapping_add(2048) & 0xfff;
    let half = exponent >> 1;
    let other = exponent.wrapping_sub(half);
    mantissa * power_of_2(half) * power_of_2(other)
}

/// 2^(biased − 1024).
#[inline(always)]
fn power_of_2(biased: u64) -> f64 {
    f64::from_bits(biased.wrapping_sub(1) << 52)
}

/// γ^(t/ρ) = 2^(t·rate), the rate in twice a float's precision: the exponent may be a thousand,
/// and all digits behind its point count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential {
    high: f64,
    /// What the leading bits of the rate lack.
    low: f64,
    rate: f64,
    /// From this time on the value is 0 or infinite.
    settled: f64,
}

impl Exponential {
    /// None for γ = 0, which has no logarithm.
    pub(crate) fn new(gamma: f64, period: Double) -> Option<Self> {
        /// Rates beyond it belong to periods that no clock can tell from 0.
        const STEEPEST: f64 = 1e290;
        if gamma == 0.0 {
            return None;
        }
        let (rate, rest) = (log2_of(Double::from(gamma)) / period).parts();
        let (rate, rest) =
            if rate.abs() < STEEPEST { (rate, rest) } else { (STEEPEST.copysign(rate), 0.0) };
        let settled = (EXPONENT_LIMIT / rate.abs()).min(f64::MAX);
        let high = trimmed(rate);
        Some(Self { high, low: (rate - high) + rest, rate, settled })
    }

    #[inline(always)]
    pub(crate) fn at(self, t: f64) -> f64 {
        let t = super::smaller(t, self.settled);
        let leading = trimmed(t);
        let low = leading * self.low + (t - leading) * self.rate;
        exp2(leading * self.high, low)
    }
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
}
