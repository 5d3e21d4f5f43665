//! `Time`.

use crate::error::{Error, Result};
use crate::number::{self, Number};
use crate::unit;
use epochal_core::{self as core, Counter, Kind, Unit, Whole};
use pyo3::IntoPyObjectExt;
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyString, PyTuple, PyType};

/// A value and a unit of training time.
///
/// A time is built from a time string, `Time("5ep")`, or from a number and a unit,
/// `Time(5, "ep")`. Units are `iter` (iterations), `ep` (epochs), `ba` (batches: optimizer steps),
/// `sp` (samples), `tok` (tokens), `sec` (elapsed seconds), each a whole number within
/// ±(2**63 - 1), and `dur`, a finite fraction of the run.
///
/// Time strings take decimals, exponents, the multiples K, M, B and T, and hours and minutes:
///
/// >>> Time("1.5e3tok"), Time("15Ttok"), Time("1h30m"), Time("0.3dur")
/// (Time('1500tok'), Time('15000000000000tok'), Time('5400sec'), Time('0.3dur'))
///
/// `+ - < <= > >= %` need two times of one unit; a number takes the unit of the other operand, and
/// a string is parsed. `==` across units is False. `Time * number`, `Time * dur` and
/// `Time / number` keep the unit, `Time / Time` is a `dur`, and `Time // Time` is an int.
///
/// >>> Time("5ep") + 1, Time("5ep") < "6ep", Time("5ep") == Time("5ba")
/// (Time('6ep'), True, False)
///
/// Where a float meets a count, the product is the whole number that the float's precision
/// allows, if there is one; otherwise it is truncated toward zero:
///
/// >>> Time(100, "ba") * 0.29, Time(3, "ep") * 0.5
/// (Time('29ba'), Time('1ep'))
///
/// Raises `TimeParseError` for text that is not a time, `UnitError` for units that do not go
/// together, `TimeOverflowError` for a value out of range, `TypeError` for other types.
#[pyclass(frozen, module = "epochal", name = "Time")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) core::Time);

/// The other operand of an operator.
enum Operand {
    Time(core::Time),
    Number(Number),
}

impl Operand {
    /// The operand, or `None` if the object is neither a time nor a number.
    fn extract(object: &Bound<'_, PyAny>) -> Result<Option<Self>> {
        if let Some(time) = time_like(object)? {
            return Ok(Some(Self::Time(time)));
        }
        Ok(Number::extract(object)?.map(Self::Number))
    }

    /// The operand as a time. A number takes `unit`.
    fn in_unit(self, unit: Unit, object: &Bound<'_, PyAny>) -> Result<core::Time> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Number(number) => with_unit("an operand", number, unit, object),
        }
    }
}

/// A time or a time string, or `None` for any other type.
fn time_like(object: &Bound<'_, PyAny>) -> Result<Option<core::Time>> {
    if let Ok(time) = object.cast::<Time>() {
        Ok(Some(time.get().0))
    } else if let Ok(text) = object.cast::<PyString>() {
        Ok(Some(parse(text)?))
    } else {
        Ok(None)
    }
}

/// A time string. Text beyond UTF-8 is shown with replacement characters.
fn parse(text: &Bound<'_, PyString>) -> core::Result<core::Time> {
    match text.to_str() {
        Ok(text) => text.parse(),
        Err(_) => text.to_string_lossy().parse(),
    }
}

/// What `time_like` gives for an argument, whose name is told with what is wrong in its text.
fn argument(name: &str, object: &Bound<'_, PyAny>) -> Result<Option<core::Time>> {
    match object.cast::<PyString>() {
        Ok(text) => parse(text)
            .map(Some)
            .map_err(|error| Error::new(error.kind(), format!("{name}: {error}"))),
        Err(_) => time_like(object),
    }
}

/// A number in a unit.
fn with_unit(
    name: &str,
    number: Number,
    unit: Unit,
    object: &Bound<'_, PyAny>,
) -> Result<core::Time> {
    match (number, unit) {
        (Number::Int(value), _) => Ok(core::Time::from_int(value, unit)?),
        (Number::Huge(_), Unit::Counter(_)) => Err(number::huge(name, object)),
        (Number::Huge(value) | Number::Float(value), Unit::Duration) => {
            Ok(core::Time::from_fraction(value)?)
        }
        (Number::Float(_), Unit::Counter(counter)) => {
            Err(Error::wrong_type(name, &format!("a whole number of '{counter}'"), object))
        }
    }
}

/// A time or a time string; `name` is the argument's.
pub(crate) fn extract(name: &str, object: &Bound<'_, PyAny>) -> Result<core::Time> {
    argument(name, object)?.ok_or_else(|| not_a_time(name, object))
}

fn not_a_time(name: &str, object: &Bound<'_, PyAny>) -> Error {
    Error::wrong_type(name, "a time with a unit, e.g. '5ep'", object)
}

/// A count of one counter: a whole number, a time in its unit, or a time string.
pub(crate) fn extract_count(
    name: &str,
    object: &Bound<'_, PyAny>,
    counter: Counter,
) -> Result<i64> {
    match argument(name, object)? {
        Some(time) => match time.count() {
            Some((value, unit)) if unit == counter => Ok(value),
            _ => {
                Err(Error::new(Kind::Unit, format!("{name} must be in '{counter}', not '{time}'")))
            }
        },
        None => number::int(name, object),
    }
}

impl Time {
    /// `self op other` in one unit, or NotImplemented if the other operand is not a time.
    fn binary<'py>(
        self,
        other: &Bound<'py, PyAny>,
        op: impl Fn(core::Time, core::Time) -> core::Result<core::Time>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        match Operand::extract(other)? {
            Some(operand) => {
                let time = op(self.0, operand.in_unit(self.0.unit(), other)?)?;
                Ok(Self(time).into_bound_py_any(py)?)
            }
            None => Ok(not_implemented(py)),
        }
    }

    fn is_count(self) -> bool {
        self.0.count().is_some()
    }

    /// A quotient as a Python int.
    fn int(py: Python<'_>, whole: Whole) -> Result<Bound<'_, PyAny>> {
        match whole {
            Whole::Int(value) => Ok(value.into_bound_py_any(py)?),
            Whole::Float(value) if value.is_finite() => {
                Ok(PyFloat::new(py, value).call_method0("__trunc__")?)
            }
            Whole::Float(_) => Err(Error::new(Kind::Overflow, "the quotient is out of range")),
        }
    }
}

fn not_implemented(py: Python<'_>) -> Bound<'_, PyAny> {
    py.NotImplemented().into_bound(py)
}

#[pymethods]
impl Time {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("value", "unit")
    }

    #[new]
    #[pyo3(signature = (value, unit=None))]
    fn new(value: &Bound<'_, PyAny>, unit: Option<&Bound<'_, PyAny>>) -> Result<Self> {
        let Some(unit) = unit else {
            // Its text is named by itself: whoever makes a time of an argument names that.
            return Ok(Self(time_like(value)?.ok_or_else(|| not_a_time("value", value))?));
        };
        let unit = unit::extract("unit", unit)?;
        match Number::extract(value)? {
            Some(number) => Ok(Self(with_unit("value", number, unit, value)?)),
            None => Err(Error::wrong_type("value", "a number, since a unit is given", value)),
        }
    }

    /// The time that a string stands for, such as "5ep".
    #[classmethod]
    fn from_timestring(_cls: &Bound<'_, PyType>, timestring: &Bound<'_, PyAny>) -> Result<Self> {
        match timestring.cast::<PyString>() {
            Ok(text) => Ok(Self(parse(text)?)),
            Err(_) => Err(Error::wrong_type("timestring", "a string such as '5ep'", timestring)),
        }
    }

    /// The time that is given as a time, a time string, or a number in `default_unit`.
    #[classmethod]
    #[pyo3(signature = (value, default_unit=None))]
    fn from_input(
        _cls: &Bound<'_, PyType>,
        value: &Bound<'_, PyAny>,
        default_unit: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        match (time_like(value)?, default_unit) {
            (None, Some(_)) => Self::new(value, default_unit),
            (Some(time), _) => Ok(Self(time)),
            (None, None) => Self::new(value, None),
        }
    }

    /// A number of iterations.
    #[classmethod]
    fn from_iteration(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Iteration.unit())
    }

    /// A number of epochs.
    #[classmethod]
    fn from_epoch(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Epoch.unit())
    }

    /// A number of batches.
    #[classmethod]
    fn from_batch(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Batch.unit())
    }

    /// A number of samples.
    #[classmethod]
    fn from_sample(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Sample.unit())
    }

    /// A number of tokens.
    #[classmethod]
    fn from_token(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Token.unit())
    }

    /// A fraction of the run.
    #[classmethod]
    fn from_duration(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Unit::Duration)
    }

    /// A whole number of seconds.
    #[classmethod]
    fn from_second(_cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> Result<Self> {
        from_number(value, Counter::Second.unit())
    }

    /// The number, an int; for `dur` a float.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.count() {
            Some((value, _)) => value.into_bound_py_any(py),
            None => self.0.as_f64().into_bound_py_any(py),
        }
    }

    /// The unit, a `TimeUnit`.
    #[getter]
    fn unit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        unit::member(py, self.0.unit())
    }

    /// The time string that parses back to this time; the same as `str(time)`.
    fn to_timestring(&self) -> String {
        self.0.to_string()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Time('{}')", self.0)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.value(py)?.hash()
    }

    fn __richcmp__<'py>(
        &self,
        other: &Bound<'py, PyAny>,
        op: CompareOp,
    ) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        if matches!(op, CompareOp::Eq | CompareOp::Ne) {
            let Some(equal) = self.equals(other)? else { return Ok(not_implemented(py)) };
            return Ok((equal == matches!(op, CompareOp::Eq)).into_bound_py_any(py)?);
        }
        match Operand::extract(other)? {
            Some(operand) => {
                let order = self.0.compare(operand.in_unit(self.0.unit(), other)?)?;
                Ok(op.matches(order).into_bound_py_any(py)?)
            }
            None => Ok(not_implemented(py)),
        }
    }

    fn __add__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, core::Time::checked_add)
    }

    fn __radd__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, |this, other| other.checked_add(this))
    }

    fn __sub__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, core::Time::checked_sub)
    }

    fn __rsub__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, |this, other| other.checked_sub(this))
    }

    fn __mod__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, |this, other| Ok(this.div_rem(other)?.1))
    }

    fn __rmod__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.binary(other, |this, other| Ok(other.div_rem(this)?.1))
    }

    fn __mul__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        let product = match Operand::extract(other)? {
            Some(Operand::Time(factor)) => self.0.checked_mul(factor)?,
            Some(Operand::Number(Number::Int(factor))) => self.0.mul_int(factor)?,
            Some(Operand::Number(Number::Huge(_))) if self.is_count() => {
                return Err(number::huge("a factor", other));
            }
            Some(Operand::Number(Number::Huge(factor) | Number::Float(factor))) => {
                self.0.mul_float(factor)?
            }
            None => return Ok(not_implemented(py)),
        };
        Ok(Self(product).into_bound_py_any(py)?)
    }

    fn __rmul__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        self.__mul__(other)
    }

    fn __truediv__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        let quotient = match Operand::extract(other)? {
            Some(Operand::Time(divisor)) => self.0.checked_div(divisor)?,
            Some(Operand::Number(Number::Int(divisor))) => self.0.div_int(divisor)?,
            Some(Operand::Number(Number::Huge(_))) if self.is_count() => {
                return Err(number::huge("a divisor", other));
            }
            Some(Operand::Number(Number::Huge(divisor) | Number::Float(divisor))) => {
                self.0.div_float(divisor)?
            }
            None => return Ok(not_implemented(py)),
        };
        Ok(Self(quotient).into_bound_py_any(py)?)
    }

    fn __rtruediv__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        match time_like(other)? {
            Some(dividend) => {
                Ok(Self(dividend.checked_div(self.0)?).into_bound_py_any(other.py())?)
            }
            None => Ok(not_implemented(other.py())),
        }
    }

    fn __floordiv__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        match Operand::extract(other)? {
            Some(Operand::Time(divisor)) => Self::int(py, self.0.div_rem(divisor)?.0),
            Some(Operand::Number(Number::Int(divisor))) => {
                Ok(Self(self.0.floor_div_int(divisor)?).into_bound_py_any(py)?)
            }
            Some(Operand::Number(Number::Huge(_))) => Err(number::huge("a divisor", other)),
            _ => Ok(not_implemented(py)),
        }
    }

    fn __rfloordiv__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        match time_like(other)? {
            Some(dividend) => Self::int(other.py(), dividend.div_rem(self.0)?.0),
            None => Ok(not_implemented(other.py())),
        }
    }

    fn __divmod__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        pair(self.__floordiv__(other)?, || self.__mod__(other))
    }

    fn __rdivmod__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        pair(self.__rfloordiv__(other)?, || self.__rmod__(other))
    }

    fn __neg__(&self) -> Self {
        Self(self.0.negated())
    }

    fn __pos__(&self) -> Self {
        *self
    }

    fn __abs__(&self) -> Self {
        Self(self.0.abs())
    }

    fn __bool__(&self) -> bool {
        self.0.sign().is_ne()
    }

    fn __int__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        match self.0.count() {
            Some((value, _)) => Self::int(py, Whole::Int(value)),
            None => Self::int(py, Whole::Float(self.0.as_f64())),
        }
    }

    fn __float__(&self) -> f64 {
        self.0.as_f64()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = (self.value(py)?, self.0.unit().suffix());
        (py.get_type::<Self>(), arguments).into_pyobject(py)
    }
}

impl Time {
    /// Whether it equals a time, a time string or a number. `None` for other objects.
    fn equals(&self, other: &Bound<'_, PyAny>) -> Result<Option<bool>> {
        if let Ok(time) = other.cast::<Self>() {
            return Ok(Some(self.0 == time.get().0));
        }
        if let Ok(text) = other.cast::<PyString>() {
            return Ok(Some(parse(text).is_ok_and(|time| self.0 == time)));
        }
        if other.is_instance_of::<PyBool>() {
            return Ok(Some(false));
        }
        match Number::extract(other) {
            Ok(Some(_)) => Ok(Some(self.value(other.py())?.eq(other)?)),
            _ => Ok(None), // an object whose own conversion fails is just not equal
        }
    }
}

/// A number in a unit, for the constructors that name the unit.
fn from_number(value: &Bound<'_, PyAny>, unit: Unit) -> Result<Time> {
    match Number::extract(value)? {
        Some(number) => Ok(Time(with_unit("value", number, unit, value)?)),
        None => Err(Error::wrong_type("value", "a number", value)),
    }
}

/// The pair that `divmod` returns, or NotImplemented.
fn pair<'py>(
    quotient: Bound<'py, PyAny>,
    remainder: impl Fn() -> Result<Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyAny>> {
    let py = quotient.py();
    if quotient.is(not_implemented(py)) {
        return Ok(quotient);
    }
    Ok((quotient, remainder()?).into_pyobject(py)?.into_any())
}
