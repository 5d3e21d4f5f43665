//! The times of bulk evaluation: arrays of one counter, or of several.

use crate::array::{Array, Output, in_bulk};
use crate::error::{Error, Result};
use crate::name::name;
use crate::unit;
use epochal_core::{self as core, Counter, Kind, Sources, counters_of, evaluate};
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;
use pyo3::types::PyMapping;
use std::num::NonZeroUsize;

/// An argument that may be left out.
pub(crate) type Optional<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The times of each counter, in the order of `Counter::ALL`.
pub(crate) type ByCounter<'py> = [Option<Bound<'py, PyAny>>; Counter::COUNT];

/// The entries of a mapping, which must include `counters`. `subject` is what reads them.
pub(crate) fn by_counter<'py>(
    mapping: &Bound<'py, PyMapping>,
    counters: &[Counter],
    subject: &str,
) -> Result<ByCounter<'py>> {
    let mut times = [const { None }; Counter::COUNT];
    for item in mapping.items()? {
        let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        times[unit::extract_counter("a key", &key)? as usize] = Some(value);
    }
    let missing: Vec<_> = (counters.iter())
        .filter(|counter| times[**counter as usize].is_none())
        .map(|counter| format!("'{counter}'"))
        .collect();
    if !missing.is_empty() {
        let message = format!("{subject} {} too: the mapping lacks it", missing.join(" and "));
        return Err(Error::new(Kind::Unit, message));
    }
    Ok(times)
}

/// The object as a mapping, if it is one. The check is slow, and skipped for an array.
pub(crate) fn as_mapping<'a, 'py>(
    times: &'a Bound<'py, PyAny>,
) -> Option<&'a Bound<'py, PyMapping>> {
    let is_array = times.get_type().hasattr(name!(times.py(), "dtype")).unwrap_or(false);
    if is_array { None } else { times.cast::<PyMapping>().ok() }
}

/// α of some curves at arrays of times, one array for each counter. With `stacked` the curves are
/// the first axis of the result.
pub(crate) fn arrays<'py>(
    py: Python<'py>,
    curves: &[&core::Curve],
    times: &ByCounter<'py>,
    stacked: bool,
    (out, dtype, threads): (Optional<'_, 'py>, Optional<'_, 'py>, Option<NonZeroUsize>),
) -> Result<Bound<'py, PyAny>> {
    let mut arrays = [const { None }; Counter::COUNT];
    let mut shape: Option<Vec<usize>> = None;
    let read = counters_of(curves);
    let is_only = times.iter().flatten().count() == 1;
    for counter in Counter::ALL {
        let Some(time) = &times[counter as usize] else { continue };
        // The only times give the shape of the result, and whatever is read follows from them.
        if !read.contains(&counter) && !is_only {
            continue;
        }
        let array = Array::from_python(time)?;
        match &shape {
            Some(shape) if shape != array.0.shape() => {
                let message = format!(
                    "the times of all clocks must have one shape, not {shape:?} and {:?}",
                    array.0.shape()
                );
                return Err(Error::new(Kind::Schedule, message));
            }
            _ => shape = Some(array.0.shape().to_vec()),
        }
        arrays[counter as usize] = Some(array);
    }
    let mut shape = shape.unwrap_or_default();
    if stacked {
        shape.insert(0, curves.len());
    }
    let output = Output::new(py, &shape, out, dtype)?;
    // Values are written while times are still read, so the two must not share memory.
    let apart = arrays.iter().flatten().all(|array| !output.may_share_memory(&array.0));
    output.write(apart, |sink| {
        let sources: Sources<'_> =
            arrays.each_ref().map(|array| array.as_ref().and_then(Array::source));
        in_bulk(py, sink.len(), || evaluate(curves, &sources, sink, threads))
    })
}

/// Times of one counter.
pub(crate) fn bare<'py>(times: &Bound<'py, PyAny>, counter: Counter) -> ByCounter<'py> {
    let mut by_counter = [const { None }; Counter::COUNT];
    by_counter[counter as usize] = Some(times.clone());
    by_counter
}

/// The counter that numbers are on, which must be the same for all the curves.
pub(crate) fn counter_of_all(curves: &[&core::Curve]) -> Result<Counter> {
    let counters: Vec<_> =
        curves.iter().map(|curve| curve.counter()).collect::<core::Result<_>>()?;
    match &counters[..] {
        [] => Ok(Counter::Batch), // any counter would do
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(*first),
        _ => {
            let read: Vec<_> =
                (counters_of(curves).iter()).map(|counter| format!("'{counter}'")).collect();
            let message = format!(
                "these curves read {}: give a mapping with an array for each",
                read.join(" and ")
            );
            Err(Error::new(Kind::Unit, message))
        }
    }
}
