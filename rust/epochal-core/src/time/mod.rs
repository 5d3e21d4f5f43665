//! Time values and their arithmetic.

pub(crate) mod count;
mod parse;
pub(crate) mod timestamp;
pub(crate) mod unit;

use crate::error::{Error, Kind, Result};
use crate::time::count::{ratio, scale, unscale};
use crate::time::unit::{Counter, Unit};
use std::cmp::Ordering;
use std::fmt;

/// A value and a unit: a whole number on a clock, or a fraction of the run.
///
/// Knows no run: `"1dur"` and `"5ep"` get a length only when a schedule is resolved. Two times
/// can be added or compared only in one unit. Counts are exact and lie within ±(2^63 − 1);
/// where a float meets a count, the count rule decides: the product is the whole number that
/// the float's precision allows, or is truncated toward zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    /// A whole number on a clock.
    Count(i64, Counter),
    /// A finite fraction of the run.
    Duration(f64),
}

/// The result of a floor division, a whole number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whole {
    /// Of two counts.
    Int(i64),
    /// Of two fractions: a float without a fractional part, infinite if it overflowed.
    Float(f64),
}

impl Time {
    /// An integer in a unit.
    pub fn from_int(value: i64, unit: Unit) -> Result<Self> {
        match unit {
            Unit::Counter(_) if value == i64::MIN => Err(Error::overflow(value)),
            Unit::Counter(clock) => Ok(Self::Count(value, clock)),
            Unit::Duration => Ok(Self::Duration(value as f64)),
        }
    }

    /// A fraction of the run.
    pub fn from_fraction(value: f64) -> Result<Self> {
        if value.is_finite() { Ok(Self::Duration(value)) } else { Err(Error::overflow(value)) }
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        match self {
            Self::Count(_, clock) => clock.unit(),
            Self::Duration(_) => Unit::Duration,
        }
    }

    /// Whether the value is below, at or above zero.
    pub fn sign(self) -> Ordering {
        match self {
            Self::Count(value, _) => value.cmp(&0),
            Self::Duration(value) => order(value, 0.0),
        }
    }

    /// The order of two times of one unit.
    pub fn compare(self, other: Self) -> Result<Ordering> {
        match (self, other) {
            (Self::Count(a, x), Self::Count(b, y)) if x == y => Ok(a.cmp(&b)),
            (Self::Duration(a), Self::Duration(b)) => Ok(order(a, b)),
            _ => Err(self.mismatch("compare", "with", other)),
        }
    }

    /// `self + other`, in one unit.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        match (self, other) {
            (Self::Count(a, x), Self::Count(b, y)) if x == y => {
                self.counted(a.checked_add(b), "+", other)
            }
            (Self::Duration(a), Self::Duration(b)) => Self::from_fraction(a + b),
            _ => Err(self.mismatch("add", "and", other)),
        }
    }

    /// `self - other`, in one unit.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        match (self, other) {
            (Self::Count(a, x), Self::Count(b, y)) if x == y => {
                self.counted(a.checked_sub(b), "-", other)
            }
            (Self::Duration(a), Self::Duration(b)) => Self::from_fraction(a - b),
            _ => Err(self.mismatch("subtract", "and", other)),
        }
    }

    /// `self / other` in one unit: a fraction, correctly rounded.
    pub fn checked_div(self, other: Self) -> Result<Self> {
        match (self, other) {
            (Self::Count(_, x), Self::Count(0, y)) if x == y => Err(self.zero_division()),
            (Self::Count(a, x), Self::Count(b, y)) if x == y => Ok(Self::Duration(ratio(a, b))),
            (Self::Duration(_), Self::Duration(0.0)) => Err(self.zero_division()),
            (Self::Duration(a), Self::Duration(b)) => Self::from_fraction(a / b),
            _ => Err(self.mismatch("divide", "by", other)),
        }
    }

    /// `self // other` and `self % other` in one unit. The remainder has the sign of the divisor.
    pub fn div_rem(self, other: Self) -> Result<(Whole, Self)> {
        match (self, other) {
            (Self::Count(_, x), Self::Count(0, y)) if x == y => Err(self.zero_division()),
            (Self::Count(a, x), Self::Count(b, y)) if x == y => {
                let (quotient, remainder) = floor_div_rem(a, b);
                Ok((Whole::Int(quotient), Self::Count(remainder, x)))
            }
            (Self::Duration(_), Self::Duration(0.0)) => Err(self.zero_division()),
            (Self::Duration(a), Self::Duration(b)) => {
                let (quotient, remainder) = float_floor_div_rem(a, b);
                Ok((Whole::Float(quotient), Self::Duration(remainder)))
            }
            _ => Err(self.mismatch("divide", "by", other)),
        }
    }

    /// `self × factor`: exact.
    pub fn mul_int(self, factor: i64) -> Result<Self> {
        match self {
            Self::Count(value, _) => self.counted(value.checked_mul(factor), "*", factor),
            Self::Duration(value) => Self::from_fraction(value * factor as f64),
        }
    }

    /// `self × factor`, by the count rule.
    pub fn mul_float(self, factor: f64) -> Result<Self> {
        match self {
            Self::Count(value, clock) => Ok(Self::Count(scale(value, factor, 1)?.value(), clock)),
            Self::Duration(_) if !factor.is_finite() => Err(Error::overflow(factor)),
            Self::Duration(value) => Self::from_fraction(value * factor),
        }
    }

    /// `self × other`, one of which is a fraction.
    pub fn checked_mul(self, other: Self) -> Result<Self> {
        match (self, other) {
            (time, Self::Duration(factor)) | (Self::Duration(factor), time) => {
                time.mul_float(factor)
            }
            _ => Err(Error::new(
                Kind::Unit,
                format!(
                    "cannot multiply '{self}' by '{other}': one factor must be a number or a 'dur'"
                ),
            )),
        }
    }

    /// `self / divisor`: exact, truncated toward zero.
    pub fn div_int(self, divisor: i64) -> Result<Self> {
        match self {
            _ if divisor == 0 => Err(self.zero_division()),
            Self::Count(value, _) => self.counted(value.checked_div(divisor), "/", divisor),
            Self::Duration(value) => Self::from_fraction(value / divisor as f64),
        }
    }

    /// `self / divisor`, by the count rule.
    pub fn div_float(self, divisor: f64) -> Result<Self> {
        match self {
            _ if divisor == 0.0 => Err(self.zero_division()),
            Self::Count(value, clock) => Ok(Self::Count(unscale(value, divisor)?.value(), clock)),
            Self::Duration(_) if !divisor.is_finite() => Err(Error::overflow(divisor)),
            Self::Duration(value) => Self::from_fraction(value / divisor),
        }
    }

    /// `self // divisor`: keeps the unit, rounded down.
    pub fn floor_div_int(self, divisor: i64) -> Result<Self> {
        match self {
            _ if divisor == 0 => Err(self.zero_division()),
            Self::Count(value, clock) => Ok(Self::Count(floor_div_rem(value, divisor).0, clock)),
            Self::Duration(value) => {
                Self::from_fraction(float_floor_div_rem(value, divisor as f64).0)
            }
        }
    }

    /// `-self`.
    pub fn negated(self) -> Self {
        match self {
            Self::Count(value, clock) => Self::Count(-value, clock),
            Self::Duration(value) => Self::Duration(-value),
        }
    }

    /// `|self|`.
    pub fn abs(self) -> Self {
        match self {
            Self::Count(value, clock) => Self::Count(value.abs(), clock),
            Self::Duration(value) => Self::Duration(value.abs()),
        }
    }

    /// The time as a float: a count correctly rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Count(value, _) => value as f64,
            Self::Duration(value) => value,
        }
    }

    /// A count that results from `self` and an operand, unless it overflowed.
    fn counted(
        self,
        value: Option<i64>,
        operator: &str,
        operand: impl fmt::Display,
    ) -> Result<Self> {
        match value {
            Some(value) if value != i64::MIN => Self::from_int(value, self.unit()),
            _ => Err(Error::overflow(format_args!("{self} {operator} {operand}"))),
        }
    }

    fn mismatch(self, verb: &str, and: &str, other: Self) -> Error {
        Error::new(
            Kind::Unit,
            format!(
                "cannot {verb} '{self}' {and} '{other}': their units differ; Run.convert converts"
            ),
        )
    }

    fn zero_division(self) -> Error {
        Error::new(Kind::ZeroDivision, format!("cannot divide '{self}' by zero"))
    }
}

/// Prints the time string that parses back to this time.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(value, clock) => write!(f, "{value}{clock}"),
            // The shortest digits that give the float back; Debug turns to exponents in time to
            // keep the string short.
            Self::Duration(value) => {
                let digits = format!("{value:?}");
                write!(f, "{}{}", digits.strip_suffix(".0").unwrap_or(&digits), Unit::Duration)
            }
        }
    }
}

/// The order of two finite floats.
fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Quotient rounded down and remainder with the divisor's sign. Neither is zero divided nor
/// `i64::MIN` here, so nothing overflows.
fn floor_div_rem(a: i64, b: i64) -> (i64, i64) {
    let (quotient, remainder) = (a / b, a % b);
    if remainder != 0 && (remainder < 0) != (b < 0) {
        (quotient - 1, remainder + b)
    } else {
        (quotient, remainder)
    }
}

/// As Python does it for floats: the exact remainder first, then the quotient it leaves.
fn float_floor_div_rem(a: f64, b: f64) -> (f64, f64) {
    let mut remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder == 0.0 {
        remainder = remainder.copysign(b);
    } else if (remainder < 0.0) != (b < 0.0) {
        remainder += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (quotient.copysign(a / b), remainder);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn arithmetic_keeps_to_one_unit() {
        assert_eq!(time("5ep").checked_add(time("2ep")), Ok(time("7ep")));
        assert_eq!(time("5ep").checked_add(time("2ba")).unwrap_err().kind(), Kind::Unit);
        assert_eq!(time("100ba").checked_mul(time("0.29dur")), Ok(time("29ba")));
        assert_eq!(
            time("1ep").checked_div(time("3ep")).unwrap().checked_mul(time("3ep")),
            Ok(time("1ep"))
        );
        assert_eq!(time("7ep").div_int(-2), Ok(time("-3ep")));
        assert_eq!(time("7ep").floor_div_int(-2), Ok(time("-4ep")));
        assert_eq!(time("-7ep").div_rem(time("2ep")), Ok((Whole::Int(-4), time("1ep"))));
        assert_eq!(
            time("1dur").div_rem(time("0.1dur")),
            Ok((Whole::Float(9.0), Time::Duration(1.0 % 0.1)))
        );
        assert_eq!(
            time("9223372036854775807tok").checked_add(time("1tok")).unwrap_err().kind(),
            Kind::Overflow
        );
        assert_eq!(
            time("-9223372036854775807tok").checked_sub(time("1tok")).unwrap_err().kind(),
            Kind::Overflow
        );
        assert_eq!(time("1tok").div_int(0).unwrap_err().kind(), Kind::ZeroDivision);
    }

    #[test]
    fn what_is_printed_parses_back() {
        for (text, shown) in [
            (" 5 EP", "5ep"),
            ("90m", "5400sec"),
            ("1.0dur", "1dur"),
            ("-0.3dur", "-0.3dur"),
            ("1e300dur", "1e300dur"),
            ("5e-324dur", "5e-324dur"),
            ("1.7976931348623157e308dur", "1.7976931348623157e308dur"),
        ] {
            assert_eq!(time(text).to_string(), shown);
            assert_eq!(time(shown), time(text));
        }
    }
}
