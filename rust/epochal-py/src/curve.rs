//! `Curve`: single values, and arrays from and to NumPy.

use crate::array::{self, Output, in_bulk};
use crate::error::Result;
use crate::name::name;
use crate::number::{self, Given, Number};
use crate::run::Run;
use crate::schedule::{PYTHON, Schedule};
use crate::time::{self, Time};
use crate::times::{self, ByCounter, Optional};
use crate::timestamp::Timestamp;
use crate::unit;
use crate::view;
use epochal_core::{self as core, Counter, Form, Source, evaluate, grid_len};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A schedule resolved for a run: the multiplier α as a function of time.
///
/// `Schedule.resolve(run)` returns it. `units` are the units of the clocks that it reads.
///
/// `curve(t)` is a float for a number on its clock, a `Time`, a time string, a `Timestamp` or a
/// `Clock`, and a float64 array of the same shape for an array of ints or floats. The run converts
/// a time. `out=` is an array that receives the values instead, `dtype="float32"` rounds them
/// once, and `threads=` is the number of threads that may share the work. By default that is
/// `EPOCHAL_NUM_THREADS` or the number of cores, and 1 for a small array; the values do not depend
/// on it.
///
/// A curve that reads several clocks takes a `Timestamp`, a `Clock` or a mapping such as
/// `{"ba": batches, "tok": tokens}`. It takes numbers and arrays too, as batches, if the rates of
/// the run give the other clocks.
///
/// >>> curve = LinearScheduler().resolve("4ba")
/// >>> curve(1), curve("0.5dur"), curve([0, 1, 2, 3, 4, 5]).tolist()
/// (0.75, 0.5, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
/// >>> curve.units, curve.grid().tolist()
/// ((<TimeUnit.BATCH: 'ba'>,), [1.0, 0.75, 0.5, 0.25])
///
/// A length in epochs is kept in batches if the run has `batches_per_epoch`. Only a `Clock` says
/// which epochs have really passed; every other time is read by its batches.
///
/// Raises `ScheduleError` for a time that is negative or not finite and for an α that is not
/// finite, `UnitError` where the run lacks the fact that a conversion needs, `TypeError` for other
/// types. Past the end of the run, a curve that would leave the range of floats keeps its last
/// value.
#[pyclass(frozen, module = "epochal", name = "Curve")]
#[derive(Debug)]
pub(crate) struct Curve {
    schedule: Py<Schedule>,
    run: Py<Run>,
    pub(crate) curve: core::Curve,
}

impl Curve {
    pub(crate) fn new(schedule: Py<Schedule>, run: Py<Run>) -> Result<Self> {
        let curve = schedule.get().tree.resolve(&run.get().0)?;
        Ok(Self { schedule, run, curve })
    }

    /// α at a single point, or `None` if `t` is an array or a mapping.
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
        self.at_clock(t)
    }

    /// α at the time that a clock tells, or none if `t` is no clock.
    pub(crate) fn at_clock(&self, t: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        // A `Clock` stands for its timestamp.
        if let Ok(Some(told)) = t.getattr_opt(name!(t.py(), "timestamp"))
            && let Ok(timestamp) = told.cast::<Timestamp>()
        {
            return Ok(Some(self.curve.at_epochs(&timestamp.get().0)?));
        }
        Ok(None)
    }

    /// α for a number of each counter, or `None` if one of them is an array.
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

    /// A number, or a time converted to the counter that numbers are on.
    pub(crate) fn number(
        &self,
        name: &str,
        counter: Counter,
        object: &Bound<'_, PyAny>,
    ) -> Result<f64> {
        if object.is_instance_of::<Time>() || object.is_instance_of::<PyString>() {
            return Ok(self.curve.place(time::extract(name, object)?, counter)?);
        }
        number::float(name, object)
    }
}

#[pymethods]
impl Curve {
    /// The schedule of this curve.
    #[getter]
    fn schedule(&self, py: Python<'_>) -> Py<Schedule> {
        self.schedule.clone_ref(py)
    }

    /// The run for which the schedule was resolved.
    #[getter]
    fn run(&self, py: Python<'_>) -> Py<Run> {
        self.run.clone_ref(py)
    }

    /// The units of the clocks that the curve reads, a tuple of `TimeUnit`.
    ///
    /// Lengths in epochs are kept in batches if the run has `batches_per_epoch`.
    #[getter]
    fn units<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut members = Vec::new();
        for counter in self.curve.counters().iter() {
            members.push(unit::member(py, counter.unit())?);
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
        if let Some(mapping) = times::as_mapping(t) {
            let times = times::by_counter(mapping, &self.curve.counters(), "this curve reads")?;
            if scalar_allowed && let Some(alpha) = self.scalar_mapping(&times)? {
                return Ok(alpha.into_bound_py_any(py)?);
            }
            return times::arrays(py, &[&self.curve], &times, false, options);
        }
        let times = times::bare(t, self.curve.counter()?);
        times::arrays(py, &[&self.curve], &times, false, options)
    }

    /// α when a batch begins, at the timestamp `run.at_batch(batch)`.
    ///
    /// A function that can be pickled, and be that of a `LambdaLR`. Raises `UnitError` if the curve
    /// reads a clock that the rates of the run do not give.
    ///
    /// >>> curve = StepScheduler("1ep", gamma=0.5).resolve(Run("3ep", batches_per_epoch=100))
    /// >>> curve.at_batch(99), curve.at_batch(100)
    /// (1.0, 0.5)
    #[getter]
    fn at_batch(slf: Py<Self>) -> AtBatch {
        AtBatch(slf)
    }

    /// Nothing. `LambdaLR` saves it as the state of its function.
    #[getter(__dict__)]
    fn dict<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        PyDict::new(py)
    }

    /// α at `start`, `start + step`, … before `stop`, without an input array.
    ///
    /// Each argument is a time, or a number on the curve's clock (batches, if it reads several).
    /// `stop` is the length of the run by default. `out=`, `dtype=` and `threads=` are as in a call
    /// of the curve. Raises `UnitError` that names a fact which the run lacks.
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
        let counter = self.curve.counter()?;
        let start = start.or(0.0, |start| self.number("start", counter, start))?;
        let step = step.or(1.0, |step| self.number("step", counter, step))?;
        let stop = match stop {
            Some(stop) => self.number("stop", counter, stop)?,
            None => self.curve.length(counter)?,
        };
        let len = grid_len(start, stop, step)?;
        let output = Output::new(py, &[len], out, dtype)?;
        output.write(true, |sink| {
            let mut sources = [None; Counter::COUNT];
            sources[counter as usize] = Some(Source::Grid { start, step, len });
            in_bulk(py, len, || evaluate(&[&self.curve], &sources, sink, threads))
        })
    }

    /// The phases of the run as a table: how α goes in each, and from what to what.
    ///
    /// It prints; `.rows` is plain data. With `base_lr` it has rates too.
    ///
    /// >>> curve = CosineAnnealingWithWarmupScheduler("10ba").resolve("100ba")
    /// >>> print(curve.describe())
    /// phase   ba          dur        α
    /// ramp     0 -  10    0 - 0.1    0 -> 1
    /// decay   10 - 100  0.1 - 1      1 -> 0
    #[pyo3(signature = (base_lr=None))]
    fn describe<'py>(
        slf: &Bound<'py, Self>,
        base_lr: Optional<'_, 'py>,
    ) -> Result<Bound<'py, PyAny>> {
        view::call(slf, "describe", &[("base_lr", base_lr)])
    }

    /// The times in the run, its ends aside, at which the curve jumps, bends, begins or ends.
    /// Between two of them it is smooth. They are floats in the unit of the curve, or in batches
    /// where it reads several.
    ///
    /// >>> MultiStepScheduler(["30ep", "60ep"]).resolve("90ep").breakpoints()
    /// (30.0, 60.0)
    ///
    /// Raises `ScheduleError` for more than 10,000 of them, and if the curve holds a function, of
    /// which nothing is known but values; `UnitError` if it reads a clock that the run does not
    /// tell. All that follows raises the same.
    fn breakpoints<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
        Ok(PyTuple::new(py, self.curve.breakpoints()?)?)
    }

    /// The first breakpoint after t, or None if the run ends before.
    ///
    /// >>> StepScheduler("1ba").resolve("1Tba").next_change(10.5)
    /// 11.0
    fn next_change(&self, t: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        let t = self.number("t", self.curve.counter()?, t)?;
        Ok(self.curve.next_change(t)?)
    }

    /// The largest α in the run, its end included. Time counts as continuous, so it may lie
    /// between two steps.
    ///
    /// It is exact, but for products of curves that rise and fall: there it is found to 1e-9 of
    /// it, or as near as 20,000 looks come.
    ///
    /// >>> CosineAnnealingWithWarmupScheduler("10ba").resolve("100ba").maximum()
    /// 1.0
    fn maximum(&self) -> Result<f64> {
        Ok(self.curve.maximum()?)
    }

    /// The smallest α in the run, its end included; as exact as the largest.
    ///
    /// >>> CosineAnnealingScheduler(alpha_f=0.1).resolve("100ba").minimum()
    /// 0.1
    fn minimum(&self) -> Result<f64> {
        Ok(self.curve.minimum()?)
    }

    /// The mean of α over the run.
    ///
    /// It is good for twelve digits; for three in products, and within bounds, where what is
    /// multiplied changes more than 4,096 times.
    ///
    /// >>> LinearScheduler().resolve("1Ttok").mean()
    /// 0.5
    fn mean(&self) -> Result<f64> {
        Ok(self.curve.mean()?)
    }

    /// The largest jump in the run, as (t, before, after), or None if there is none.
    ///
    /// >>> StepScheduler("30ep").resolve("90ep").largest_jump()
    /// Jump(t=30.0, before=1.0, after=0.1)
    fn largest_jump<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        match self.curve.largest_jump()? {
            Some(jump) => view::jump(py, &jump),
            None => Ok(py.None().into_bound(py)),
        }
    }

    /// The first whole t at which α is below x, or None if it never is within the run.
    ///
    /// >>> LinearScheduler().resolve("1Ttok").first_below(0.25)
    /// 750000000001.0
    fn first_below(&self, x: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        Ok(self.curve.first_below(number::float("x", x)?)?)
    }

    /// The first whole t at which α is above x, or None if it never is within the run.
    ///
    /// >>> LinearScheduler(0.0, 1.0).resolve("100ba").first_above(0.5)
    /// 51.0
    fn first_above(&self, x: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        Ok(self.curve.first_above(number::float("x", x)?)?)
    }

    /// Draws the curve with matplotlib, and returns the axes.
    ///
    /// `ax` are the axes to draw on, by default new ones. `unit` is the unit of the time axis, by
    /// default the curve's; a second axis shows the run in another unit, if one is known. With
    /// `base_lr` rates are drawn; `log=True` draws them on a logarithmic axis. `label` names the
    /// curve in a legend; `phases=False` leaves out their shades and names.
    #[pyo3(signature = (ax=None, unit=None, base_lr=None, *, log=false, label=None, phases=true))]
    #[allow(clippy::too_many_arguments)] // they are the caller's
    fn plot<'py>(
        slf: &Bound<'py, Self>,
        ax: Optional<'_, 'py>,
        unit: Optional<'_, 'py>,
        base_lr: Optional<'_, 'py>,
        log: bool,
        label: Optional<'_, 'py>,
        phases: bool,
    ) -> Result<Bound<'py, PyAny>> {
        let py = slf.py();
        let (log, phases) = (log.into_bound_py_any(py)?, phases.into_bound_py_any(py)?);
        let options = [
            ("ax", ax),
            ("unit", unit),
            ("base_lr", base_lr),
            ("log", Some(&log)),
            ("label", label),
            ("phases", Some(&phases)),
        ];
        view::call(slf, "plot", &options)
    }

    /// The curve as the text of an SVG picture, for light and dark pages, without matplotlib.
    ///
    /// `width` and `height` are in pixels. `unit`, `base_lr` and `log` are as for `plot`.
    ///
    /// >>> svg = LinearScheduler().resolve("100ba").to_svg()
    /// >>> svg.startswith("<svg "), "100 ba" in svg
    /// (True, True)
    #[pyo3(signature = (unit=None, base_lr=None, *, log=false, width=None, height=None))]
    #[pyo3(
        text_signature = "($self, unit=None, base_lr=None, *, log=False, width=480, height=200)"
    )]
    fn to_svg<'py>(
        slf: &Bound<'py, Self>,
        unit: Optional<'_, 'py>,
        base_lr: Optional<'_, 'py>,
        log: bool,
        width: Optional<'_, 'py>,
        height: Optional<'_, 'py>,
    ) -> Result<Bound<'py, PyAny>> {
        let log = log.into_bound_py_any(slf.py())?;
        let options = [
            ("unit", unit),
            ("base_lr", base_lr),
            ("log", Some(&log)),
            ("width", width),
            ("height", height),
        ];
        view::call(slf, "to_svg", &options)
    }

    fn _repr_svg_<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyAny>> {
        view::call(slf, "repr_svg", &[])
    }

    /// Writes a table of the curve: a column for each unit that the run knows, α, and with
    /// `base_lr` the rate.
    ///
    /// `path` is a path or a text file; without one the table is returned as text. There is a line
    /// every `every`, a time or a number of what the curve counts: by default about 1000 lines,
    /// however long the run is.
    ///
    /// >>> print(LinearScheduler().resolve("4ba").to_csv(every=2))
    /// ba,dur,alpha
    /// 0,0.0,1.0
    /// 2,0.5,0.5
    /// 4,1.0,0.0
    #[pyo3(signature = (path=None, every=None, base_lr=None))]
    fn to_csv<'py>(
        slf: &Bound<'py, Self>,
        path: Optional<'_, 'py>,
        every: Optional<'_, 'py>,
        base_lr: Optional<'_, 'py>,
    ) -> Result<Bound<'py, PyAny>> {
        let (path, every) = (("path", path), ("every", every));
        view::call(slf, "to_csv", &[path, every, ("base_lr", base_lr)])
    }

    fn __repr__(&self) -> String {
        format!("{}.resolve({})", self.bracketed(), self.run.get().__repr__())
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

/// α as a function of the number of a batch: `curve.at_batch`.
#[pyclass(frozen, module = "epochal._core")]
pub(crate) struct AtBatch(Py<Curve>);

#[pymethods]
impl AtBatch {
    pub(crate) fn __call__(&self, batch: &Bound<'_, PyAny>) -> Result<f64> {
        let batch = time::extract_count("batch", batch, Counter::Batch)?;
        Ok(self.0.get().curve.at_batch(batch)?)
    }

    #[getter(__dict__)]
    fn dict<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        PyDict::new(py)
    }

    fn __repr__(&self) -> String {
        format!("{}.at_batch", self.0.get().__repr__())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0.get().parts() == other.get().0.get().parts())
    }

    fn __hash__(&self) -> u64 {
        self.0.get().__hash__()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let getattr = py.import("builtins")?.getattr("getattr")?;
        (getattr, (&self.0, "at_batch")).into_pyobject(py)
    }
}

impl Curve {
    fn parts(&self) -> (&core::Schedule, &core::Run) {
        (&self.schedule.get().tree, &self.run.get().0)
    }

    /// The repr of the schedule, in brackets if it is an expression with an operator.
    fn bracketed(&self) -> String {
        let schedule = &self.schedule.get().tree;
        let text = schedule.written(&PYTHON);
        match schedule.form() {
            Form::Class | Form::Method => text,
            Form::Product | Form::Scale | Form::Lift => format!("({text})"),
        }
    }
}
