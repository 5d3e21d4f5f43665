//! Half a cosine: the fall of an annealing.

use super::{PerSquare, polynomial, product, smaller};

/// π²/4: its float, and the rest.
const QUARTER_PI_SQUARED: f64 = 2.4674011002723395;
const QUARTER_PI_SQUARED_LOW: f64 = 1.5663238771849278e-16;

/// sin²θ = y + y²·(…) for y = θ² in [0, (π/4)²]: a polynomial in y, in error by at most 2^-62 of
/// the sum.
const SINE_SQUARED: [f64; 8] = [
    -0.3333333333333333,
    0.04444444444444442,
    -0.003174603174602221,
    0.0001410934744144361,
    -4.275559752268581e-06,
    9.396807493754978e-08,
    -1.565615037505184e-09,
    1.9947373164936045e-11,
];

/// sin²(½πu) for u = left/span, where `left` and `passed` add up to the span: from 1 where
/// nothing has passed to 0 where nothing is left, and ½ where they are equal. In two stages:
/// `half_cosine(smaller_part(…))`.
///
/// The function is computed from the smaller part. So every digit is kept near the end, where
/// (1 + cos πx)/2 would lose them, and near the start. Each operation is a rounded monotone function
/// of the one before, so values are in the order of their times.
#[inline(always)]
pub(crate) fn half_cosine(part: f64) -> f64 {
    let x = part * part;
    let lower = sine_squared(x * QUARTER_PI_SQUARED, x * QUARTER_PI_SQUARED_LOW);
    if part.to_bits() >> 63 == 0 { lower } else { 1.0 - lower }
}

/// The smaller of two parts of a span, relative to it. It has a minus sign if it is the part that
/// has passed.
#[inline(always)]
pub(crate) fn smaller_part(left: f64, passed: f64, span: f64) -> f64 {
    let part = smaller(left, passed) / span;
    // Not -part, which would be -0 where nothing has passed.
    part.copysign(if left < passed { 1.0 } else { -1.0 })
}

/// sin²(½πx) for the distances that add up to a span, x being passed/span. What the span alone
/// decides is known before, so there is no division and one rounding less than in [`half_cosine`];
/// but the middle may be an ulp beside ½.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arch {
    per_square: PerSquare,
}

impl Arch {
    #[inline(always)]
    pub(crate) fn over(span: f64) -> Self {
        Self { per_square: PerSquare::new((QUARTER_PI_SQUARED, QUARTER_PI_SQUARED_LOW), span) }
    }

    /// The smaller distance; with a minus sign unless it is what has passed.
    #[inline(always)]
    pub(crate) fn part(self, (passed, left): (f64, f64)) -> f64 {
        smaller(passed, left).copysign(if passed < left { 1.0 } else { -1.0 })
    }

    #[inline(always)]
    pub(crate) fn at(self, part: f64) -> f64 {
        let y = self.per_square.of(part);
        let lower = sine_squared(y, y * self.per_square.lost);
        if part.to_bits() >> 63 == 0 { lower } else { 1.0 - lower }
    }
}

/// The same for a u of two parts: rounded where values must keep their order, and nowhere else.
#[inline(always)]
pub(crate) fn half_cosine_exactly((u, u_low): (f64, f64)) -> f64 {
    let is_lower = u < 0.5;
    let (part, part_low) =
        (if is_lower { u } else { 1.0 - u }, if is_lower { u_low } else { -u_low });
    let (x, rest) = product(part, part);
    let x_low = rest + 2.0 * part * part_low;
    let (y, rest) = product(x, QUARTER_PI_SQUARED);
    let y = y + (rest + (x_low * QUARTER_PI_SQUARED + x * QUARTER_PI_SQUARED_LOW));
    let lower = sine_squared(y, 0.0);
    if is_lower { lower } else { 1.0 - lower }
}

/// sin²θ for θ² = y + low, up to ½.
#[inline(always)]
fn sine_squared(y: f64, low: f64) -> f64 {
    let curved = (y * y) * polynomial(&SINE_SQUARED, y);
    // Rounding may put the middle an ulp above ½, and the other half begins there.
    smaller(y + (curved + low), 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_ends_and_its_middle_are_exact() {
        for span in [1.0, 2.0, 3.0, 7.0, 1e9, 1e-9] {
            let at = |left, passed| half_cosine(smaller_part(left, passed, span));
            assert_eq!(at(0.0, span), 0.0);
            assert_eq!([at(span, 0.0), at(span, -0.0)], [1.0, 1.0]);
            assert_eq!(at(span / 2.0, span / 2.0), 0.5);
        }
        assert!((half_cosine(1.0 / 3.0) - 0.25).abs() <= f64::EPSILON / 4.0);
        assert!(half_cosine(1e-150) > 0.0);
        assert_eq!([0.0, 0.5, 1.0].map(|u| half_cosine_exactly((u, 0.0))), [0.0, 0.5, 1.0]);
    }
}
