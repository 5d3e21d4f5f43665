//! The learning rates of an optimizer's parameter groups, in one pass.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyTuple, PyType};

/// Sets lr = `initial_lr` × α in every group and returns the rates.
///
/// If an `lr` or an `initial_lr` is not a float, nothing changes, and the result is None.
#[pyfunction]
pub(crate) fn set_rates<'py>(
    groups: &Bound<'py, PyAny>,
    alpha: f64,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let py = groups.py();
    let Ok(groups) = groups.cast_exact::<PyList>() else { return Ok(None) };
    let (lr, initial_lr) = (intern!(py, "lr"), intern!(py, "initial_lr"));
    // Every group is looked at before the first one changes.
    let mut changes = Vec::with_capacity(groups.len());
    for group in groups {
        let Ok(group) = group.cast_into_exact::<PyDict>() else { return Ok(None) };
        let (Some(now), Some(base)) = (group.get_item(lr)?, group.get_item(initial_lr)?) else {
            return Ok(None);
        };
        match base.cast_exact::<PyFloat>() {
            Ok(base) if now.is_exact_instance_of::<PyFloat>() => {
                changes.push((group, PyFloat::new(py, base.value() * alpha)));
            }
            _ => return Ok(None),
        }
    }
    for (group, rate) in &changes {
        group.set_item(lr, rate)?;
    }
    PyList::new(py, changes.into_iter().map(|(_, rate)| rate)).map(Some)
}

/// A group as it was last seen: its `lr` (or the type of that, if it was not a tensor), its
/// `initial_lr`, the version of that if it was a tensor, its value, and the `fill_` method of the
/// `lr` if that was a tensor.
type Known<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyInt>>,
    f64,
    Option<Bound<'py, PyAny>>,
);

/// The same for groups whose learning rates may be tensors, which are filled in place.
///
/// If a group is no longer as it is `known`, nothing changes, and the result is None.
#[pyfunction]
pub(crate) fn fill_rates<'py>(
    groups: &Bound<'py, PyAny>,
    known: &Bound<'py, PyList>,
    alpha: f64,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let py = groups.py();
    let Ok(groups) = groups.cast_exact::<PyList>() else { return Ok(None) };
    if groups.len() != known.len() {
        return Ok(None);
    }
    let (lr, initial_lr) = (intern!(py, "lr"), intern!(py, "initial_lr"));
    let mut changes = Vec::with_capacity(groups.len());
    for (group, known) in groups.iter().zip(known) {
        let Ok(group) = group.cast_into_exact::<PyDict>() else { return Ok(None) };
        let (mark, known_base, version, value, fill): Known<'_> =
            known.cast::<PyTuple>()?.extract()?;
        let (Some(now), Some(base)) = (group.get_item(lr)?, group.get_item(initial_lr)?) else {
            return Ok(None);
        };
        let same = match &fill {
            Some(_) => now.is(&mark),
            None => mark.cast::<PyType>().is_ok_and(|mark| now.get_type().is(mark)),
        };
        let unchanged = match version {
            Some(version) if base.is(&known_base) => {
                base.getattr(intern!(py, "_version"))?.eq(version)?
            }
            _ => base.is(&known_base),
        };
        if !(same && unchanged) {
            return Ok(None);
        }
        changes.push((group, fill, PyFloat::new(py, value * alpha)));
    }
    for (group, fill, rate) in &changes {
        match fill {
            Some(fill) => drop(fill.call1((rate,))?),
            None => group.set_item(lr, rate)?,
        }
    }
    PyList::new(py, changes.into_iter().map(|(_, _, rate)| rate)).map(Some)
}
