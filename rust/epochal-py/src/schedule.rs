//! `Schedule`: the tree, and its operations.

use crate::argument;
use crate::composer::State;
use crate::curve::Curve;
use crate::declared;
use crate::error::{Error, Result};
use crate::name::name;
use crate::number::{self, Given, Number};
use crate::run::{self, Run};
use crate::state_curves::StateCurves;
use crate::view;
use epochal_core::{self as core, Argument, Form, Kind, NamedArgument, Style};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyString, PyTuple, PyType};
use pyo3::{IntoPyObjectExt, ffi};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Python's words for a schedule.
pub(crate) const PYTHON: Style =
    Style { suffix: "Scheduler", yes: "True", no: "False", nothing: "None", expanded: false };

/// The same for equal schedules.
pub(crate) const EXPANDED: Style = Style { expanded: true, ..PYTHON };

/// The base class of all schedules: an immutable description of a multiplier α as a function of
/// training time.
///
/// A schedule knows neither a run nor an optimizer; `resolve` gives its curve in a run. Two
/// schedules are equal if they stand for the same tree. A schedule can be hashed and pickled, and
/// prints as code that rebuilds it. Its arguments are its attributes:
///
/// >>> schedule = CosineAnnealingScheduler(t_max="0.5dur")
/// >>> schedule.t_max, schedule.alpha_f
/// (Time('0.5dur'), 0.0)
/// >>> schedule.resolve("100ba")(25)
/// 0.5
///
/// Every operation returns another schedule: `a * b`, `a * 0.5`, `a + 0.1`, `after_warmup`,
/// `until`, `cooldown`, `clip`, `repeat`, `advance` and `delay`. A function `f(state, ssr=1.0)` or
/// `f(state)` is accepted wherever a schedule is.
///
/// >>> (StepScheduler("30ep").after_warmup("5ep") * 0.5).clip(low=0.01)
/// (StepScheduler(step_size='30ep', gamma=0.1).after_warmup('5ep') * 0.5).clip(low=0.01)
///
/// As in Composer, a schedule can also be called with the state of a trainer,
/// `schedule(state, ssr=1.0)`.
#[pyclass(frozen, subclass, module = "epochal", name = "Schedule")]
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) tree: core::Schedule,
    curves: StateCurves,
}

impl Clone for Schedule {
    fn clone(&self) -> Self {
        Self::new(self.tree.clone())
    }
}

impl Schedule {
    pub(crate) fn new(tree: core::Schedule) -> Self {
        Self { tree, curves: StateCurves::default() }
    }

    /// A schedule as an instance of its class.
    pub(crate) fn wrap<'py>(py: Python<'py>, tree: &core::Schedule) -> Result<Bound<'py, PyAny>> {
        let schedule = Self::new(tree.clone()).into_bound_py_any(py)?;
        let class = match (tree.form(), tree.name()) {
            (_, None) => "FunctionSchedule".into(),
            (Form::Class, Some(name)) => format!("{name}{}", PYTHON.suffix),
            _ => return Ok(schedule),
        };
        let class = py.import(name!(py, "epochal"))?.getattr(class)?;
        let new = py.get_type::<Self>().getattr(name!(py, "__new__"))?;
        Ok(new.call1((class, schedule))?)
    }
}

/// The tree of a schedule or a function. A subclass that overrides `__call__` is a function.
pub(crate) fn extract(name: &str, object: &Bound<'_, PyAny>) -> Result<core::Schedule> {
    let py = object.py();
    if let Ok(schedule) = object.cast::<Schedule>()
        && !overrides_call(schedule)?
    {
        return Ok(schedule.get().tree.clone());
    }
    if !object.is_callable()
        || object.is_instance_of::<PyType>()
        || object.is_instance_of::<Curve>()
    {
        let expected = "a schedule or a function f(state, ssr=1.0)";
        return Err(Error::wrong_type(name, expected, object));
    }
    let class = py.import(name!(py, "epochal"))?.getattr(name!(py, "FunctionSchedule"))?;
    let schedule = class.call1((object,))?.cast_into::<Schedule>().map_err(PyErr::from)?;
    Ok(schedule.get().tree.clone())
}

/// Whether its class overrides `__call__`. A function schedule does so by design.
fn overrides_call(schedule: &Bound<'_, Schedule>) -> Result<bool> {
    let py = schedule.py();
    let own = schedule.get_type();
    let base = py.get_type::<Schedule>();
    if own.is(&base) || schedule.get().tree.as_function().is_some() {
        return Ok(false);
    }
    let name = name!(py, "__call__");
    Ok(!own.getattr(name)?.is(&base.getattr(name)?))
}

fn of(slf: &Bound<'_, Schedule>) -> Result<core::Schedule> {
    extract("a schedule", slf.as_any())
}

#[pymethods]
impl Schedule {
    #[new]
    fn py_new(tree: &Bound<'_, Self>) -> Self {
        tree.get().clone()
    }

    /// The curve of this schedule in a run, which is a `Run` or the length of one.
    ///
    /// Raises `UnitError` for a fact that the run lacks, `ScheduleError` for a phase that would
    /// begin after its end or for an α that does not stay finite.
    fn resolve(slf: &Bound<'_, Self>, run: &Bound<'_, PyAny>) -> Result<Curve> {
        let run = Py::new(slf.py(), Run(run::extract("run", run)?))?;
        let tree = of(slf)?;
        let schedule = match tree == slf.get().tree {
            true => slf.clone().unbind(),
            false => Self::wrap(slf.py(), &tree)?.cast_into().map_err(PyErr::from)?.unbind(),
        };
        Curve::new(schedule, run)
    }

    /// α in the state of a trainer, Composer's or any other.
    ///
    /// `state` has the attributes `timestamp` (an object with counters), `max_duration` (already
    /// scaled) and `dataloader_len` (batches in an epoch, or None), in the types of this library,
    /// in Composer's, or as plain numbers and strings. `ssr` is σ.
    #[pyo3(signature = (state, ssr=Given(None)))]
    fn __call__(&self, state: &Bound<'_, PyAny>, ssr: Given<'_, '_>) -> Result<f64> {
        let ratio = ssr.or(1.0, |ssr| number::float("ssr", ssr))?;
        let state = State::read(state)?;
        if let Some(alpha) = self.curves.at_once(&state, ratio) {
            return Ok(alpha?);
        }
        let curve = self.curves.of(&self.tree, &state, ratio)?;
        if !curve.has_functions() {
            return Ok(curve.at_timestamp(&state.timestamp(&curve.counters())?)?);
        }
        let alpha = curve.at_timestamp(&state.whole_timestamp()?)?;
        // What a function has read is known now, and must have been there.
        state.timestamp(&curve.counters())?;
        Ok(alpha)
    }

    fn __mul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some(number) = Number::extract(other)? {
            let tree = core::Schedule::scale(of(slf)?, number.as_f64())?;
            return Ok(Self::new(tree).into_bound_py_any(py)?);
        }
        if !other.is_callable() {
            return Ok(py.NotImplemented().into_bound(py));
        }
        let tree = of(slf)?.times(&extract("a factor", other)?)?;
        Ok(Self::new(tree).into_bound_py_any(py)?)
    }

    fn __rmul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyAny>> {
        if Number::extract(other)?.is_some() || !other.is_callable() {
            return Self::__mul__(slf, other);
        }
        let tree = extract("a factor", other)?.times(&of(slf)?)?;
        Ok(Self::new(tree).into_bound_py_any(slf.py())?)
    }

    fn __add__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = slf.py();
        match Number::extract(other)? {
            Some(number) => {
                let tree = core::Schedule::lift(of(slf)?, number.as_f64())?;
                Ok(Self::new(tree).into_bound_py_any(py)?)
            }
            None => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __radd__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyAny>> {
        Self::__add__(slf, other)
    }

    /// This schedule after a warmup.
    ///
    ///     α(t) = along the shape from start × top to top   while t < w
    ///     α(t) = this schedule, which begins at w          from w on
    ///
    /// w is `t_warmup` after the start of the phase, and top is the value of this schedule at w; a
    /// `MultiStepScheduler` counts as 1 in it. With `scale=True` a scale schedule ratio multiplies
    /// the warmup too. Moments, such as milestones and `t_max`, count from the start of the run;
    /// lengths, such as `step_size`, count from w.
    ///
    /// >>> curve = CosineAnnealingScheduler().after_warmup("10ba", start=0.1).resolve("100ba")
    /// >>> curve(0), curve(10), curve(100)
    /// (0.1, 1.0, 0.0)
    #[pyo3(signature = (t_warmup, start=Given(None), shape=Given(None), scale=Given(None)))]
    #[pyo3(text_signature = "($self, t_warmup, start=0.0, shape='linear', scale=False)")]
    fn after_warmup(
        slf: &Bound<'_, Self>,
        t_warmup: Given<'_, '_>,
        start: Given<'_, '_>,
        shape: Given<'_, '_>,
        scale: Given<'_, '_>,
    ) -> Result<Self> {
        method(slf, "after_warmup", [t_warmup, start, shape, scale])
    }

    /// This schedule before t, and another one from t on.
    ///
    ///     α(t') = this schedule                    while t' < t
    ///     α(t') = then, which begins at t          from t on
    ///
    /// With `carry=True` the second schedule is multiplied by the value of this one at t, so that
    /// it continues from there.
    ///
    /// >>> curve = ConstantScheduler().until("0.8dur", LinearScheduler()).resolve("100ba")
    /// >>> curve(79), curve(80), curve(90), curve(100)
    /// (1.0, 1.0, 0.5, 0.0)
    #[pyo3(signature = (t, then, carry=Given(None)))]
    #[pyo3(text_signature = "($self, t, then, carry=False)")]
    fn until(
        slf: &Bound<'_, Self>,
        t: Given<'_, '_>,
        then: Given<'_, '_>,
        carry: Given<'_, '_>,
    ) -> Result<Self> {
        method(slf, "until", [t, then, carry])
    }

    /// This schedule before t, then a decay from its value at t to `alpha_f`.
    ///
    ///     α(t') = this schedule                                    while t' < t
    ///     α(t') = along the shape from its value at t to alpha_f   while t' < T
    ///     α(t') = alpha_f                                          from T on
    ///
    /// T is `t_max`. To start a decay now, write `schedule.cooldown(clock.timestamp.token)`.
    ///
    /// >>> curve = ConstantScheduler(0.5).cooldown("80ba", shape="1-sqrt").resolve("100ba")
    /// >>> curve(79), curve(80), curve(85), curve(100)
    /// (0.5, 0.5, 0.25, 0.0)
    #[pyo3(signature = (t, t_max=Given(None), alpha_f=Given(None), shape=Given(None)))]
    #[pyo3(text_signature = "($self, t, t_max='1dur', alpha_f=0.0, shape='linear')")]
    fn cooldown(
        slf: &Bound<'_, Self>,
        t: Given<'_, '_>,
        t_max: Given<'_, '_>,
        alpha_f: Given<'_, '_>,
        shape: Given<'_, '_>,
    ) -> Result<Self> {
        method(slf, "cooldown", [t, t_max, alpha_f, shape])
    }

    /// This schedule within bounds.
    ///
    ///     α(t) = min(max(this schedule, low), high)
    ///
    /// By default `low` is 0.0 and there is no `high`.
    ///
    /// >>> curve = LinearScheduler().clip(0.25, 0.75).resolve("100ba")
    /// >>> curve(0), curve(50), curve(100)
    /// (0.75, 0.5, 0.25)
    #[pyo3(signature = (low=Given(None), high=Given(None)))]
    #[pyo3(text_signature = "($self, low=0.0, high=None)")]
    fn clip(slf: &Bound<'_, Self>, low: Given<'_, '_>, high: Given<'_, '_>) -> Result<Self> {
        method(slf, "clip", [low, high])
    }

    /// This schedule in cycles.
    ///
    ///     α(t) = this schedule at (t - s) mod every
    ///
    /// s is the start of the phase, and cycle i begins at s + i × `every`. Each cycle is a run of
    /// its own: time counts from its start, and `dur` is a fraction of `every`.
    ///
    /// >>> curve = LinearScheduler().repeat("10ba").resolve("100ba")
    /// >>> curve(0), curve(9), curve(10), curve(95)
    /// (1.0, 0.1, 1.0, 0.5)
    fn repeat(slf: &Bound<'_, Self>, every: Given<'_, '_>) -> Result<Self> {
        method(slf, "repeat", [every])
    }

    /// This schedule moved to an earlier time.
    ///
    ///     α(t) = this schedule at t + by
    ///
    /// With "1ba", step k uses the value at time k + 1, as in torchtitan and OLMo-core. With
    /// `scale=True` a scale schedule ratio multiplies `by`.
    ///
    /// >>> curve = LinearScheduler().advance("1ba").resolve("10ba")
    /// >>> curve(0), curve(9)
    /// (0.9, 0.0)
    #[pyo3(signature = (by, scale=Given(None)))]
    #[pyo3(text_signature = "($self, by, scale=False)")]
    fn advance(slf: &Bound<'_, Self>, by: Given<'_, '_>, scale: Given<'_, '_>) -> Result<Self> {
        method(slf, "advance", [by, scale])
    }

    /// This schedule moved to a later time.
    ///
    ///     α(t) = this schedule at max(t - by, s)
    ///
    /// s is the start of its phase. With "1ba", step k uses the value at time k - 1, as in
    /// Composer's Trainer. With `scale=True` a scale schedule ratio multiplies `by`.
    ///
    /// >>> curve = LinearScheduler().delay("1ba").resolve("10ba")
    /// >>> curve(0), curve(1), curve(2)
    /// (1.0, 1.0, 0.9)
    #[pyo3(signature = (by, scale=Given(None)))]
    #[pyo3(text_signature = "($self, by, scale=False)")]
    fn delay(slf: &Bound<'_, Self>, by: Given<'_, '_>, scale: Given<'_, '_>) -> Result<Self> {
        method(slf, "delay", [by, scale])
    }

    fn _repr_svg_<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyAny>> {
        view::call(slf, "repr_svg", &[])
    }

    /// This schedule as plain dicts, lists, strings and numbers, for JSON, YAML or TOML.
    ///
    /// Arguments with their default value are left out. `from_config` reads it back.
    ///
    /// >>> CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1).to_config()
    /// {'name': 'cosine_with_warmup', 't_warmup': '100ba', 'alpha_f': 0.1}
    /// >>> (LinearScheduler() * 0.5).to_config()
    /// {'name': 'scale', 'of': {'name': 'linear'}, 'by': 0.5}
    ///
    /// Raises `ScheduleError` for a schedule with a function in it.
    fn to_config<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyAny>> {
        configuration(slf, "_mappings", "to_config", None)
    }

    /// This schedule with other arguments.
    ///
    /// An argument that the outermost operation does not have is looked up inside it, where only
    /// one schedule may have it.
    ///
    /// >>> CosineAnnealingScheduler().replace(alpha_f=0.1)
    /// CosineAnnealingScheduler(t_max='1dur', alpha_f=0.1)
    /// >>> LinearScheduler().clip(low=0.1).replace(high=0.9, t_max="50ba")
    /// LinearScheduler(alpha_i=1.0, alpha_f=0.0, t_max='50ba').clip(low=0.1, high=0.9)
    ///
    /// Raises `ScheduleError` for an argument that no schedule or several schedules have, and for a
    /// value that is not valid.
    #[pyo3(signature = (**changes))]
    fn replace<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> Result<Bound<'py, PyAny>> {
        configuration(slf, "_changes", "replace", changes)
    }

    /// 16 hexadecimal digits that identify this schedule, as a cache key does.
    ///
    /// Equal schedules have the same digits on every platform and in every version.
    ///
    /// >>> CosineAnnealingWithWarmupScheduler("100ba").fingerprint()
    /// 'a2b41fe1f1bbac2f'
    /// >>> CosineAnnealingScheduler().after_warmup("100ba").fingerprint()
    /// 'a2b41fe1f1bbac2f'
    ///
    /// Raises `ScheduleError` for a schedule with a function in it.
    fn fingerprint<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyAny>> {
        configuration(slf, "_changes", "fingerprint", None)
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> Result<Bound<'py, PyAny>> {
        let py = slf.py();
        for argument in slf.get().tree.arguments() {
            if argument.name == name {
                return argument::to_python(py, &argument.value);
            }
        }
        if name == "__signature__" {
            return call_signature(py);
        }
        let class = slf.get_type().name()?;
        Err(PyAttributeError::new_err(format!("'{class}' object has no attribute '{name}'")).into())
    }

    fn __setattr__(slf: &Bound<'_, Self>, name: &str, value: &Bound<'_, PyAny>) -> Result<()> {
        change(slf, name, value.as_ptr())
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &str) -> Result<()> {
        change(slf, name, std::ptr::null_mut())
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let names = slf.py().get_type::<PyAny>().call_method1("__dir__", (slf,))?;
        for argument in slf.get().tree.arguments() {
            names.call_method1("append", (argument.name,))?;
        }
        Ok(names)
    }

    fn __repr__(&self) -> String {
        self.tree.written(&PYTHON)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.tree == other.get().tree)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.tree.written(&EXPANDED).hash(&mut hasher);
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
        let tree = &slf.get().tree;
        let arguments = tree.arguments();
        let class = match slf.get_type() {
            class if class.is(py.get_type::<Self>()) => None,
            class => Some(class),
        };
        // What its class takes, and no argument that only other classes give.
        let is_plain = arguments.iter().all(NamedArgument::is_default_or_needed);
        match (class, tree.form()) {
            (Some(class), _) if tree.is_named() => {
                let named = PyDict::new(py);
                for argument in &arguments {
                    named.set_item(&argument.name, argument::to_python(py, &argument.value)?)?;
                }
                let rebuild = py.import("copyreg")?.getattr("__newobj_ex__")?;
                Ok((rebuild, (class, PyTuple::empty(py), named)).into_pyobject(py)?)
            }
            (Some(class), Form::Class) if is_plain => {
                let needed = arguments.into_iter().filter(|argument| argument.default.is_none());
                let values = needed.map(|argument| argument.value);
                let values = argument::all_to_python(py, values)?;
                Ok((class, values.to_tuple()).into_pyobject(py)?)
            }
            (None, Form::Class) if is_plain || tree.is_named() => {
                // It becomes one of its class.
                let wrapped = Self::wrap(py, tree)?;
                Ok(wrapped.call_method0("__reduce__")?.cast_into().map_err(PyErr::from)?)
            }
            _ => {
                let values = arguments.into_iter().map(|argument| argument.value);
                let values = argument::all_to_python(py, values)?;
                let build = py.import("epochal._core")?.getattr("build")?;
                let name = tree.name().unwrap_or_default();
                Ok((build, (name, values)).into_pyobject(py)?)
            }
        }
    }
}

/// Sets an attribute, or deletes it, which only classes derived from these have.
fn change(slf: &Bound<'_, Schedule>, name: &str, value: *mut ffi::PyObject) -> Result<()> {
    let py = slf.py();
    if slf.get().tree.arguments().iter().any(|argument| argument.name == name) {
        let message =
            format!("schedules are immutable, so {name} cannot change: build another one");
        return Err(PyAttributeError::new_err(message).into());
    }
    let name = PyString::new(py, name);
    // SAFETY: the first two are objects, the third is one or null, and the interpreter is
    // attached. `object.__setattr__` takes no instance of a class that has one of its own.
    let status = unsafe { ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), value) };
    if status == 0 { Ok(()) } else { Err(PyErr::fetch(py).into()) }
}

/// An operation on a schedule, by its declaration.
fn method<const N: usize>(
    slf: &Bound<'_, Schedule>,
    name: &str,
    given: [Given<'_, '_>; N],
) -> Result<Schedule> {
    let declaration = declared::declaration(name)?;
    let mut arguments = vec![Argument::Schedule(of(slf)?)];
    for (parameter, given) in declaration.parameters[1..].iter().zip(given) {
        arguments.push(match (&given.0, argument::default(parameter)) {
            (None, Some(default)) => default,
            (Some(object), _) => argument::extract(parameter.name, parameter.kind, object)?,
            (None, None) => return Err(Error::new(Kind::Schedule, parameter.name)),
        });
    }
    Ok(Schedule::new((declaration.build)(arguments, &[])?))
}

/// What a function of a module of `epochal.config`, imported when it is needed, makes of a schedule.
fn configuration<'py>(
    slf: &Bound<'py, Schedule>,
    module: &str,
    function: &str,
    options: Option<&Bound<'py, PyDict>>,
) -> Result<Bound<'py, PyAny>> {
    let module = slf.py().import(format!("epochal.config.{module}"))?;
    Ok(module.getattr(function)?.call((slf,), options)?)
}

/// The signature of every schedule, which `inspect` cannot find on an extension's object.
fn call_signature(py: Python<'_>) -> Result<Bound<'_, PyAny>> {
    let inspect = py.import("inspect")?;
    let parameter = inspect.getattr("Parameter")?;
    let kind = parameter.getattr("POSITIONAL_OR_KEYWORD")?;
    let state = parameter.call1(("state", &kind))?;
    let options = PyDict::new(py);
    options.set_item("default", 1.0)?;
    let ssr = parameter.call(("ssr", &kind), Some(&options))?;
    Ok(inspect.getattr("Signature")?.call1((vec![state, ssr],))?)
}
