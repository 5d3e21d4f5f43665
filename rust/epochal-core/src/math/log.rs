//! log₂, in more than a float's precision.

use super::{Double, polynomial, trimmed};

/// 2/(3·ln 2): its float, its leading 26 bits, and the rest.
const SCALE: f64 = 0.9617966939259756;
const SCALE_HIGH: f64 = 0.9617966860532761;
const SCALE_LOW: f64 = 7.872699542894897e-09;

/// ln((1 + s)/(1 − s)) = ⅔s·(3 + w + w²·(…)) for w = s²: the polynomial in w, in error by at most
/// 2^-67 of the sum for s up to (√2 − 1)/(√2 + 1).
const SERIES: [f64; 8] = [
    0.6,
    0.4285714285714405,
    0.33333333332484344,
    0.2727272750297278,
    0.23076892456217551,
    0.20002206364171626,
    0.17559372628372347,
    0.17584578456070943,
];

/// 2/ln 2: its float, its leading 26 bits, and the rest.
const TWICE: f64 = 2.8853900817779268;
const TWICE_HIGH: f64 = 2.885390043258667;
const TWICE_LOW: f64 = 3.851925982253235e-08;

/// The same series for less precision: log₂((1 + s)/(1 − s)) = 2/ln 2·s + s·w·(…), in error by at
/// most 2^-60 of it.
const SHORT_SERIES: [f64; 8] = [
    0.9617966939259756,
    0.577078016355598,
    0.4121985831021161,
    0.320598900420586,
    0.26230786404342915,
    0.2219765172443556,
    0.1914279301149942,
    0.18880012677654387,
];

const ROOT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
const MANTISSA: u64 = (1 << 52) - 1;
/// 2^52, whose last bits hold a whole number.
const WHOLE_BITS: u64 = 0x4330_0000_0000_0000;

/// A positive normal number as 2^k·m for m in [√½, √2): k, m, and 2^-k.
#[inline(always)]
pub(super) fn split(value: f64) -> (f64, f64, f64) {
    let shifted = value.to_bits().wrapping_add(ONE_BITS - ROOT_HALF_BITS);
    let biased = shifted >> 52;
    let k = f64::from_bits(WHOLE_BITS | biased) - (super::WHOLE_FROM + 1023.0);
    let m = f64::from_bits((shifted & MANTISSA).wrapping_add(ROOT_HALF_BITS));
    (k, m, f64::from_bits(2046_u64.wrapping_sub(biased) << 52))
}

/// s = (m − 1)/(m + 1) for a mantissa of two parts: the first 26 bits, and what they leave.
#[inline(always)]
pub(super) fn quotient(m: f64, m_low: f64) -> (f64, f64) {
    let (top, bottom) = (m - 1.0, m + 1.0);
    let bottom_high = trimmed(bottom);
    let bottom_low = m - (bottom_high - 1.0);
    let inverse = 1.0 / bottom;
    let high = trimmed(top * inverse);
    let rest = (top - high * bottom_high) - high * bottom_low;
    (high, (rest + (m_low - high * m_low)) * inverse)
}

/// k + high + low: a first part of 26 bits, and a second one.
#[inline(always)]
fn joined(k: f64, high: f64, low: f64) -> (f64, f64) {
    let leading = trimmed(k + (high + low));
    (leading, low - ((leading - k) - high))
}

/// log₂ of a number whose parts are given, in error by at most 2^-59 if it is no whole number: a
/// first part of 26 bits, and a second one.
#[inline(always)]
pub(super) fn short(k: f64, (s_high, s_low): (f64, f64)) -> (f64, f64) {
    let s = s_high + s_low;
    let w = s * s;
    let cubic = s * w * polynomial(&SHORT_SERIES, w);
    let low = s_low * TWICE + s_high * TWICE_LOW;
    joined(k, s_high * TWICE_HIGH, low + cubic)
}

/// The same, in error by at most 2^-64 of it.
#[inline(always)]
pub(super) fn long(k: f64, (s_high, s_low): (f64, f64)) -> (f64, f64) {
    let s = s_high + s_low;
    let w = s * s;
    let w_high = s_high * s_high;
    let small = w * w * polynomial(&SERIES, w) + s_low * (s + s_high);
    let sum_high = trimmed((3.0 + w_high) + small);
    let sum_low = small - ((sum_high - 3.0) - w_high);
    // Times s, and times the scale.
    let exact = s_high * sum_high;
    let rest = s_low * sum_high + s * sum_low;
    let product_high = trimmed(exact + rest);
    let product_low = rest - (product_high - exact);
    let log_low = product_high * SCALE_LOW + product_low * SCALE;
    joined(k, product_high * SCALE_HIGH, log_low)
}

/// log₂ of any positive number.
pub(crate) fn log2_of(value: Double) -> Double {
    /// Lifts subnormal numbers, whose mantissas are short, to normal ones.
    const LIFT: f64 = 18_014_398_509_481_984.0; // 2^54
    let (high, low) = value.parts();
    let lifted = high < f64::MIN_POSITIVE;
    let factor = if lifted { LIFT } else { 1.0 };
    let (k, m, unit) = split(high * factor);
    let (log, rest) = long(k, quotient(m, low * factor * unit));
    Double::normalized(log, rest) + Double::from(if lifted { -54.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_powers_of_two_are_exact() {
        for n in -1074..=1023 {
            let value = if n < -1022 { f64::from_bits(1 << (n + 1074)) } else { 2f64.powi(n) };
            assert_eq!(log2_of(Double::from(value)).parts(), (f64::from(n), 0.0), "{n}");
        }
    }

    #[test]
    fn logarithms_near_one_keep_their_digits() {
        let close = log2_of(Double::from(1.0 + f64::EPSILON)).rounded();
        assert!((close / (f64::EPSILON / std::f64::consts::LN_2) - 1.0).abs() < 1e-15);
        let closer = log2_of(Double::from(1.0) + Double::from(1e-25)).rounded();
        assert!((closer / (1e-25 / std::f64::consts::LN_2) - 1.0).abs() < 1e-15);
        assert_eq!(log2_of(Double::from(3.0)).rounded(), 3f64.log2());
    }
}
