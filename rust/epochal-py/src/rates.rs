//! The learning rates of an optimizer's parameter groups, in one pass.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList};

/// Sets lr = `initial_lr` × α in every group and returns the rates.
///
/// Only where every `lr` and `initial_lr` is a float: otherwise nothing changes, and the result is
/// None.
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
