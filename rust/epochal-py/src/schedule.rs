//! `Schedule` and the nodes from which the thirteen classes are built.

use crate::curve::Curve;
use crate::error::{Error, Result};
use crate::number::{self, Given};
use crate::run::Run;
use crate::time::{self, Time};
use crate::timestamp;
use epochal_core::{self as core, Argument, Clock, Facts, Tail, Warmup};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What all schedules are: an immutable description of a multiplier α as a function of training
/// time. It knows no run and no optimizer; `resolve` gives its curve in a run.
///
/// Schedules are equal if their classes' arguments are, hash, pickle, and print as code that
/// rebuilds them. `a * b` is their product. Arguments read as attributes:
///
/// >>> schedule = CosineAnnealingScheduler(t_max="0.5dur")
/// >>> schedule.t_max, schedule.alpha_f
/// (Time('0.5dur'), 0.0)
/// >>> schedule.resolve(Run("100ba"))(25)
/// 0.5
///
/// Composer's form calls a schedule with its trainer's state, `schedule(state, ssr=1.0)`.
#[pyclass(frozen, subclass, module = "epochal", name = "Schedule")]
#[derive(Clone, Debug)]
pub(crate) struct Schedule(pub(crate) core::Schedule);

#[pymethods]
impl Schedule {
    #[new]
    fn new(tree: &Bound<'_, Self>) -> Self {
        tree.get().clone()
    }

    /// The curve of this schedule in a run.
    ///
    /// Raises `UnitError` for a fact that the run lacks, `ScheduleError` for a warmup longer
    /// than `t_max` or an α that does not stay finite.
    fn resolve(slf: &Bound<'_, Self>, run: &Bound<'_, PyAny>) -> Result<Curve> {
        let run = run.cast::<Run>().map_err(|_| Error::wrong_type("run", "a Run", run))?;
        Curve::new(slf.clone().unbind(), run.clone().unbind())
    }

    /// α in the state of Composer's trainer or of anything like it.
    ///
    /// `state` has `timestamp` (counters by name), `max_duration` (already scaled) and
    /// `dataloader_len` (batches in an epoch, or None), in this library's types, Composer's, or
    /// plain numbers and strings. `ssr` is σ.
    #[pyo3(signature = (state, ssr=Given(None)))]
    fn __call__(&self, state: &Bound<'_, PyAny>, ssr: Given<'_, '_>) -> Result<f64> {
        let ratio = ssr.or(1.0, |ssr| number::float("ssr", ssr))?;
        let attribute = |name: &str| timestamp::attribute("state", state, name);
        let batches = attribute("dataloader_len")?;
        let facts = Facts {
            batches_per_epoch: match batches.is_none() {
                true => None,
                false => Some(timestamp::whole("state.dataloader_len", &batches, Clock::Batch)?),
            },
            ..Facts::default()
        };
        let duration = foreign_time("state.max_duration", &attribute("max_duration")?)?;
        let curve = self.0.resolve(&core::Run::already_scaled(duration, facts, ratio)?)?;
        let readings = timestamp::readings(&attribute("timestamp")?, curve.clocks())?;
        Ok(curve.at_readings(&readings)?)
    }

    fn __mul__<'py>(&self, other: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        match other.cast::<Self>() {
            Ok(other) => Ok(Self(self.0.product(&other.get().0)).into_bound_py_any(other.py())?),
            Err(_) => Ok(other.py().NotImplemented().into_bound(other.py())),
        }
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> Result<Bound<'py, PyAny>> {
        let py = slf.py();
        for (known, argument) in slf.get().0.arguments() {
            if known == name {
                return Ok(value(py, &argument)?);
            }
        }
        let class = slf.get_type().name()?;
        Err(PyAttributeError::new_err(format!("'{class}' object has no attribute '{name}'")).into())
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let names = slf.py().get_type::<PyAny>().call_method1("__dir__", (slf,))?;
        for (name, _) in slf.get().0.arguments() {
            names.call_method1("append", (name,))?;
        }
        Ok(names)
    }

    fn __repr__(&self) -> String {
        self.0.to_string()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.to_string().hash(&mut hasher);
        hasher.finish()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyTuple>> {
        let py = slf.py();
        let tree = &slf.get().0;
        if let core::Schedule::Product(factors) = tree {
            let factors: Vec<_> = factors.iter().cloned().map(Self).collect();
            let multiply = py.import("operator")?.getattr("mul")?;
            let reduce = py.import("functools")?.getattr("reduce")?;
            return Ok((reduce, (multiply, PyList::new(py, factors)?)).into_pyobject(py)?);
        }
        // A factor of a product is of the base class, and becomes one of the thirteen again.
        let class = match slf.get_type() {
            class if class.is(py.get_type::<Self>()) => {
                py.import("epochal")?.getattr(tree.class_name())?
            }
            class => class.into_any(),
        };
        let mut arguments = Vec::new();
        for (_, argument) in tree.arguments() {
            arguments.push(value(py, &argument)?);
        }
        Ok((class, PyTuple::new(py, arguments)?).into_pyobject(py)?)
    }
}

/// An argument as Python sees it.
fn value<'py>(py: Python<'py>, argument: &Argument<'_>) -> PyResult<Bound<'py, PyAny>> {
    match argument {
        Argument::Time(time) => Time(*time).into_bound_py_any(py),
        Argument::Times(times) => {
            PyTuple::new(py, times.iter().copied().map(Time))?.into_bound_py_any(py)
        }
        Argument::Number(number) => number.into_bound_py_any(py),
        Argument::Flag(flag) => flag.into_bound_py_any(py),
    }
}

/// A time of this library or another: one with `to_timestring`, or with `value` and `unit`.
fn foreign_time(name: &str, object: &Bound<'_, PyAny>) -> Result<core::Time> {
    let py = object.py();
    if let Ok(text) = object.call_method0(intern!(py, "to_timestring")) {
        return time::extract(name, &text);
    }
    if let (Ok(value), Ok(unit)) = (object.getattr("value"), object.getattr("unit")) {
        let unit = unit.getattr("value").unwrap_or(unit);
        let arguments = PyDict::new(py);
        arguments.set_item("value", value)?;
        arguments.set_item("unit", unit)?;
        return time::extract(name, &py.get_type::<Time>().call((), Some(&arguments))?);
    }
    time::extract(name, object)
}

fn node(tail: core::Result<Tail>) -> Result<Schedule> {
    Ok(Schedule(tail?.into()))
}

/// The tree of `StepScheduler`.
#[pyfunction]
pub(crate) fn step(step_size: &Bound<'_, PyAny>, gamma: &Bound<'_, PyAny>) -> Result<Schedule> {
    node(Tail::step(time::extract("step_size", step_size)?, number::float("gamma", gamma)?))
}

/// The tree of `MultiStepScheduler`.
#[pyfunction]
pub(crate) fn multi_step(
    milestones: &Bound<'_, PyAny>,
    gamma: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    let wrong =
        || Error::wrong_type("milestones", "a list of times, e.g. ['10ep', '16ep']", milestones);
    if milestones.is_instance_of::<PyString>() || milestones.is_instance_of::<Time>() {
        return Err(wrong());
    }
    let mut times = Vec::new();
    for milestone in milestones.try_iter().map_err(|_| wrong())? {
        times.push(time::extract("each of milestones", &milestone?)?);
    }
    node(Tail::multi_step(times, number::float("gamma", gamma)?))
}

/// The tree of `ConstantScheduler`.
#[pyfunction]
pub(crate) fn constant(alpha: &Bound<'_, PyAny>, t_max: &Bound<'_, PyAny>) -> Result<Schedule> {
    node(Tail::constant(number::float("alpha", alpha)?, time::extract("t_max", t_max)?))
}

/// The tree of `LinearScheduler`.
#[pyfunction]
pub(crate) fn linear(
    alpha_i: &Bound<'_, PyAny>,
    alpha_f: &Bound<'_, PyAny>,
    t_max: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    node(Tail::linear(
        number::float("alpha_i", alpha_i)?,
        number::float("alpha_f", alpha_f)?,
        time::extract("t_max", t_max)?,
    ))
}

/// The tree of `ExponentialScheduler`.
#[pyfunction]
pub(crate) fn exponential(
    gamma: &Bound<'_, PyAny>,
    decay_period: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    node(Tail::exponential(
        number::float("gamma", gamma)?,
        time::extract("decay_period", decay_period)?,
    ))
}

/// The tree of `CosineAnnealingScheduler`.
#[pyfunction]
pub(crate) fn cosine(t_max: &Bound<'_, PyAny>, alpha_f: &Bound<'_, PyAny>) -> Result<Schedule> {
    node(Tail::cosine_annealing(time::extract("t_max", t_max)?, number::float("alpha_f", alpha_f)?))
}

/// The tree of `CosineAnnealingWarmRestartsScheduler`.
#[pyfunction]
pub(crate) fn cosine_restarts(
    t_0: &Bound<'_, PyAny>,
    t_mult: &Bound<'_, PyAny>,
    alpha_f: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    node(Tail::cosine_annealing_warm_restarts(
        time::extract("t_0", t_0)?,
        number::float("t_mult", t_mult)?,
        number::float("alpha_f", alpha_f)?,
    ))
}

/// The tree of `PolynomialScheduler`.
#[pyfunction]
pub(crate) fn polynomial(
    power: &Bound<'_, PyAny>,
    t_max: &Bound<'_, PyAny>,
    alpha_f: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    node(Tail::polynomial(
        number::float("power", power)?,
        time::extract("t_max", t_max)?,
        number::float("alpha_f", alpha_f)?,
    ))
}

/// A linear ramp before a tail.
#[pyfunction]
pub(crate) fn warmup(
    t_warmup: &Bound<'_, PyAny>,
    tail: &Bound<'_, Schedule>,
    scale_warmup: &Bound<'_, PyAny>,
) -> Result<Schedule> {
    let core::Schedule::Tail(tail) = &tail.get().0 else {
        return Err(Error::wrong_type("tail", "a schedule without warmup", tail));
    };
    let scale_warmup = scale_warmup
        .cast::<PyBool>()
        .map_err(|_| Error::wrong_type("scale_warmup", "True or False", scale_warmup))?
        .is_true();
    let t_warmup = time::extract("t_warmup", t_warmup)?;
    Ok(Schedule(Warmup::new(t_warmup, tail.clone(), scale_warmup)?.into()))
}
