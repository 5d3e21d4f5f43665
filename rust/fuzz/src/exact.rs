//! Exact arithmetic, in whole numbers of any size, and the rules of rounding.

use num_bigint::{BigInt, BigUint};

/// Every finite float is a whole number of 2^-1074.
const POINT: u32 = 1074;

/// |f| in units of 2^-1074; of infinity, 2^1024, which is where rounding gets there.
pub fn units(f: f64) -> BigUint {
    let bits = f.abs().to_bits();
    let (exponent, mantissa) = (bits >> 52, bits & ((1 << 52) - 1));
    match exponent {
        0 => BigUint::from(mantissa),
        _ => BigUint::from(mantissa | 1 << 52) << (exponent - 1),
    }
}

/// A float in units of 2^-1074.
pub fn signed_units(f: f64) -> BigInt {
    let magnitude = BigInt::from(units(f));
    if f < 0.0 { -magnitude } else { magnitude }
}

/// Whether the float nearest to `numerator / denominator`, both positive, is |f|: of two that are
/// as near, the even one; infinity where the range of floats ends.
pub fn is_nearest(numerator: &BigUint, denominator: &BigUint, f: f64) -> bool {
    let f = f.abs();
    // Twice the number, and twice the middles between the float and its neighbours.
    let twice = numerator << (POINT + 1);
    let above = if f.is_infinite() { None } else { Some(units(f) + units(f.next_up())) };
    let below = if f == 0.0 { None } else { Some(units(f) + units(f.next_down())) };
    let even = f.to_bits().is_multiple_of(2);
    let at_most = |middle: BigUint| {
        let middle = middle * denominator;
        twice < middle || even && twice == middle
    };
    let at_least = |middle: BigUint| {
        let middle = middle * denominator;
        twice > middle || even && twice == middle
    };
    above.is_none_or(at_most) && below.is_none_or(at_least)
}

/// The width of the last digit of |f|, in units of 2^-1074.
fn ulp(f: f64) -> BigUint {
    let f = f.abs();
    if f == f64::MAX { units(f) - units(f.next_down()) } else { units(f.next_up()) - units(f) }
}

/// N × f by the count rule: the nearest whole number within N·(f ± ½ulp(f)), else truncated.
pub fn count_rule_product(n: i64, f: f64) -> BigInt {
    let n_units = BigUint::from(n.unsigned_abs());
    // In halves of a unit.
    let whole = BigUint::from(1_u8) << (POINT + 1);
    let reach = &n_units * ulp(f);
    let magnitude = within_reach(&(n_units * units(f) * 2_u8), &whole, |_| reach.clone());
    if (n < 0) != (f < 0.0) { -magnitude } else { magnitude }
}

/// N / f by the count rule: the nearest k for which N is within k·(f ± ½ulp(f)), else truncated.
pub fn count_rule_quotient(n: i64, f: f64) -> BigInt {
    let n_units = BigUint::from(n.unsigned_abs()) << (POINT + 1);
    let ulp = ulp(f);
    let magnitude = within_reach(&n_units, &(units(f) * 2_u8), |k| k * &ulp);
    if (n < 0) != (f < 0.0) { -magnitude } else { magnitude }
}

/// The whole number nearest to a quotient, if the dividend is within its reach, else truncated.
fn within_reach(
    dividend: &BigUint,
    divisor: &BigUint,
    reach: impl Fn(&BigUint) -> BigUint,
) -> BigInt {
    let below = dividend / divisor;
    let above = &below + 1_u8;
    let (up, down) = (dividend - &below * divisor, &above * divisor - dividend);
    let nearest = [(&up, &below), (&down, &above)]
        .into_iter()
        .filter(|(distance, whole)| **distance <= reach(whole))
        .min_by(|one, other| one.0.cmp(other.0));
    nearest.map_or(&below, |(_, whole)| whole).clone().into()
}

/// The whole number as a count, if it lies within ±(2^63 − 1).
pub fn as_count(value: &BigInt) -> Option<i64> {
    i64::try_from(value).ok().filter(|count| *count != i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_rule_has_its_examples() {
        assert_eq!(count_rule_product(100, 0.29), 29.into());
        assert_eq!(count_rule_product(-100, 0.29), (-29).into());
        assert_eq!(count_rule_product(3, 0.5), 1.into());
        assert_eq!(count_rule_product(3, 1.0 / 3.0), 1.into());
        assert_eq!(count_rule_quotient(29, 0.29), 100.into());
        assert_eq!(count_rule_quotient(7, -2.0), (-3).into());
        assert_eq!(count_rule_quotient(7, 1e300), 0.into());
    }

    #[test]
    fn the_nearest_float_is_told_from_its_neighbours() {
        let (one, three) = (BigUint::from(1_u8), BigUint::from(3_u8));
        let third = 1.0 / 3.0_f64;
        assert!(is_nearest(&one, &three, third));
        assert!(!is_nearest(&one, &three, third.next_up()));
        assert!(!is_nearest(&one, &three, third.next_down()));
        let odd = BigUint::from((1_u64 << 53) + 1);
        assert!(is_nearest(&odd, &one, 9_007_199_254_740_992.0));
        assert!(!is_nearest(&odd, &one, 9_007_199_254_740_994.0));
        let huge = BigUint::from(10_u8).pow(309);
        assert!(is_nearest(&huge, &one, f64::INFINITY) && !is_nearest(&huge, &one, f64::MAX));
        assert!(is_nearest(&one, &huge.pow(2), 0.0));
    }
}
