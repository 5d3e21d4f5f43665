//! `Curve`: single values, and arrays from and to NumPy.

use crate::array::{self, Array, Output, in_bulk};
use crate::error::{Error, Result};
use crate::number::{self, Given, Number};
use crate::run::Run;
use crate::schedule::{PYTHON, Schedule};
use crate::time::{self, Time};
use crate::timestamp::Timestamp;
use crate::unit;
use epochal_core::{
    self as core, Counter, Form, Kind, Source, Sources, counters_of, evaluate, grid_len,
};
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;

/// A schedule resolved for a run: the multiplier α as a function of time.
///
/// Made by `Schedule.resolve(run)`. `units` names the clocks that it reads.
///
/// `curve(t)` is a float for a number on its clock, a time, a `Timestamp` or a `Clock`; a time is
/// converted by the run. For an array of ints or floats it is a float64 array of the same shape;
/// `out=` takes the values instead, `dtype="float32"` rounds them once, and `threads=` says how
/// many threads may share the work: by default as many as `EPOCHAL_NUM_THREADS` says or the
/// machine has cores, and one if the array is small. The values do not depend on it. A curve of
/// several clocks takes a `Timestamp` or a mapping such as `{"ba": batches, "tok": tokens}`; a
/// number or an array is batches there, if the rates of the run tell the other clocks.
///
/// >>> curve = LinearScheduler().resolve("4ba")
/// >>> curve(1), curve("0.5dur"), curve([0, 1, 2, 3, 4, 5]).tolist()
/// (0.75, 0.5, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
/// >>> curve.units, curve.grid().tolist()
/// ((<TimeUnit.BATCH: 'ba'>,), [1.0, 0.75, 0.5, 0.25])
///
/// A length in epochs is kept in batches where the run has `batches_per_epoch`. A `Clock` tells
/// the epochs that have really passed; all else is read by its batches.
///
/// Times are finite and not negative, else `ScheduleError`; where the run lacks the fact that a
/// conversion needs, `UnitError`; arrays of other types, `TypeError`. A curve that leaves the
/// range of floats raises `ScheduleError` there; past the end of the run it keeps its last value.
#[pyclass(frozen, module = "epochal", name = "Curve")]
#[derive(Debug)]
pub(crate) struct Curve {
    schedule: Py<Schedule>,
    run: Py<Run>,
    curve: core::Curve,
}

impl Curve {
    pub(crate) fn new(schedule: Py<Schedule>, run: Py<Run>) -> Result<Self> {
        let curve = schedule.get().tree.resolve(&run.get().0)?;
        Ok(Self { schedule, run, curve })
    }

    /// α at a single point, or none if `t` is an array or a mapping of arrays.
    fn scalar(&self, t: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        if let Ok(timestamp) = t.cast::<Timestamp>() {
            return Ok(Some(self.curve.at_timestamp(&timestamp.get().0)?));
        }
        if let Some(number) = Number::extract(t)? {
            return Ok(Some(self.curve.at_number(number.as_f64())?));
        }
        if t.is_instance_of::<Time>() || t.is_instance_of::<PyString>() {
            let counter = self.curve.counter()?;
            let t = self.curve.place(time::extract("t", t)?, counter)?;
            return Ok(Some(self.curve.at_number(t)?));
        }
        // A clock is the time that it tells.
        if let Ok(Some(told)) = t.getattr_opt(intern!(t.py(), "timestamp"))
            && let Ok(timestamp) = told.cast::<Timestamp>()
        {
            return Ok(Some(self.curve.at_epochs(&timestamp.get().0)?));
        }
        Ok(None)
    }

    /// α where each counter has a number, or none if any has an array.
    fn scalar_mapping(&self, times: &ByCounter<'_>) -> Result<Option<f64>> {
        let mut counters = [0.0; Counter::COUNT];
        for (time, counter) in times.iter().zip(&mut counters) {
            let Some(time) = time else { continue };
            match Number::extract(time)? {
                Some(number) => *counter = number.as_f64(),
                None => return Ok(None),
            }
        }
        Ok(Some(self.curve.at_counters(&counters)?))
    }

    /// A number, or a time, on the counter of a bare number.
    fn number(&self, name: &str, counter: Counter, object: &Bound<'_, PyAny>) -> Result<f64> {
        if object.is_instance_of::<Time>() || object.is_instance_of::<PyString>() {
            return Ok(self.curve.place(time::extract(name, object)?, counter)?);
        }
        number::float(name, object)
    }
}

/// What is given for each clock, in the order of `Counter::ALL`.
type ByCounter<'py> = [Option<Bound<'py, PyAny>>; Counter::COUNT];

/// The mapping's entries; `clocks` must be among them. `subject` reads those, for a message.
fn by_counter<'py>(
    mapping: &Bound<'py, PyMapping>,
    clocks: &[Counter],
    subject: &str,
) -> Result<ByCounter<'py>> {
    let mut times = [const { None }; Counter::COUNT];
    for item in mapping.items()? {
        let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        times[unit::extract_counter("a key", &key)? as usize] = Some(value);
    }
    let missing: Vec<_> = (clocks.iter())
        .filter(|clock| times[**clock as usize].is_none())
        .map(|clock| format!("'{clock}'"))
        .collect();
    if !missing.is_empty() {
        let message = format!("{subject} {} too: the mapping lacks it", missing.join(" and "));
        return Err(Error::new(Kind::Unit, message));
    }
    Ok(times)
}

/// A mapping; arrays, which are none, are not asked, since asking takes long.
fn as_mapping<'a, 'py>(times: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyMapping>> {
    let is_array = times.get_type().hasattr(intern!(times.py(), "dtype")).unwrap_or(false);
    if is_array { None } else { times.cast::<PyMapping>().ok() }
}

/// α of one curve or of several at arrays of times, one for each of their clocks. With `stacked`
/// the curves are the first axis of the result.
fn arrays<'py>(
    py: Python<'py>,
    curves: &[&core::Curve],
    times: &ByCounter<'py>,
    stacked: bool,
    (out, dtype, threads): (Optional<'_, 'py>, Optional<'_, 'py>, Option<NonZeroUsize>),
) -> Result<Bound<'py, PyAny>> {
    let mut arrays = [const { None }; Counter::COUNT];
    let mut shape: Option<Vec<usize>> = None;
    let read = counters_of(curves);
    for clock in Counter::ALL {
        // Without a curve the times still say what shape they have.
        let Some(time) = &times[clock as usize] else { continue };
        if !read.contains(&clock) && !curves.is_empty() {
            continue;
        }
        let array = Array::from_python(time)?;
        match &shape {
            Some(shape) if shape != array.0.shape() => {
                let message = format!(
                    "times of all clocks must have one shape, not {shape:?} and {:?}",
                    array.0.shape()
                );
                return Err(Error::new(Kind::Schedule, message));
            }
            _ => shape = Some(array.0.shape().to_vec()),
        }
        arrays[clock as usize] = Some(array);
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
fn bare<'py>(times: &Bound<'py, PyAny>, counter: Counter) -> ByCounter<'py> {
    let mut by_counter = [const { None }; Counter::COUNT];
    by_counter[counter as usize] = Some(times.clone());
    by_counter
}

/// What bare numbers count for all of some curves.
fn counter_of_all(curves: &[&core::Curve]) -> Result<Counter> {
    let counters: Vec<_> =
        curves.iter().map(|curve| curve.counter()).collect::<core::Result<_>>()?;
    match &counters[..] {
        [] => Ok(Counter::Batch), // any: no curve reads it
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

/// An argument that may be left out.
type Optional<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// α of many curves at the same times: an array whose first axis are the curves.
///
/// `curves` is an iterable of `Curve`, `times` an array of ints or floats on the one clock that
/// they all read, or a mapping such as `{"ba": batches, "tok": tokens}`. The result has the shape
/// `(len(curves), *times.shape)`; row i is `curves[i](times)` bit for bit. `out=`, `dtype=` and
/// `threads=` as for a call of a curve; threads share curves and times alike.
///
/// >>> run = Run("4ba")
/// >>> sweep = [PolynomialScheduler(power).resolve(run) for power in (1, 2, 3)]
/// >>> evaluate(sweep, [0, 2, 4]).tolist()
/// [[1.0, 0.5, 0.0], [1.0, 0.25, 0.0], [1.0, 0.125, 0.0]]
///
/// Raises `UnitError` if the curves read several clocks and `times` is no mapping, or one that
/// lacks a clock; `ScheduleError` for times that are negative or not finite; `TypeError` for what
/// is no curve or no array of numbers.
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
    let times = match as_mapping(times) {
        Some(mapping) => by_counter(mapping, &counters_of(&curves), "these curves read")?,
        None => bare(times, counter_of_all(&curves)?),
    };
    arrays(py, &curves, &times, true, (out, dtype, threads))
}

#[pymethods]
impl Curve {
    /// The schedule that was resolved.
    #[getter]
    fn schedule(&self, py: Python<'_>) -> Py<Schedule> {
        self.schedule.clone_ref(py)
    }

    /// The run for which it was resolved.
    #[getter]
    fn run(&self, py: Python<'_>) -> Py<Run> {
        self.run.clone_ref(py)
    }

    /// The units of the clocks that the curve reads, a tuple of `TimeUnit`. Lengths in epochs are
    /// kept in batches where the run tells how many an epoch has.
    #[getter]
    fn units<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut members = Vec::new();
        for clock in self.curve.counters().iter() {
            members.push(unit::member(py, clock.unit())?);
        }
        PyTuple::new(py, members)
    }

    #[pyo3(signature = (t, *, out=None, dtype=None, threads=None))]
    fn __call__<'py>(
        &self,
        t: &Bound<'py, PyAny>,
        out: Optional<'_, 'py>,
        dtype: Optional<'_, 'py>,
        threads: Optional<'_, 'py>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = t.py();
        let threads = array::threads(threads)?;
        let scalar_allowed = out.is_none() && dtype.is_none();
        if scalar_allowed && let Some(alpha) = self.scalar(t)? {
            return Ok(alpha.into_bound_py_any(py)?);
        }
        let options = (out, dtype, threads);
        if let Some(mapping) = as_mapping(t) {
            let times = by_counter(mapping, &self.curve.counters(), "this curve reads")?;
            if scalar_allowed && let Some(alpha) = self.scalar_mapping(&times)? {
                return Ok(alpha.into_bound_py_any(py)?);
            }
            return arrays(py, &[&self.curve], &times, false, options);
        }
        let times = bare(t, self.curve.counter()?);
        arrays(py, &[&self.curve], &times, false, options)
    }

    /// α at the time at which a batch begins: that of `run.at_batch`.
    ///
    /// Raises `UnitError` if the curve reads a clock that the run does not tell.
    ///
    /// >>> curve = StepScheduler("1ep", gamma=0.5).resolve(Run("3ep", batches_per_epoch=100))
    /// >>> curve.at_batch(99), curve.at_batch(100)
    /// (1.0, 0.5)
    fn at_batch(&self, batch: &Bound<'_, PyAny>) -> Result<f64> {
        let batch = time::extract_count("batch", batch, Counter::Batch)?;
        Ok(self.curve.at_batch(batch)?)
    }

    /// α at `start`, `start + step`, … before `stop`, without an input array.
    ///
    /// Each is a time, or a number on the curve's clock, which of several clocks is batches; `stop`
    /// defaults to the run's length. `out=`, `dtype=` and `threads=` are those of a call. Raises
    /// `UnitError` naming the fact that the run lacks.
    ///
    /// >>> CosineAnnealingScheduler().resolve("1000ba").grid(step="500ba").tolist()
    /// [1.0, 0.5]
    #[pyo3(signature = (start=Given(None), stop=None, step=Given(None), out=None, dtype=None, *,
                        threads=None))]
    #[pyo3(
        text_signature = "($self, start=0, stop=None, step=1, out=None, dtype=None, *, threads=None)"
    )]
    #[allow(clippy::too_many_arguments)] // they are the caller's
    fn grid<'py>(
        &self,
        py: Python<'py>,
        start: Given<'_, 'py>,
        stop: Optional<'_, 'py>,
        step: Given<'_, 'py>,
        out: Optional<'_, 'py>,
        dtype: Optional<'_, 'py>,
        threads: Optional<'_, 'py>,
    ) -> Result<Bound<'py, PyAny>> {
        let threads = array::threads(threads)?;
        let clock = self.curve.counter()?;
        let start = start.or(0.0, |start| self.number("start", clock, start))?;
        let step = step.or(1.0, |step| self.number("step", clock, step))?;
        let stop = match stop {
            Some(stop) => self.number("stop", clock, stop)?,
            None => self.curve.length(clock)?,
        };
        let len = grid_len(start, stop, step)?;
        let output = Output::new(py, &[len], out, dtype)?;
        output.write(true, |sink| {
            let mut sources = [None; Counter::COUNT];
            sources[clock as usize] = Some(Source::Grid { start, step, len });
            in_bulk(py, len, || evaluate(&[&self.curve], &sources, sink, threads))
        })
    }

    fn __repr__(&self) -> String {
        format!("{}.resolve({})", self.bracketed(), self.run.get().0)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.parts() == other.get().parts())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.__repr__().hash(&mut hasher);
        hasher.finish()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let resolve = py.get_type::<Schedule>().getattr("resolve")?;
        (resolve, (self.schedule(py), self.run(py))).into_pyobject(py)
    }
}

impl Curve {
    fn parts(&self) -> (&core::Schedule, &core::Run) {
        (&self.schedule.get().tree, &self.run.get().0)
    }

    /// The schedule's repr, in brackets where operators stand in it.
    fn bracketed(&self) -> String {
        let schedule = &self.schedule.get().tree;
        let text = schedule.written(&PYTHON);
        match schedule.form() {
            Form::Class | Form::Method => text,
            Form::Product | Form::Scale | Form::Lift => format!("({text})"),
        }
    }
}
