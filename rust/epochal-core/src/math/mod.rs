//! Elementary functions of our own.
//!
//! Plain IEEE operations in one fixed order: no fused multiply-add, no call into the platform's
//! library. So a value has the same bits alone and among a million others, on every CPU. No branch
//! depends on a value, and integers wrap, so that the compiler can keep several values in one
//! register.
#![allow(clippy::needless_range_loop)] // a lane belongs to several arrays

mod double;
mod ease;
mod exp;
mod log;
mod power;
mod quotient;
mod root;
mod sine;

pub(crate) use double::{Double, PerSquare, difference, geometric, ratio, ulp};
pub use ease::Ease;
pub(crate) use ease::{one_minus_sqrt, rex};
pub(crate) use exp::{Exponential, Stage, exp2_minus_1, exp2_times};
pub(crate) use log::log2_of;
pub(crate) use power::{Exponent, Powers, Stages, cube, square, square_exactly};
pub(crate) use quotient::{quotient, short_inverse};
pub(crate) use root::inverse_root;
pub(crate) use sine::{Arch, half_cosine, half_cosine_exactly, smaller_part};

/// 1.5·2^52. A float of up to 2^51 that is added to it becomes whole, rounded to nearest.
const TO_WHOLE: f64 = 6_755_399_441_055_744.0;

/// 2^52: from here on every float is whole.
pub(crate) const WHOLE_FROM: f64 = 4_503_599_627_370_496.0;

/// The number of values that go through the stages of a long function together.
pub(crate) const LANES: usize = 32;
pub(crate) type Lanes = [f64; LANES];
pub(crate) const NONE: Lanes = [0.0; LANES];

/// The leading 26 bits of a float. A product of two such is exact.
#[inline(always)]
pub(crate) fn trimmed(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & !((1 << 27) - 1))
}

/// A product and its rounding error, up to 2^-106 of the product.
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let (a_high, b_high) = (trimmed(a), trimmed(b));
    let (a_low, b_low) = (a - a_high, b - b_high);
    let rest = (a_high * b_high - product) + a_high * b_low + a_low * b_high;
    (product, rest + a_low * b_low)
}

/// The largest whole number that is not above a value in [0, 2^52).
#[inline(always)]
pub(crate) fn floor(value: f64) -> f64 {
    let nearest = (value + WHOLE_FROM) - WHOLE_FROM;
    if nearest > value { nearest - 1.0 } else { nearest }
}

/// c₀ + c₁x + … + c₇x⁷, in pairs: the CPU waits for fewer results than along one chain.
#[inline(always)]
fn polynomial(c: &[f64; 8], x: f64) -> f64 {
    let square = x * x;
    let (low, middle) = (c[0] + c[1] * x, c[2] + c[3] * x);
    let (upper, top) = (c[4] + c[5] * x, c[6] + c[7] * x);
    (low + middle * square) + (upper + top * square) * (square * square)
}

/// The smaller of two numbers: one instruction, while `f64::min` also looks for NaN.
#[inline(always)]
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger of two numbers.
#[inline(always)]
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_those_of_the_library() {
        for value in [0.0, 0.3, 0.5, 0.999, 1.0, 1.5, 2.5, 1e15 + 0.5, WHOLE_FROM - 0.5] {
            for value in [value, value.next_up(), value.next_down().max(0.0)] {
                assert_eq!(floor(value), value.floor(), "{value:?}");
            }
        }
    }

    #[test]
    fn trimmed_products_are_exact() {
        let a = trimmed(1.0 / 3.0);
        assert!((1.0 / 3.0 - a).abs() < 2f64.powi(-27));
        assert_eq!(a * a / a, a);
    }
}
