//! Numbers from Python: what counts as one, and how it becomes a Rust number.

use crate::error::{Error, Result};
use epochal_core::Kind;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

/// A real number as Python gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// A whole number; NumPy integers are, `bool` is not.
    Int(i64),
    /// A whole number beyond 64 bits; its sign.
    Huge(f64),
    /// A float, or whatever else has `__float__` and no length.
    Float(f64),
}

impl Number {
    /// The object's number, or none if it is not a number.
    pub(crate) fn extract(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if let Ok(float) = object.cast::<PyFloat>() {
            return Ok(Some(Self::Float(float.value())));
        }
        if object.is_instance_of::<PyBool>() {
            return Ok(None);
        }
        if let Ok(int) = object.cast::<PyInt>() {
            return Self::int(int).map(Some);
        }
        let py = object.py();
        let class = object.get_type();
        // Arrays and tensors are not numbers, though some of them would convert.
        if class.hasattr(intern!(py, "__len__"))? {
            return Ok(None);
        }
        if class.hasattr(intern!(py, "__index__"))? {
            let index = object.call_method0(intern!(py, "__index__"))?;
            return match index.cast::<PyInt>() {
                Ok(int) => Self::int(int).map(Some),
                Err(_) => Ok(None),
            };
        }
        if class.hasattr(intern!(py, "__float__"))? {
            let float = object.call_method0(intern!(py, "__float__"))?;
            return Ok(float.cast::<PyFloat>().ok().map(|float| Self::Float(float.value())));
        }
        Ok(None)
    }

    fn int(int: &Bound<'_, PyInt>) -> PyResult<Self> {
        match int.extract::<i64>() {
            Ok(value) => Ok(Self::Int(value)),
            Err(_) => Ok(Self::Huge(if int.lt(0)? { -1.0 } else { 1.0 })),
        }
    }

    /// As a float; a whole number too large for 64 bits is infinite, which no caller accepts.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Huge(sign) => sign * f64::INFINITY,
            Self::Float(value) => value,
        }
    }
}

/// A real number; `name` is the argument's.
pub(crate) fn float(name: &str, object: &Bound<'_, PyAny>) -> Result<f64> {
    match Number::extract(object)? {
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

/// A whole number of more than 64 bits where only fewer fit.
pub(crate) fn huge(name: &str, object: &Bound<'_, PyAny>) -> Error {
    Error::new(
        Kind::Overflow,
        format!(
            "{name} is out of range: counts lie within ±(2**63 - 1), not {}",
            crate::error::shown(object)
        ),
    )
}
