//! `evaluate`: many curves at the same times.

use crate::array;
use crate::curve::Curve;
use crate::error::{Error, Result};
use crate::times::{self, Optional};
use epochal_core::counters_of;
use pyo3::prelude::*;

/// α of many curves at the same times, as one array.
///
/// `curves` is an iterable of `Curve`. `times` is an array of ints or floats on the one clock that
/// all the curves read, or a mapping such as `{"ba": batches, "tok": tokens}`. The result has the
/// shape `(len(curves), *times.shape)`, and row i is `curves[i](times)` bit for bit. `out=`,
/// `dtype=` and `threads=` are as in a call of a curve.
///
/// >>> run = Run("4ba")
/// >>> sweep = [PolynomialScheduler(power).resolve(run) for power in (1, 2, 3)]
/// >>> evaluate(sweep, [0, 2, 4]).tolist()
/// [[1.0, 0.5, 0.0], [1.0, 0.25, 0.0], [1.0, 0.125, 0.0]]
///
/// Raises `UnitError` if the curves read several clocks and `times` is not a mapping with all of
/// them, `ScheduleError` for times that are negative or not finite, `TypeError` for other types.
#[pyfunction(name = "evaluate")]
#[pyo3(signature = (curves, times, *, out=None, dtype=None, threads=None))]
pub(crate) fn evaluate_many<'py>(
    curves: &Bound<'py, PyAny>,
    times: &Bound<'py, PyAny>,
    out: Optional<'_, 'py>,
    dtype: Optional<'_, 'py>,
    threads: Optional<'_, 'py>,
) -> Result<Bound<'py, PyAny>> {
    let py = times.py();
    let threads = array::threads(threads)?;
    let wrong =
        |object: &Bound<'_, PyAny>| Error::wrong_type("curves", "an iterable of curves", object);
    let mut given = Vec::new();
    for curve in curves.try_iter().map_err(|_| wrong(curves))? {
        let curve = curve?;
        given.push(curve.cast_into::<Curve>().map_err(|error| wrong(&error.into_inner()))?);
    }
    let curves: Vec<_> = given.iter().map(|curve| &curve.get().curve).collect();
    let times = match times::as_mapping(times) {
        Some(mapping) => times::by_counter(mapping, &counters_of(&curves), "these curves read")?,
        None => times::bare(times, times::counter_of_all(&curves)?),
    };
    times::arrays(py, &curves, &times, true, (out, dtype, threads))
}
