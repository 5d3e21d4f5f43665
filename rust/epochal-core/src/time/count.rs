//! The count rule: what a float factor makes of a whole number.
//!
//! A float factor f is known only to its own precision, so the product N·f stands for the
//! interval N·(f ± ½ulp(f)). If that interval holds a whole number, the product *is* that whole
//! number: 100 × 0.29 is 29, although the float nearest to 0.29 lies below it. Everything is
//! decided in integers, so nothing is rounded on the way.

use crate::error::{Error, Result};

/// A product or quotient of a whole number and a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The interval holds this whole number; the one nearest to the exact value if several.
    Whole(i64),
    /// No whole number within reach; the exact value truncated toward zero.
    Truncated(i64),
}

impl Counted {
    /// The whole number, by the count rule.
    pub(crate) fn value(self) -> i64 {
        match self {
            Self::Whole(value) | Self::Truncated(value) => value,
        }
    }
}

/// `count × factor / divisor`; the divisor is exact and positive.
pub(crate) fn scale(count: i64, factor: f64, divisor: i64) -> Result<Counted> {
    let overflow = || Error::overflow(format_args!("{count} × {factor:?}"));
    let (mantissa, exponent) = decompose(factor).ok_or_else(overflow)?;
    let negative = (count < 0) != (factor < 0.0);
    if count == 0 || mantissa == 0 {
        return Ok(Counted::Whole(0));
    }
    // In units of ulp/2: the product is 2·N·m, the interval reaches N to either side.
    let half_width = u128::from(count.unsigned_abs());
    let product = half_width * u128::from(mantissa) * 2;
    let divisor = u128::from(divisor.unsigned_abs());
    let shift = exponent - 1;
    if shift >= 0 {
        if bits(product) + shift > 126 {
            return Err(overflow());
        }
        let (product, half_width) = (product << shift, half_width << shift);
        nearest(product, divisor, half_width, half_width, negative).ok_or_else(overflow)
    } else if bits(divisor) - shift > 127 {
        // The divisor exceeds the largest product, 2^117, by far.
        Ok(Counted::Truncated(0))
    } else {
        nearest(product, divisor << -shift, half_width, half_width, negative).ok_or_else(overflow)
    }
}

/// `count / factor`: the whole k for which the count lies in k·(f ± ½ulp(f)).
///
/// The caller has refused a factor of zero.
pub(crate) fn unscale(count: i64, factor: f64) -> Result<Counted> {
    let overflow = || Error::overflow(format_args!("{count} / {factor:?}"));
    let (mantissa, exponent) = decompose(factor).ok_or_else(overflow)?;
    let negative = (count < 0) != (factor < 0.0);
    let count = u128::from(count.unsigned_abs());
    let mantissa = u128::from(mantissa);
    if count == 0 {
        return Ok(Counted::Whole(0));
    }
    if exponent > 11 {
        return Ok(Counted::Truncated(0)); // the factor exceeds 2^64
    }
    if bits(count) - exponent > 125 {
        return Err(overflow());
    }
    // In units of ulp/2 the count is 2·N, and k times the factor reaches k to either side.
    let (dividend, divisor, unit) = if exponent >= 0 {
        (2 * count, (2 * mantissa) << exponent, 1 << exponent)
    } else {
        ((2 * count) << -exponent, 2 * mantissa, 1)
    };
    let below = dividend / divisor;
    nearest(dividend, divisor, below * unit, (below + 1) * unit, negative).ok_or_else(overflow)
}

/// `numerator / denominator`, correctly rounded.
pub(crate) fn ratio(numerator: i64, denominator: i64) -> f64 {
    let negative = (numerator < 0) != (denominator < 0);
    let (top, bottom) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    if top == 0 {
        return 0.0;
    }
    // Shifted so that the quotient has at least 64 bits; a sticky bit stands for the remainder,
    // and the conversion of the integer rounds once.
    let shift = u128::from(top).leading_zeros();
    let dividend = u128::from(top) << shift;
    let quotient = dividend / u128::from(bottom);
    let sticky = u128::from(dividend % u128::from(bottom) != 0);
    // 2^-shift, exactly.
    let unit = f64::from_bits((1023 - u64::from(shift)) << 52);
    let magnitude = (quotient | sticky) as f64 * unit;
    if negative { -magnitude } else { magnitude }
}

/// The whole number nearest to `dividend / divisor` if it is within reach, else the truncation.
///
/// `down` and `up` say how far the interval reaches towards the whole numbers below and above.
fn nearest(dividend: u128, divisor: u128, down: u128, up: u128, negative: bool) -> Option<Counted> {
    let (below, remainder) = (dividend / divisor, dividend % divisor);
    let gap = divisor - remainder;
    let (holds_below, holds_above) = (remainder <= down, gap <= up);
    let signed = |magnitude: u128| {
        let value = i64::try_from(magnitude).ok()?;
        Some(if negative { -value } else { value })
    };
    if holds_below && (!holds_above || remainder <= gap) {
        Some(Counted::Whole(signed(below)?))
    } else if holds_above {
        Some(Counted::Whole(signed(below + 1)?))
    } else {
        Some(Counted::Truncated(signed(below)?))
    }
}

/// |factor| as mantissa × 2^exponent, one unit of the mantissa being its ulp; none if not finite.
fn decompose(factor: f64) -> Option<(u64, i32)> {
    let bits = factor.to_bits();
    let (biased, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    match biased {
        0x7ff => None,
        0 => Some((fraction, -1074)),
        _ => Some((fraction | 1 << 52, biased - 1075)),
    }
}

fn bits(value: u128) -> i32 {
    128 - value.leading_zeros() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use Counted::{Truncated, Whole};

    #[test]
    fn products_snap_to_the_whole_number_within_half_an_ulp() {
        assert_eq!(scale(100, 0.29, 1), Ok(Whole(29)));
        assert_eq!(scale(3, 1.0 / 3.0, 1), Ok(Whole(1)));
        assert_eq!(scale(-100, 0.29, 1), Ok(Whole(-29)));
        assert_eq!(scale(3, 0.5, 1), Ok(Truncated(1)));
        assert_eq!(scale(-3, 0.5, 1), Ok(Truncated(-1)));
        assert_eq!(scale(i64::MAX, 1.0, 1), Ok(Whole(i64::MAX)));
        assert_eq!(scale(i64::MAX, 5e-324, 1), Ok(Truncated(0)));
        assert_eq!(scale(0, 1e308, 1), Ok(Whole(0)));
        assert_eq!(scale(90 * 12, 0.3, 1), Ok(Whole(324)));
        assert_eq!(scale(1_000, 1.0, 3), Ok(Truncated(333)));
        // 2^54 + 4 stands for all numbers up to 2 from it, and one of them is a multiple of 3.
        assert_eq!(scale(1, 18_014_398_509_481_988.0, 3), Ok(Whole(6_004_799_503_160_663)));
        assert!(scale(1, f64::NAN, 1).is_err());
        assert!(scale(1, 1e300, 1).is_err());
        assert!(scale(i64::MAX, 2.0, 1).is_err());
        for power in 1..1023 {
            let factor = f64::powi(2.0, power);
            assert!(scale(i64::MAX, factor, 1).is_err(), "2^{power}");
            assert_eq!(scale(3, 0.25 / factor, 7), Ok(Truncated(0)), "2^-{power}");
            assert!(unscale(i64::MAX, 0.25 / factor).is_err(), "2^-{power}");
        }
    }

    #[test]
    fn quotients_undo_products() {
        assert_eq!(unscale(29, 0.29), Ok(Whole(100)));
        assert_eq!(unscale(1, 1.0 / 3.0), Ok(Whole(3)));
        assert_eq!(unscale(7, 2.0), Ok(Truncated(3)));
        assert_eq!(unscale(7, -2.0), Ok(Truncated(-3)));
        assert_eq!(unscale(7, 1e300), Ok(Truncated(0)));
        assert!(unscale(1, 5e-324).is_err());
    }

    #[test]
    fn ratios_are_rounded_once() {
        assert_eq!(ratio(1, 3), 1.0 / 3.0);
        assert_eq!(ratio(-7, 2), -3.5);
        assert_eq!(ratio(0, 5), 0.0);
        assert_eq!(ratio(i64::MAX, i64::MAX), 1.0);
        assert_eq!(ratio(i64::MAX, i64::MAX - 1), 1.0);
        assert_eq!(ratio(1, i64::MAX), 1.0842021724855044e-19);
        assert_eq!(ratio(9_007_199_254_740_993, 2), 4_503_599_627_370_496.5);
    }
}
