//! Elementary functions, under names of their own.
//!
//! Plain IEEE operations in one fixed order, so that a value has the same bits alone and among a
//! million others. The platform's library is called in [`power`], and for a guess that is corrected.

/// π^2k / (2·(2k)!) with alternating signs, k from 1: the Taylor series of sin²(½πu)/u² in u². On
/// [0, ½] the first term left out is below 2^-69 of the sum.
const SINE_SQUARED: [f64; 12] = [
    2.4674011002723395,
    -2.0293560632083842,
    0.6676313844272947,
    -0.1176653151794466,
    0.01290344569500703,
    -0.0009647871547019616,
    5.231905246242285e-05,
    -2.1515347935164736e-06,
    6.939476231106886e-08,
    -1.8023653987312506e-09,
    3.850353565300677e-11,
    -6.884323640188707e-13,
];

/// What the first term's float lacks.
const SINE_SQUARED_LOW: f64 = 1.5663238771849278e-16;

/// sin²(½πu) for u in [0, 1]: half a cosine, from 0 at 0 to 1 at 1, exact at both ends and at ½.
///
/// The series keeps every digit where u is small, near the end of a decay, where
/// (1 + cos πx)/2 would lose them; beyond ½ the reflection keeps it short. Both products keep what
/// they round off, so that neighbouring values come out in order.
#[inline(always)]
pub(crate) fn sin_squared_half_pi(u: f64) -> f64 {
    let m = u.min(1.0 - u);
    let (x, x_low) = product(m, m);
    let mut series = SINE_SQUARED[11];
    for k in (1..11).rev() {
        series = series * x + SINE_SQUARED[k];
    }
    series = SINE_SQUARED[0] + (series * x + SINE_SQUARED_LOW);
    let (square, square_low) = product(x, series);
    let square = square + (square_low + x_low * series);
    if u <= 0.5 { square } else { 1.0 - square }
}

/// base^exponent for base ≥ 0. The usual powers of a polynomial decay are as exact as one or two
/// roundings allow.
#[inline(always)]
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    match exponent {
        0.5 => base.sqrt(),
        1.0 => base,
        2.0 => base * base,
        3.0 => base * base * base,
        _ => base.powf(exponent),
    }
}

/// base^exponent for a whole exponent ≥ 0, by repeated squaring in twice the precision: within
/// one ulp as long as the result is a normal number.
pub(crate) fn whole_power(base: f64, exponent: f64) -> f64 {
    let mut remaining = exponent as u64; // beyond 2^64 saturates: the power has long settled
    let mut square = Double::from(base);
    let mut result = Double::from(1.0);
    while remaining > 0 {
        if remaining & 1 == 1 {
            result = result * square;
        }
        remaining >>= 1;
        if remaining > 0 {
            square = square * square;
        }
    }
    result.rounded()
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

/// ln(1 + x), of which only the first digits matter: a first guess, corrected by its user.
pub(crate) fn ln_1p_guess(x: f64) -> f64 {
    x.ln_1p()
}

/// An unevaluated sum of two floats, the second at most half an ulp of the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub(crate) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// The nearest float.
    pub(crate) fn rounded(self) -> f64 {
        self.high + self.low
    }

    /// The smallest float that is not below it.
    pub(crate) fn rounded_up(self) -> f64 {
        let nearest = self.rounded();
        if (self.high - nearest) + self.low > 0.0 { nearest.next_up() } else { nearest }
    }

    /// The nearest whole number, the smaller one of two.
    pub(crate) fn round(self) -> Self {
        let whole = Self::from(self.high.round());
        whole + Self::from(((self + -whole).rounded() - 0.5).ceil())
    }

    /// A float less half its ulp: the lower end of what it may stand for.
    pub(crate) fn below(value: f64) -> Self {
        Self { high: value, low: -ulp(value) / 2.0 }
    }

    /// The nearest pair to a sum whose second part is the smaller one.
    fn normalized(high: f64, low: f64) -> Self {
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

/// A product and what its rounding left out.
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let (a, b) = (halves(a), halves(b));
    (product, ((a.0 * b.0 - product) + a.0 * b.1 + a.1 * b.0) + a.1 * b.1)
}

/// A float as the sum of two of half the digits, whose products are exact.
#[inline(always)]
fn halves(value: f64) -> (f64, f64) {
    let scaled = value * 134_217_729.0; // 2^27 + 1
    let high = scaled - (scaled - value);
    (high, value - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_cosine_is_exact_at_its_ends() {
        assert_eq!(sin_squared_half_pi(0.0), 0.0);
        assert_eq!(sin_squared_half_pi(1.0), 1.0);
        assert_eq!(sin_squared_half_pi(0.5), 0.5);
        assert!((sin_squared_half_pi(1.0 / 3.0) - 0.25).abs() <= f64::EPSILON / 4.0);
        assert!(sin_squared_half_pi(1e-150) > 0.0);
    }

    #[test]
    fn whole_powers_are_exact_where_they_can_be() {
        assert_eq!(whole_power(3.0, 33.0), 5_559_060_566_555_523.0);
        assert_eq!(whole_power(0.1, 1.0), 0.1);
        assert_eq!(whole_power(0.1, 3.0), 1.0000000000000002e-3);
        assert_eq!(whole_power(0.0, 0.0), 1.0);
        assert_eq!(whole_power(0.0, 5.0), 0.0);
        assert_eq!(whole_power(2.0, 1023.0), 2f64.powi(1023));
        assert_eq!(whole_power(2.0, 1e300), f64::INFINITY);
        assert_eq!(whole_power(1.0, 1e300), 1.0);
        assert_eq!(whole_power(0.5, 1e300), 0.0);
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
