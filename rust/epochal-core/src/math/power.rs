//! Powers: u^p of the remaining part of a decay, and γ^n of a factor that is applied n times.

use super::exp::{EXPONENT_LIMIT, Stage, exp2, times_power_of_2};
use super::log::{long, quotient, short, split};
use super::{Double, LANES, Lanes, NONE, product, trimmed};

/// The exponent p of a polynomial decay. The relative error of u^p is p times that of u; where that
/// matters, u is a sum of two floats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exponent {
    Half,
    One,
    Two,
    /// 2, where a rounded length has made u less exact.
    TwoExactly,
    Three,
    /// Any other up to 1.5, unless lengths are rounded.
    Gentle(Raise),
    /// Any other.
    Steep(Raise),
}

impl Exponent {
    /// `rounded`: whether a length of the decay is not exactly a float.
    pub(crate) fn new(power: f64, rounded: bool) -> Self {
        match power {
            0.5 => Self::Half,
            1.0 => Self::One,
            2.0 if rounded => Self::TwoExactly,
            2.0 => Self::Two,
            3.0 => Self::Three,
            ..1.5 if !rounded => Self::Gentle(Raise::new(power)),
            _ => Self::Steep(Raise::new(power)),
        }
    }
}

/// The intermediate results between the stages of a power, for many bases u.
#[derive(Clone, Copy)]
pub(crate) struct Stages {
    pub(crate) u: Lanes,
    pub(crate) u_low: Lanes,
    k: Lanes,
    s: Lanes,
    s_low: Lanes,
    exponent: Stage,
}

impl Stages {
    pub(crate) const EMPTY: Self =
        Self { u: NONE, u_low: NONE, k: NONE, s: NONE, s_low: NONE, exponent: Stage::EMPTY };
}

impl Stages {
    /// u^p, after the other stages.
    #[inline(always)]
    pub(crate) fn power(&self, lane: usize) -> f64 {
        within(self.u[lane], self.exponent.get(lane))
    }
}

/// u^p = 2^(p·log₂u) for u in [0, 1].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raise {
    power: f64,
    /// The leading 26 bits of p, and the rest.
    high: f64,
    low: f64,
    /// Rounds u so that its last digit changes u^p by 2^-55: steps of u^p are then larger than its
    /// errors, and values keep their order.
    grain: f64,
}

impl Raise {
    fn new(power: f64) -> Self {
        /// With this power every u below 1 gives 0, and products with it are finite.
        const LARGEST: f64 = 1e40;
        let power = power.min(LARGEST);
        let high = trimmed(power);
        // The next power of two that is not below it.
        let quantum = f64::EPSILON / 8.0 / power;
        let quantum = f64::from_bits((((quantum.to_bits() - 1) >> 52) + 1) << 52);
        Self { power, high, low: power - high, grain: quantum * super::TO_WHOLE }
    }

    /// u^p for a u that is one float, which is enough for small p.
    #[inline(always)]
    pub(crate) fn gentle(self, u: f64) -> f64 {
        let (k, m, _) = split(u);
        let (y, y_low) = self.exponent(short(k, quotient(m, 0.0)));
        within(u, exp2(y, y_low))
    }

    /// The same for many, but for the last stage.
    #[inline(always)]
    pub(crate) fn gentle_all(self, stages: &mut Stages) {
        let Stages { u, k, s, s_low, exponent, .. } = stages;
        for lane in 0..LANES {
            let m;
            (k[lane], m, _) = split(u[lane]);
            (s[lane], s_low[lane]) = quotient(m, 0.0);
        }
        for lane in 0..LANES {
            exponent.set(lane, self.exponent(short(k[lane], (s[lane], s_low[lane]))));
        }
    }

    /// u^p for a u of two parts.
    #[inline(always)]
    pub(crate) fn steep(self, (u, u_low): (f64, f64)) -> f64 {
        let (k, m, unit) = split(u);
        let (y, y_low) = self.exponent(long(k, quotient(m, self.rounded(u_low * unit))));
        within(u, exp2(y, y_low))
    }

    /// The same for many, but for the last stage.
    #[inline(always)]
    pub(crate) fn steep_all(self, stages: &mut Stages) {
        let Stages { u, u_low, k, s, s_low, exponent } = stages;
        for lane in 0..LANES {
            let (m, unit);
            (k[lane], m, unit) = split(u[lane]);
            (s[lane], s_low[lane]) = quotient(m, self.rounded(u_low[lane] * unit));
        }
        for lane in 0..LANES {
            exponent.set(lane, self.exponent(long(k[lane], (s[lane], s_low[lane]))));
        }
    }

    #[inline(always)]
    fn rounded(self, low: f64) -> f64 {
        (low + self.grain) - self.grain
    }

    /// p·log₂u
    #[inline(always)]
    fn exponent(self, (log, log_low): (f64, f64)) -> (f64, f64) {
        let y = log * self.high;
        let y_low = log * self.low + log_low * self.power;
        let inside = y > -EXPONENT_LIMIT;
        (if inside { y } else { -EXPONENT_LIMIT }, if inside { y_low } else { 0.0 })
    }
}

/// The power of u, unless u is 0, which has no logarithm.
#[inline(always)]
fn within(u: f64, power: f64) -> f64 {
    if u > 0.0 { power } else { 0.0 }
}

/// u², for a u that is one float.
#[inline(always)]
pub(crate) fn square(u: f64) -> f64 {
    u * u
}

/// u², for a u of two parts.
#[inline(always)]
pub(crate) fn square_exactly((u, low): (f64, f64)) -> f64 {
    let (square, rest) = product(u, u);
    square + (rest + 2.0 * u * low)
}

/// u³, for a u of two parts.
#[inline(always)]
pub(crate) fn cube((u, low): (f64, f64)) -> f64 {
    let (square, rest) = product(u, u);
    let rest = rest + 2.0 * u * low;
    let (cube, cube_rest) = product(square, u);
    cube + (cube_rest + (rest * u + square * low))
}

/// γ^n for whole n, each within one ulp.
///
/// A table for each digit of n to the base 64; the entries are multiplied.
#[derive(Clone, Debug)]
pub(crate) struct Powers {
    /// γ^0, γ^1, … as far as one digit leads: most numbers of steps are among them.
    first: Vec<f64>,
    digits: Vec<[Scaled; RADIX]>,
    /// The factor for digits that have no table: 0, 1 or infinity.
    settled: f64,
}

const RADIX: usize = 64;
const DIGIT_BITS: u32 = RADIX.trailing_zeros();

impl Powers {
    pub(crate) fn new(gamma: f64) -> Self {
        if gamma == 0.0 || gamma == 1.0 {
            return Self { first: vec![1.0], digits: Vec::new(), settled: gamma };
        }
        let mut digits = Vec::new();
        let mut unit = Scaled::from(gamma);
        while f64::from(unit.exponent.abs()) < EXPONENT_LIMIT {
            let mut power = Scaled::from(1.0);
            digits.push(std::array::from_fn(|_| {
                let entry = power;
                power = power * unit;
                entry
            }));
            unit = power;
        }
        let first = digits.first().map_or(vec![1.0], |powers| powers.map(Scaled::rounded).to_vec());
        Self { first, digits, settled: if gamma < 1.0 { 0.0 } else { f64::INFINITY } }
    }

    /// γ^n. For n from 2^64 on it is that of the last n before, where every power has settled.
    pub(crate) fn at(&self, n: f64) -> f64 {
        let mut rest = n as u64;
        if rest < self.first.len() as u64 {
            return self.first[rest as usize];
        }
        let mut result: Option<Scaled> = None;
        for powers in &self.digits {
            if rest == 0 {
                break;
            }
            let digit = rest as usize % RADIX;
            if digit > 0 {
                result = Some(result.map_or(powers[digit], |result| result * powers[digit]));
            }
            rest >>= DIGIT_BITS;
        }
        match result {
            Some(result) if rest == 0 => result.rounded(),
            _ => self.settled,
        }
    }

    /// γ^0, γ^1, … γ^count.
    pub(crate) fn up_to(&self, count: usize) -> Vec<f64> {
        (0..=count).map(|n| self.at(n as f64)).collect()
    }
}

/// mantissa·2^exponent: a sum of two floats that neither overflows nor loses its second part.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    /// In [1, 2].
    mantissa: Double,
    exponent: i32,
}

impl Scaled {
    fn rounded(self) -> f64 {
        let limit = EXPONENT_LIMIT as i32;
        times_power_of_2(self.mantissa.rounded(), self.exponent.clamp(-limit, limit))
    }
}

impl From<f64> for Scaled {
    fn from(value: f64) -> Self {
        /// Lifts subnormal numbers to normal ones.
        const LIFT: i32 = 54;
        let lift = if value < f64::MIN_POSITIVE { LIFT } else { 0 };
        let bits = times_power_of_2(value, lift).to_bits();
        let exponent = (bits >> 52) as i32 - 1023;
        let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1f64.to_bits());
        Self { mantissa: Double::from(mantissa), exponent: exponent - lift }
    }
}

impl std::ops::Mul for Scaled {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mantissa = self.mantissa * other.mantissa;
        let above = mantissa.rounded() >= 2.0;
        let exponent = self.exponent + other.exponent + i32::from(above);
        Self { mantissa: if above { mantissa.half() } else { mantissa }, exponent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_exact_where_they_can_be() {
        let at = |gamma, n| Powers::new(gamma).at(n);
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
            let at = |u| match Exponent::new(power, false) {
                Exponent::Half => f64::sqrt(u),
                Exponent::One => u,
                Exponent::Two | Exponent::TwoExactly => square(u),
                Exponent::Three => cube((u, 0.0)),
                Exponent::Gentle(power) => power.gentle(u),
                Exponent::Steep(power) => power.steep((u, 0.0)),
            };
            assert_eq!(at(0.0), 0.0);
            assert_eq!(at(1.0), 1.0);
            assert_eq!(at(0.25), 0.25f64.powf(power));
        }
    }
}
