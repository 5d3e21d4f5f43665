//! Powers: of what is left of a decay, and of a factor that is applied over and over.

use super::exp::EXPONENT_LIMIT;
use super::{Double, exp2, log2, trimmed};

/// The exponent p of a polynomial decay.
///
/// The base is u = high + low in [0, 1], a sum of two floats: u^p multiplies relative errors by p.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exponent {
    /// The usual powers are rounded but once.
    Half,
    One,
    Two,
    Three,
    /// u^p = 2^(p·log₂u).
    Other {
        high: f64,
        low: f64,
        power: f64,
        /// Leaves to u the digits of which one changes u^p by 2^-55, not more: then steps of u^p
        /// are larger than its errors, and values keep their order.
        grain: f64,
    },
}

impl Exponent {
    pub(crate) fn new(power: f64) -> Self {
        /// Whatever is below 1 to that power is 0, and products with it are finite.
        const LARGEST: f64 = 1e40;
        match power {
            0.5 => Self::Half,
            1.0 => Self::One,
            2.0 => Self::Two,
            3.0 => Self::Three,
            _ => {
                let power = power.min(LARGEST);
                let high = trimmed(power);
                // 2^-53 at most, the ulp of a mantissa. Only the order of magnitude matters.
                let quantum = (f64::EPSILON / 8.0 / power).min(f64::EPSILON / 2.0);
                let quantum = f64::from_bits(quantum.to_bits() >> 52 << 52);
                Self::Other { high, low: power - high, power, grain: quantum * super::TO_WHOLE }
            }
        }
    }
}

/// u².
#[inline(always)]
pub(crate) fn square((u, low): (f64, f64)) -> f64 {
    let (square, rest) = squared(u);
    square + (rest + 2.0 * u * low)
}

/// u³.
#[inline(always)]
pub(crate) fn cube((u, low): (f64, f64)) -> f64 {
    let (square, rest) = squared(u);
    let rest = rest + 2.0 * u * low;
    let (cube, cube_rest) = product(square, u);
    cube + (cube_rest + (rest * u + square * low))
}

/// √u, by one step of Newton's from the root of the first part.
#[inline(always)]
pub(crate) fn root((u, low): (f64, f64)) -> f64 {
    let root = u.sqrt();
    let (square, rest) = squared(root);
    let step = ((u - square) - rest + low) * (0.5 / root);
    if u > 0.0 { root + step } else { 0.0 }
}

/// u^p for the parts of p, see [`Exponent::Other`].
#[inline(always)]
pub(crate) fn general((u, u_low): (f64, f64), high: f64, low: f64, power: f64, grain: f64) -> f64 {
    let (log, log_low) = log2(u, u_low, grain);
    let y = log * high;
    let y_low = log * low + log_low * power;
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

/// The same of a square.
#[inline(always)]
fn squared(a: f64) -> (f64, f64) {
    product(a, a)
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
                Exponent::Half => root((u, 0.0)),
                Exponent::One => u,
                Exponent::Two => square((u, 0.0)),
                Exponent::Three => cube((u, 0.0)),
                Exponent::Other { high, low, power, grain } => {
                    general((u, 0.0), high, low, power, grain)
                }
            };
            assert_eq!(at(0.0), 0.0);
            assert_eq!(at(1.0), 1.0);
            assert_eq!(at(0.25), 0.25f64.powf(power));
        }
    }
}
