//! Sums of two floats, where one float is not enough.

use super::{WHOLE_FROM, floor, trimmed};

/// An unevaluated sum of two floats, the second at most half an ulp of the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub(crate) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// The two floats, whose exact sum it is.
    pub(crate) fn parts(self) -> (f64, f64) {
        (self.high, self.low)
    }

    /// Half of it, exactly.
    pub(crate) fn half(self) -> Self {
        Self { high: self.high / 2.0, low: self.low / 2.0 }
    }

    /// The nearest float.
    pub(crate) fn rounded(self) -> f64 {
        self.high + self.low
    }

    /// The smallest float that is not below it.
    pub(crate) fn rounded_up(self) -> f64 {
        let nearest = self.rounded();
        if (self.high - nearest) + self.low > 0.0 { nearest.next_up() } else { nearest }
    }

    /// The nearest whole number, the smaller one of two; of a number that is not negative.
    pub(crate) fn round(self) -> Self {
        let below = if self.high < WHOLE_FROM { floor(self.high) } else { self.high };
        let rest = (self + -Self::from(below)).rounded();
        let step = f64::from(rest > 0.5) + f64::from(rest > 1.5) - f64::from(rest <= -0.5);
        Self::from(below) + Self::from(step)
    }

    /// A float minus half its ulp: the lower end of the numbers that it may stand for.
    pub(crate) fn below(value: f64) -> Self {
        Self { high: value, low: -ulp(value) / 2.0 }
    }

    /// The nearest pair to a sum whose second part is the smaller one.
    pub(crate) fn normalized(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self { high: sum, low: low - (sum - high) }
    }
}

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

impl From<i64> for Double {
    fn from(value: i64) -> Self {
        let high = value as f64;
        // The cast back saturates at 2^63, which no count reaches.
        Self { high, low: (i128::from(value) - high as i128) as f64 }
    }
}

impl std::ops::Neg for Double {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl std::ops::Div for Double {
    type Output = Self;

    fn div(self, divisor: Self) -> Self {
        let first = self.high / divisor.high;
        let rest = self + -(divisor * Self::from(first));
        let second = rest.high / divisor.high;
        if second.is_finite() { Self::normalized(first, second) } else { Self::from(first) }
    }
}

impl std::ops::Add for Double {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sum = self.high + other.high;
        let shadow = sum - self.high;
        let error = (self.high - (sum - shadow)) + (other.high - shadow);
        Self::normalized(sum, error + (self.low + other.low))
    }
}

impl std::ops::Mul for Double {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        /// Where splitting a factor in halves comes near to overflow.
        const HUGE: f64 = 1e290;
        let (high, low) = product(self.high, other.high);
        if high.abs() > HUGE {
            return Self::from(high);
        }
        Self::normalized(high, low + (self.high * other.low + self.low * other.high))
    }
}

/// A product and its rounding error.
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let (a, b) = (halves(a), halves(b));
    (product, ((a.0 * b.0 - product) + a.0 * b.1 + a.1 * b.0) + a.1 * b.1)
}

/// A quotient of sums of two floats, the first of which is its nearest float. `inverse` is 1/divisor,
/// or 0 where that leaves the range of floats.
#[inline(always)]
pub(crate) fn ratio(
    (dividend, dividend_low): (f64, f64),
    (divisor, divisor_low): (f64, f64),
    inverse: f64,
) -> (f64, f64) {
    let quotient = dividend / divisor;
    // What the division left over, divided once more.
    let (high, divisor_high) = (trimmed(quotient), trimmed(divisor));
    let (low, divisor_rest) = (quotient - high, divisor - divisor_high);
    let rest = (dividend - high * divisor_high) - high * divisor_rest - low * divisor_high;
    let rest = (rest - low * divisor_rest) + (dividend_low - quotient * divisor_low);
    let more = rest * inverse;
    let nearest = quotient + more;
    (nearest, more - (nearest - quotient))
}

/// A difference of two floats and what its rounding left out.
#[inline(always)]
pub(crate) fn difference(a: f64, b: f64) -> (f64, f64) {
    let difference = a - b;
    let shadow = difference - a;
    (difference, (a - (difference - shadow)) - (b + shadow))
}

/// Squares of parts of a length, times a/length².
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerSquare {
    /// A power of two that keeps squares in the range of floats.
    unit: f64,
    scale: f64,
    /// What the float of the scale lacks, relative to it.
    lost: f64,
}

impl PerSquare {
    #[inline(always)]
    pub(crate) fn new((a, a_low): (f64, f64), length: f64) -> Self {
        let unit = f64::from_bits((2046_u64.wrapping_sub(length.to_bits() >> 52)) << 52);
        let scaled = length * unit;
        let (square, square_low) = super::product(scaled, scaled);
        let scale = a / square;
        let (whole, rest) = super::product(scale, square);
        let lost = (((a - whole) - rest) + (a_low - scale * square_low)) / a;
        Self { unit, scale, lost }
    }

    /// The same with the nearest float for a scale.
    #[inline(always)]
    pub(crate) fn nearest(a: f64, length: f64) -> Self {
        let Self { unit, scale, lost } = Self::new((a, 0.0), length);
        Self { unit, scale: scale + scale * lost, lost: 0.0 }
    }

    /// Rounded by each of two products.
    #[inline(always)]
    pub(crate) fn of(self, part: f64) -> f64 {
        let part = part * self.unit;
        part * part * self.scale
    }

    /// What that leaves out, as the scale is rounded.
    #[inline(always)]
    pub(crate) fn rest(self, part: f64) -> f64 {
        self.of(part) * self.lost
    }

    /// What a second part adds to it.
    #[inline(always)]
    pub(crate) fn cross(self, part: f64, low: f64) -> f64 {
        2.0 * (part * self.unit) * (low * self.unit) * self.scale
    }
}

/// A float as the sum of two of half the digits, whose products are exact.
#[inline(always)]
fn halves(value: f64) -> (f64, f64) {
    let scaled = value * 134_217_729.0; // 2^27 + 1
    let high = scaled - (scaled - value);
    (high, value - high)
}

/// The sum 1 + r + … + r^(n−1) and the power r^n, in twice the precision: exact while whole and
/// below 2^106.
pub(crate) fn geometric(ratio: Double, terms: u64) -> (Double, Double) {
    let one = Double::from(1.0);
    let (mut sum, mut power) = (Double::from(0.0), one);
    for bit in (0..u64::BITS - terms.leading_zeros()).rev() {
        sum = sum * (power + one);
        power = power * power;
        if terms >> bit & 1 == 1 {
            sum = sum * ratio + one;
            power = power * ratio;
        }
    }
    (sum, power)
}

/// The distance from a positive float to the next larger one.
pub(crate) fn ulp(value: f64) -> f64 {
    value.next_up() - value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_found_on_either_side() {
        let near = |high: f64, low: f64| (Double::from(high) + Double::from(low)).round().rounded();
        for n in [0.0, 1.0, 2.0, 1e9, 1e15] {
            assert_eq!(near(n, 0.0), n);
            assert_eq!(near(n + 0.5, 0.0), n);
            assert_eq!(near(n + 0.5, 1e-10), n + 1.0);
            assert_eq!(near(n + 0.5, -1e-10), n);
            assert_eq!(near(n + 1.0, -1e-10), n + 1.0);
        }
        assert_eq!(near(1e17, 0.5), 1e17);
        assert_eq!(near(1e17, 7.5001), 100_000_000_000_000_008.0);
    }

    #[test]
    fn the_lower_end_of_a_float_is_half_an_ulp_below() {
        for value in [1.0, 1.1, 3.0, 1e9] {
            let back = Double::below(value) + Double::from(ulp(value) / 2.0);
            assert_eq!(back.parts(), (value, 0.0));
        }
    }

    #[test]
    fn quotients_of_counts_are_rounded_once() {
        let third = Double::from(1_i64) / Double::from(3_i64);
        assert_eq!(third.rounded(), 1.0 / 3.0);
        assert_eq!((Double::from(3_i64) * Double::from(0.1) / Double::from(3_i64)).rounded(), 0.1);
        assert_eq!(Double::from(i64::MAX).rounded(), 9_223_372_036_854_775_807.0);
        assert!(third.rounded_up() > third.rounded());
    }

    #[test]
    fn geometric_sums_are_exact() {
        assert_eq!(geometric(Double::from(3.0), 5).0.rounded(), 121.0);
        assert_eq!(geometric(Double::from(3.0), 5).1.rounded(), 243.0);
        assert_eq!(geometric(Double::from(1.0), 1_000_003).0.rounded(), 1_000_003.0);
        assert_eq!(geometric(Double::from(1.5), 4).0.rounded(), 8.125);
        assert_eq!(geometric(Double::from(2.0), 0).0.rounded(), 0.0);
    }
}
