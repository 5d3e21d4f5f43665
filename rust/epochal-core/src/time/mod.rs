//! Time values and their arithmetic.

pub(crate) mod count;
mod parse;
pub(crate) mod timestamp;
pub(crate) mod unit;

use crate::error::{Error, Fault, Kind, Result};
use crate::time::count::{ratio, scale, unscale};
use crate::time::unit::{Counter, Unit};
use std::cmp::Ordering;
use std::fmt;

/// A value and a unit: a whole number on a counter, or a fraction of the run.
///
/// A time knows no run: `"1dur"` and `"5ep"` get a length only when a schedule is resolved. Two
/// times can be added or compared only in one unit. Counts are exact and lie within ±(2^63 − 1);
/// where a float meets a count, the count rule decides: the product is the whole number that
/// the float's precision allows, or is truncated toward zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time(Value);

/// What a time is. Only this crate builds it, and only from values that are in range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// A whole number on a counter, not `i64::MIN`.
    Count(i64, Counter),
    /// A finite fraction of the run.
    Fraction(f64),
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
            Unit::Counter(counter) => Ok(Self::of_count(value, counter)),
            Unit::Duration => Ok(Self::of_fraction(value as f64)),
        }
    }

    /// A fraction of the run.
    pub fn from_fraction(value: f64) -> Result<Self> {
        if value.is_finite() { Ok(Self::of_fraction(value)) } else { Err(Error::overflow(value)) }
    }

    /// A count that is known to be in range.
    pub(crate) const fn of_count(value: i64, counter: Counter) -> Self {
        debug_assert!(value != i64::MIN);
        Self(Value::Count(value, counter))
    }

    /// A fraction that is known to be finite.
    pub(crate) const fn of_fraction(value: f64) -> Self {
        debug_assert!(value.is_finite());
        Self(Value::Fraction(value))
    }

    /// The value, for a `match`.
    pub(crate) const fn value(self) -> Value {
        self.0
    }

    /// The whole number and its counter, unless the time is a fraction of the run.
    pub fn count(self) -> Option<(i64, Counter)> {
        match self.0 {
            Value::Count(value, counter) => Some((value, counter)),
            Value::Fraction(_) => None,
        }
    }

    /// The fraction of the run, if the time is one.
    pub fn fraction(self) -> Option<f64> {
        match self.0 {
            Value::Count(..) => None,
            Value::Fraction(value) => Some(value),
        }
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        match self.0 {
            Value::Count(_, counter) => counter.unit(),
            Value::Fraction(_) => Unit::Duration,
        }
    }

    /// Whether the value is below, at or above zero.
    pub fn sign(self) -> Ordering {
        match self.0 {
            Value::Count(value, _) => value.cmp(&0),
            Value::Fraction(value) => order(value, 0.0),
        }
    }

    /// The order of two times of one unit.
    pub fn compare(self, other: Self) -> Result<Ordering> {
        match (self.0, other.0) {
            (Value::Count(a, x), Value::Count(b, y)) if x == y => Ok(a.cmp(&b)),
            (Value::Fraction(a), Value::Fraction(b)) => Ok(order(a, b)),
            _ => Err(self.mismatch("compare", "with", other)),
        }
    }

    /// `self + other`, in one unit.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        match (self.0, other.0) {
            (Value::Count(a, x), Value::Count(b, y)) if x == y => {
                self.counted(a.checked_add(b), "+", other)
            }
            (Value::Fraction(a), Value::Fraction(b)) => Self::from_fraction(a + b),
            _ => Err(self.mismatch("add", "and", other)),
        }
    }

    /// `self - other`, in one unit.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        match (self.0, other.0) {
            (Value::Count(a, x), Value::Count(b, y)) if x == y => {
                self.counted(a.checked_sub(b), "-", other)
            }
            (Value::Fraction(a), Value::Fraction(b)) => Self::from_fraction(a - b),
            _ => Err(other.mismatch("subtract", "from", self)),
        }
    }

    /// `self / other` in one unit: a fraction, correctly rounded.
    pub fn checked_div(self, other: Self) -> Result<Self> {
        match (self.0, other.0) {
            (Value::Count(_, x), Value::Count(0, y)) if x == y => Err(self.zero_division()),
            (Value::Count(a, x), Value::Count(b, y)) if x == y => {
                Ok(Self::of_fraction(ratio(a, b)))
            }
            (Value::Fraction(_), Value::Fraction(0.0)) => Err(self.zero_division()),
            (Value::Fraction(a), Value::Fraction(b)) => Self::from_fraction(a / b),
            _ => Err(self.mismatch("divide", "by", other)),
        }
    }

    /// `self // other` and `self % other` in one unit. The remainder has the sign of the divisor.
    pub fn div_rem(self, other: Self) -> Result<(Whole, Self)> {
        match (self.0, other.0) {
            (Value::Count(_, x), Value::Count(0, y)) if x == y => Err(self.zero_division()),
            (Value::Count(a, x), Value::Count(b, y)) if x == y => {
                let (quotient, remainder) = floor_div_rem(a, b);
                Ok((Whole::Int(quotient), Self::of_count(remainder, x)))
            }
            (Value::Fraction(_), Value::Fraction(0.0)) => Err(self.zero_division()),
            (Value::Fraction(a), Value::Fraction(b)) => {
                let (quotient, remainder) = float_floor_div_rem(a, b);
                Ok((Whole::Float(quotient), Self::of_fraction(remainder)))
            }
            _ => Err(self.mismatch("divide", "by", other)),
        }
    }

    /// `self × factor`: exact.
    pub fn mul_int(self, factor: i64) -> Result<Self> {
        match self.0 {
            Value::Count(value, _) => self.counted(value.checked_mul(factor), "*", factor),
            Value::Fraction(value) => Self::from_fraction(value * factor as f64),
        }
    }

    /// `self × factor`, by the count rule.
    pub fn mul_float(self, factor: f64) -> Result<Self> {
        match self.0 {
            Value::Count(value, counter) => {
                Ok(Self::of_count(scale(value, factor, 1)?.value(), counter))
            }
            Value::Fraction(_) if !factor.is_finite() => Err(Error::overflow(factor)),
            Value::Fraction(value) => Self::from_fraction(value * factor),
        }
    }

    /// `self × other`, one of which is a fraction.
    pub fn checked_mul(self, other: Self) -> Result<Self> {
        match (self.0, other.0) {
            (_, Value::Fraction(factor)) => self.mul_float(factor),
            (Value::Fraction(factor), _) => other.mul_float(factor),
            _ => Err(Error::argument(
                Kind::Unit,
                format!("a factor of '{self}'"),
                "a number or a 'dur'",
                format_args!("'{other}'"),
            )),
        }
    }

    /// `self / divisor`: exact, truncated toward zero.
    pub fn div_int(self, divisor: i64) -> Result<Self> {
        match self.0 {
            _ if divisor == 0 => Err(self.zero_division()),
            Value::Count(value, _) => self.counted(value.checked_div(divisor), "/", divisor),
            Value::Fraction(value) => Self::from_fraction(value / divisor as f64),
        }
    }

    /// `self / divisor`, by the count rule.
    pub fn div_float(self, divisor: f64) -> Result<Self> {
        match self.0 {
            _ if divisor == 0.0 => Err(self.zero_division()),
            Value::Count(value, counter) => {
                Ok(Self::of_count(unscale(value, divisor)?.value(), counter))
            }
            Value::Fraction(_) if !divisor.is_finite() => Err(Error::overflow(divisor)),
            Value::Fraction(value) => Self::from_fraction(value / divisor),
        }
    }

    /// `self // divisor`: keeps the unit, rounded down.
    pub fn floor_div_int(self, divisor: i64) -> Result<Self> {
        match self.0 {
            _ if divisor == 0 => Err(self.zero_division()),
            Value::Count(value, counter) => {
                Ok(Self::of_count(floor_div_rem(value, divisor).0, counter))
            }
            Value::Fraction(value) => {
                Self::from_fraction(float_floor_div_rem(value, divisor as f64).0)
            }
        }
    }

    /// `-self`.
    pub fn negated(self) -> Self {
        match self.0 {
            Value::Count(value, counter) => Self::of_count(-value, counter),
            Value::Fraction(value) => Self::of_fraction(-value),
        }
    }

    /// `|self|`.
    pub fn abs(self) -> Self {
        match self.0 {
            Value::Count(value, counter) => Self::of_count(value.abs(), counter),
            Value::Fraction(value) => Self::of_fraction(value.abs()),
        }
    }

    /// The time as a float: a count correctly rounded.
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Value::Count(value, _) => value as f64,
            Value::Fraction(value) => value,
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

    fn mismatch(self, verb: &'static str, and: &'static str, other: Self) -> Error {
        Error::new(Kind::Unit, Fault::Units { verb: [verb, and], times: [self, other] })
    }

    fn zero_division(self) -> Error {
        Error::new(Kind::ZeroDivision, Fault::DivisionByZero { dividend: self })
    }
}

/// Prints the time string that parses back to this time.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Count(value, counter) => write!(f, "{value}{counter}"),
            // The shortest digits that give the float back; Debug turns to exponents in time to
            // keep the string short.
            Value::Fraction(value) => {
                let mut digits = format!("{value:?}");
                // Of two that are equally near, the even one.
                if let Some((_, decimals)) = digits.split_once('.')
                    && !decimals.contains('e')
                {
                    digits = format!("{value:.*}", decimals.len());
                }
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

/// The same for floats: the exact remainder first, then the quotient it leaves.
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
            Ok((Whole::Float(9.0), Time::of_fraction(1.0 % 0.1)))
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
    fn only_times_in_range_are_built() {
        for unit in Counter::ALL.map(Counter::unit) {
            assert_eq!(Time::from_int(i64::MIN, unit).unwrap_err().kind(), Kind::Overflow);
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Time::from_fraction(value).unwrap_err().kind(), Kind::Overflow);
        }
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
