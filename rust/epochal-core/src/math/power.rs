//! Powers: of what is left of a decay, and of a factor that is applied over and over.

use super::exp::EXPONENT_LIMIT;
use super::{Double, exp2, log2, log2_short, trimmed};

/// The exponent p of a polynomial decay. u^p multiplies relative errors of u by p; so from 3 on
/// the base is a sum of two floats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exponent {
    Half,
    One,
    Two,
    Three,
    /// Any other up to 2.
    Gentle(Split),
    /// Any other.
    Other {
        power: Split,
        /// Leaves to u the digits of which one changes u^p by 2^-55, not more: then steps of u^p
        /// are larger than its errors, and values keep their order.
        grain: f64,
    },
}

/// A float, its leading 26 bits, and the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    whole: f64,
    high: f64,
    low: f64,
}

impl Exponent {
    pub(crate) fn new(power: f64) -> Self {
        /// Whatever is below 1 to that power is 0, and products with it are finite.
        const LARGEST: f64 = 1e40;
        let whole = power.min(LARGEST);
        let high = trimmed(whole);
        let split = Split { whole, high, low: whole - high };
        match power {
            0.5 => Self::Half,
            1.0 => Self::One,
            2.0 => Self::Two,
            3.0 => Self::Three,
            ..2.0 => Self::Gentle(split),
            _ => {
                // Only the order of magnitude matters.
                let quantum = f64::EPSILON / 8.0 / whole;
                let quantum = f64::from_bits(quantum.to_bits() >> 52 << 52);
                Self::Other { power: split, grain: quantum * super::TO_WHOLE }
            }
        }
    }
}

/// u², for a u that is one float.
#[inline(always)]
pub(crate) fn square(u: f64) -> f64 {
    u * u
}

/// u³.
#[inline(always)]
pub(crate) fn cube((u, low): (f64, f64)) -> f64 {
    let (square, rest) = product(u, u);
    let rest = rest + 2.0 * u * low;
    let (cube, cube_rest) = product(square, u);
    cube + (cube_rest + (rest * u + square * low))
}

/// u^p = 2^(p·log₂u) for p up to 2, and u that is one float.
#[inline(always)]
pub(crate) fn gentle(u: f64, power: Split) -> f64 {
    raised(u, log2_short(u), power)
}

/// u^p for any p, see [`Exponent::Other`].
#[inline(always)]
pub(crate) fn general((u, u_low): (f64, f64), power: Split, grain: f64) -> f64 {
    raised(u, log2(u, u_low, grain), power)
}

#[inline(always)]
fn raised(u: f64, (log, log_low): (f64, f64), power: Split) -> f64 {
    let y = log * power.high;
    let y_low = log * power.low + log_low * power.whole;
    let inside = y > -EXPONENT_LIMIT;
    let (y, y_low) = (if inside { y } else { -EXPONENT_LIMIT }, if inside { y_low } else { 0.0 });
    let value = exp2(y, y_low);
    if u > 0.0 { value } else { 0.0 }
}

/// A product and what its rounding left out, but for 2^-106 of it.
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let (a_high, b_high) = (trimmed(a), trimmed(b));
    let (a_low, b_low) = (a - a_high, b - b_high);
    let rest = (a_high * b_high - product) + a_high * b_low + a_low * b_high;
    (product, rest + a_low * b_low)
}

/// γ^n for whole n, each within one ulp while it is a normal number.
///
/// A table for each digit of n to the base 64; the entries are multiplied.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    digits: Vec<[Double; RADIX]>,
    /// The power that belongs to the first digit without a table: 0, 1 or infinity, which are
    /// powers of themselves.
    settled: Double,
}

const RADIX: usize = 64;
const DIGIT_BITS: u32 = RADIX.trailing_zeros();

impl Levels {
    pub(crate) fn new(gamma: f64) -> Self {
        let mut digits = Vec::new();
        let mut unit = Double::from(gamma);
        while unit.rounded() * unit.rounded() != unit.rounded() {
            let mut power = Double::from(1.0);
            digits.push(std::array::from_fn(|_| {
                let entry = power;
                power = power * unit;
                entry
            }));
            unit = power;
        }
        Self { digits, settled: unit }
    }

    /// γ^n. From 2^64 on n counts as the last number before it: all levels have settled there.
    pub(crate) fn at(&self, n: f64) -> f64 {
        let mut rest = n as u64;
        let mut result = Double::from(1.0);
        for powers in &self.digits {
            let digit = rest as usize % RADIX;
            if digit > 0 {
                result = result * powers[digit];
            }
            rest >>= DIGIT_BITS;
            if rest == 0 {
                return result.rounded();
            }
        }
        (if rest > 0 { result * self.settled } else { result }).rounded()
    }

    /// γ^0, γ^1, … γ^count.
    pub(crate) fn up_to(&self, count: usize) -> Vec<f64> {
        (0..=count).map(|n| self.at(n as f64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_exact_where_they_can_be() {
        let at = |gamma, n| Levels::new(gamma).at(n);
        assert_eq!(at(3.0, 33.0), 5_559_060_566_555_523.0);
        assert_eq!(at(0.1, 1.0), 0.1);
        assert_eq!(at(0.1, 3.0), 1.0000000000000002e-3);
        assert_eq!(at(0.0, 0.0), 1.0);
        assert_eq!(at(0.0, 5.0), 0.0);
        assert_eq!(at(2.0, 1023.0), 2f64.powi(1023));
        assert_eq!(at(2.0, 1e300), f64::INFINITY);
        assert_eq!(at(1.0, 1e300), 1.0);
        assert_eq!(at(0.5, 1e300), 0.0);
        assert_eq!(at(1.0 - f64::EPSILON / 2.0, 1e300), 0.0);
        for n in 0..1075 {
            assert_eq!(at(0.5, f64::from(n)), exp2(f64::from(-n), 0.0), "{n}");
        }
    }

    #[test]
    fn powers_of_one_and_zero_are_exact() {
        for power in [1e-3, 0.37, 0.5, 1.0, 2.0, 3.0, 7.3, 1e300] {
            let at = |u| match Exponent::new(power) {
                Exponent::Half => f64::sqrt(u),
                Exponent::One => u,
                Exponent::Two => square(u),
                Exponent::Three => cube((u, 0.0)),
                Exponent::Gentle(power) => gentle(u, power),
                Exponent::Other { power, grain } => general((u, 0.0), power, grain),
            };
            assert_eq!(at(0.0), 0.0);
            assert_eq!(at(1.0), 1.0);
            assert_eq!(at(0.25), 0.25f64.powf(power));
        }
    }
}
