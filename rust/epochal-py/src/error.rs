//! One table from the core's errors to Python's exceptions, and one of the advice that only makes
//! sense in Python.

use epochal_core::{self as core, Fault, Kind};
use pyo3::exceptions::{
    PyOverflowError, PyRuntimeError, PyTypeError, PyValueError, PyZeroDivisionError,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use std::sync::OnceLock;

/// What the binding's functions return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An exception that is about to be raised.
#[derive(Debug)]
pub(crate) struct Error(PyErr);

impl Error {
    /// An argument of the wrong type.
    pub(crate) fn wrong_type(name: &str, expected: &str, got: &Bound<'_, PyAny>) -> Self {
        let message = format!("{name} must be {expected}, not {}", shown(got));
        Self(PyTypeError::new_err(message))
    }

    /// A failure of a kind, in words.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Python::attach(|py| match EXCEPTIONS.get() {
            Some(table) => {
                let exception = table[kind as usize].bind(py).clone();
                Self(PyErr::from_type(exception, message.into()))
            }
            None => Self(PyValueError::new_err(message.into())),
        })
    }
}

/// How to mend what went wrong, in Python; nothing where the core's sentence says it.
fn advice(fault: &Fault) -> &'static str {
    match fault {
        Fault::Units { .. } => "; Run.convert converts",
        Fault::Counters { .. } => {
            "; give a Timestamp, or a mapping such as {'ba': batches, 'tok': tokens}"
        }
        Fault::Breakpoints { .. } => "; next_change(t) leads from one to the next",
        _ => "",
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<core::Error> for Error {
    fn from(error: core::Error) -> Self {
        // What a function raised goes on as it is.
        let source = std::error::Error::source(&error);
        if let Some(raised) = source.and_then(|source| source.downcast_ref::<PyErr>()) {
            return Self(Python::attach(|py| raised.clone_ref(py)));
        }
        Self::new(error.kind(), format!("{error}{}", advice(error.fault())))
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// `repr(object)` for a message, shortened; the type's name if its repr fails.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> String {
    let name = || object.get_type().name().map_or("object".into(), |name| name.to_string());
    match object.repr() {
        Ok(repr) => {
            let text = repr.to_string_lossy();
            match text.char_indices().nth(64) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text.into_owned(),
            }
        }
        Err(_) => format!("<{}>", name()),
    }
}

/// The exception of each [`Kind`], in its order.
static EXCEPTIONS: OnceLock<[Py<PyType>; 9]> = OnceLock::new();

/// Makes the exceptions and adds them to the module.
pub(crate) fn register<'py>(module: &Bound<'py, PyModule>) -> PyResult<()> {
    let py = module.py();
    // A class statement, for the sake of several bases.
    let new =
        |name: &str, doc: &str, bases: &[&Bound<'py, PyType>]| -> PyResult<Bound<'py, PyType>> {
            let namespace = PyDict::new(py);
            namespace.set_item("__module__", "epochal")?;
            namespace.set_item("__doc__", doc)?;
            let class =
                py.get_type::<PyType>().call1((name, PyTuple::new(py, bases)?, namespace))?;
            module.add(name, &class)?;
            Ok(class.cast_into()?)
        };
    let base =
        new("EpochalError", "Base of all errors of epochal.", &[&py.get_type::<PyValueError>()])?;
    let parse =
        new("TimeParseError", "A time string is not understood or out of range.", &[&base])?;
    let fractional = new(
        "FractionalCountError",
        "A time string gives a fraction of something that is counted, such as '1.5ep'.",
        &[&parse, &py.get_type::<PyTypeError>()],
    )?;
    let unit = new(
        "UnitError",
        "Two units do not go together, or a conversion lacks a fact.",
        &[&base, &py.get_type::<PyRuntimeError>()],
    )?;
    let overflow = new(
        "TimeOverflowError",
        "A count leaves ±(2**63 - 1), or a fraction is no longer finite.",
        &[&base, &py.get_type::<PyOverflowError>()],
    )?;
    let zero_division = new(
        "TimeZeroDivisionError",
        "A time is divided by zero.",
        &[&base, &py.get_type::<PyZeroDivisionError>()],
    )?;
    let schedule =
        new("ScheduleError", "A schedule, a run or a point of evaluation is not valid.", &[&base])?;
    let state = new("StateError", "A saved state is not valid.", &[&base])?;
    let table = [
        (Kind::Parse, parse),
        (Kind::FractionalCount, fractional),
        (Kind::Unit, unit),
        (Kind::Overflow, overflow),
        (Kind::ZeroDivision, zero_division),
        (Kind::Value, base.clone()),
        (Kind::Schedule, schedule),
        (Kind::State, state),
        (Kind::Function, base),
    ];
    debug_assert!(table.iter().enumerate().all(|(index, (kind, _))| *kind as usize == index));
    let _ = EXCEPTIONS.set(table.map(|(_, class)| class.unbind()));
    Ok(())
}
