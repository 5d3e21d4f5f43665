//! What `epochal.view` is made of, and how methods reach it.

use crate::curve::Curve;
use crate::error::Result;
use crate::name::name;
use crate::run;
use crate::schedule;
use crate::time::Time;
use crate::unit;
use epochal_core::{self as core, Unit};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A function of `epochal.view`, called with an object and what is given of the options.
pub(crate) fn call<'py, T>(
    object: &Bound<'py, T>,
    function: &str,
    options: &[(&str, Option<&Bound<'py, PyAny>>)],
) -> Result<Bound<'py, PyAny>> {
    let py = object.py();
    let given = PyDict::new(py);
    for (name, value) in options {
        if let Some(value) = value {
            given.set_item(name, value)?;
        }
    }
    let function = py.import(name!(py, "epochal.view"))?.getattr(function)?;
    Ok(function.call((object.as_any(),), Some(&given))?)
}

/// A jump as (t, before, after).
pub(crate) fn jump<'py>(py: Python<'py>, jump: &core::Jump) -> Result<Bound<'py, PyAny>> {
    let class = py.import(name!(py, "epochal.view"))?.getattr(name!(py, "Jump"))?;
    Ok(class.call1((jump.at, jump.before, jump.after))?)
}

/// The phases of a curve: (course, from, to, first, last, low, high, parts).
#[pyfunction]
pub(crate) fn phases<'py>(
    py: Python<'py>,
    curve: &Bound<'py, Curve>,
) -> Result<Vec<Bound<'py, PyTuple>>> {
    let phases = curve.get().curve.phases()?.into_iter().map(|phase| {
        let (low, high) = phase.range.unzip();
        let core::PhaseOfCurve { course, from, to, first, last, parts, .. } = phase;
        (course.name(), from, to, first, last, low, high, parts).into_pyobject(py)
    });
    Ok(phases.collect::<PyResult<_>>()?)
}

/// Points (t, α) of a line that shows a curve in so many columns.
#[pyfunction]
pub(crate) fn trace(
    curve: &Bound<'_, Curve>,
    start: f64,
    stop: f64,
    columns: u32,
) -> Result<Vec<(f64, f64)>> {
    Ok(curve.get().curve.trace(start, stop, columns)?)
}

/// Jumps of a curve that are no steps, milestones or restarts.
#[pyfunction]
pub(crate) fn seams<'py>(
    py: Python<'py>,
    curve: &Bound<'py, Curve>,
) -> Result<Vec<Bound<'py, PyAny>>> {
    curve.get().curve.seams()?.iter().map(|seam| jump(py, seam)).collect()
}

/// Where two curves differ: from, to, where they do most, and both α there.
type Apart = (f64, f64, f64, f64, f64);

/// How two curves differ between changes: (from, to, where they do most, both α there).
#[pyfunction]
pub(crate) fn apart(
    one: &Bound<'_, Curve>,
    other: &Bound<'_, Curve>,
    unit: &Bound<'_, PyAny>,
) -> Result<Vec<Apart>> {
    let counter = unit::extract_counter("unit", unit)?;
    let apart = one.get().curve.apart(&other.get().curve, counter)?.into_iter();
    Ok(apart.map(|part| (part.from, part.to, part.at, part.alphas.0, part.alphas.1)).collect())
}

/// The times in a schedule: (operation, argument, time, place, start of the phase).
#[pyfunction]
pub(crate) fn moments<'py>(
    py: Python<'py>,
    schedule: &Bound<'py, PyAny>,
    run: &Bound<'py, PyAny>,
    unit: &Bound<'py, PyAny>,
) -> Result<Vec<Bound<'py, PyTuple>>> {
    let tree = schedule::extract("schedule", schedule)?;
    let run = run::extract("run", run)?;
    let moments = tree.moments(&run, unit::extract_counter("unit", unit)?)?.into_iter();
    let moments = moments.map(|moment| {
        let core::Written { node, argument, time, place, start } = moment;
        (node, argument, Time(time).into_bound_py_any(py)?, place, start).into_pyobject(py)
    });
    Ok(moments.collect::<PyResult<_>>()?)
}

/// Whether a curve has a function in it.
#[pyfunction]
pub(crate) fn has_functions(curve: &Bound<'_, Curve>) -> bool {
    curve.get().curve.has_functions()
}

/// The logarithm of a number above zero, for logarithmic axes.
#[pyfunction]
pub(crate) fn log2(x: f64) -> f64 {
    x.log2()
}

/// A number, or a time, on the counter of a curve.
#[pyfunction]
pub(crate) fn place(curve: &Bound<'_, Curve>, every: &Bound<'_, PyAny>) -> Result<f64> {
    let counter = curve.get().curve.counter()?;
    curve.get().number("every", counter, every)
}

/// What a curve counts, how much of it the run lasts, and how many of each unit make one of it,
/// as far as the run tells.
#[pyfunction]
pub(crate) fn scales<'py>(
    py: Python<'py>,
    curve: &Bound<'py, Curve>,
) -> Result<(Bound<'py, PyAny>, f64, Bound<'py, PyDict>)> {
    let curve = &curve.get().curve;
    let counter = curve.counter()?;
    let scales = PyDict::new(py);
    for (unit, _, _) in Unit::TABLE {
        if let Some(scale) = curve.scale(counter, unit) {
            scales.set_item(unit::member(py, unit)?, scale)?;
        }
    }
    Ok((unit::member(py, counter.unit())?, curve.length(counter)?, scales))
}
