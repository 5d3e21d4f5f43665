//! Numbers from Python: what counts as one, and how it becomes a Rust number.

use crate::error::{Error, Result, shown};
use crate::name::name;
use epochal_core::Kind;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

/// A real number as Python gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// A whole number; NumPy integers are, `bool` is not.
    Int(i64),
    /// A whole number that no count reaches, as the nearest float or infinity.
    Huge(f64),
    /// A float, or any other instance of `numbers.Real`.
    Float(f64),
}

/// Whether an object is a bool: Python's, NumPy 2's, or NumPy 1's, which passes for a number and only
/// warns of it.
pub(crate) fn is_bool(object: &Bound<'_, PyAny>) -> bool {
    let is_number =
        object.is_exact_instance_of::<PyFloat>() || object.is_exact_instance_of::<PyInt>();
    !is_number && object.get_type().name().is_ok_and(|name| name == "bool" || name == "bool_")
}

impl Number {
    /// The number that an object is, or `None` if it is not one.
    pub(crate) fn extract(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if let Ok(float) = object.cast::<PyFloat>() {
            return Ok(Some(Self::Float(float.value())));
        }
        if is_bool(object) {
            return Ok(None);
        }
        if let Ok(int) = object.cast::<PyInt>() {
            return Self::int(int).map(Some);
        }
        let py = object.py();
        let class = object.get_type();
        // Arrays and tensors are not numbers, though some of them would convert.
        if class.hasattr(name!(py, "__len__"))? {
            return Ok(None);
        }
        if class.hasattr(name!(py, "__index__"))? {
            let index = object.call_method0(name!(py, "__index__"))?;
            return match index.cast::<PyInt>() {
                Ok(int) => Self::int(int).map(Some),
                Err(_) => Ok(None),
            };
        }
        // Not everything with `__float__` is a number: NumPy's booleans have it too.
        let real = py.import(name!(py, "numbers"))?.getattr(name!(py, "Real"))?;
        if object.is_instance(&real)? {
            let float = object.call_method0(name!(py, "__float__"))?;
            return Ok(float.cast::<PyFloat>().ok().map(|float| Self::Float(float.value())));
        }
        Ok(None)
    }

    fn int(int: &Bound<'_, PyInt>) -> PyResult<Self> {
        match int.extract::<i64>() {
            Ok(value) if value != i64::MIN => Ok(Self::Int(value)),
            _ => Ok(Self::Huge(match int.extract::<f64>() {
                Ok(value) => value,
                Err(_) if int.lt(0)? => f64::NEG_INFINITY,
                Err(_) => f64::INFINITY,
            })),
        }
    }

    /// As a float; infinite if it is too large for one.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Huge(value) | Self::Float(value) => value,
        }
    }
}

/// An argument that may be left out, but not be `None`.
pub(crate) struct Given<'a, 'py>(pub(crate) Option<Borrowed<'a, 'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'a, 'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Some(object)))
    }
}

impl Given<'_, '_> {
    /// The argument, converted, or the default.
    pub(crate) fn or<T>(
        &self,
        default: T,
        convert: impl FnOnce(&Bound<'_, PyAny>) -> Result<T>,
    ) -> Result<T> {
        self.0.as_ref().map_or(Ok(default), |object| convert(object))
    }
}

/// A real number; `name` is the argument's.
pub(crate) fn float(name: &str, object: &Bound<'_, PyAny>) -> Result<f64> {
    match Number::extract(object)? {
        Some(Number::Huge(value)) if value.is_infinite() => Err(Error::new(
            Kind::Schedule,
            format!("{name} must be finite as a float, not {}", shown(object)),
        )),
        Some(number) => Ok(number.as_f64()),
        None => Err(Error::wrong_type(name, "a number", object)),
    }
}

/// A whole number of 64 bits; `name` is the argument's.
pub(crate) fn int(name: &str, object: &Bound<'_, PyAny>) -> Result<i64> {
    match Number::extract(object)? {
        Some(Number::Int(value)) => Ok(value),
        Some(Number::Huge(_)) => Err(huge(name, object)),
        _ => Err(Error::wrong_type(name, "a whole number", object)),
    }
}

/// The error for a whole number of more than 64 bits.
pub(crate) fn huge(name: &str, object: &Bound<'_, PyAny>) -> Error {
    Error::new(
        Kind::Overflow,
        format!("{name} is out of range: counts lie within ±(2**63 - 1), not {}", shown(object)),
    )
}
