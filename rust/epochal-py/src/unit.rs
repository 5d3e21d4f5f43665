//! `TimeUnit`, a string enum made from the core's table of suffixes.

use crate::error::{Error, Result};
use epochal_core::{Counter, Unit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::OnceLock;

/// The members, in the order of [`Unit::TABLE`].
static MEMBERS: OnceLock<[Py<PyAny>; 7]> = OnceLock::new();

const DOC: &str = "Units of training time; each member equals its suffix.

>>> TimeUnit.EPOCH == 'ep'
True
>>> TimeUnit('BA')
<TimeUnit.BATCH: 'ba'>

ITERATION, EPOCH, BATCH, SAMPLE, TOKEN and SECOND are the units of the six clocks; DURATION is a
fraction of the run.
";

/// The enum's member for a unit.
pub(crate) fn member<'py>(py: Python<'py>, unit: Unit) -> PyResult<Bound<'py, PyAny>> {
    match MEMBERS.get() {
        Some(members) => Ok(members[unit.index()].bind(py).clone()),
        None => Ok(PyString::new(py, unit.suffix()).into_any()),
    }
}

/// A unit given as a member or a suffix.
pub(crate) fn extract(name: &str, value: &Bound<'_, PyAny>) -> Result<Unit> {
    let text = value
        .cast::<PyString>()
        .map_err(|_| Error::wrong_type(name, "a unit such as 'ep'", value))?;
    Ok(Unit::from_suffix(&text.to_string_lossy())?)
}

/// The counter of a unit that is given as a member or a suffix.
pub(crate) fn extract_counter(name: &str, value: &Bound<'_, PyAny>) -> Result<Counter> {
    match extract(name, value)? {
        Unit::Counter(counter) => Ok(counter),
        Unit::Duration => Err(Error::new(
            epochal_core::Kind::Unit,
            format!("{name} must be the unit of a clock, such as 'ba', not 'dur'"),
        )),
    }
}

/// `TimeUnit(value)`: suffixes in any case. An enum's own look-up would take whatever compares equal,
/// such as an array of one string.
#[pyfunction]
#[pyo3(signature = (_cls, value), text_signature = "(cls, value)")]
fn of<'py>(_cls: Bound<'py, PyAny>, value: Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
    Ok(member(value.py(), extract("value", &value)?)?)
}

/// Makes the enum and adds it to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let names = Unit::TABLE.map(|(_, name, suffix)| (name, suffix)).to_vec();
    let options = PyDict::new(py);
    options.set_item("module", "epochal")?;
    let class = py.import("enum")?.getattr("StrEnum")?.call(("TimeUnit", names), Some(&options))?;
    class.setattr("__doc__", DOC)?;
    let new = wrap_pyfunction!(of, module)?;
    class.setattr("__new__", py.import("builtins")?.getattr("staticmethod")?.call1((new,))?)?;
    let mut members = Vec::new();
    for (_, name, _) in Unit::TABLE {
        members.push(class.getattr(name)?.unbind());
    }
    let members = members.try_into().map_err(|_| PyValueError::new_err("seven units"))?;
    let _ = MEMBERS.set(members);
    module.add("TimeUnit", class)
}
