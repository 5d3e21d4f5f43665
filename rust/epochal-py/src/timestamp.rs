//! `Timestamp`.

use crate::error::{Error, Result};
use crate::number::{self, Given, Number};
use crate::time::{self, Time};
use crate::unit;
use epochal_core::{self as core, Counter, Field, Kind, MICROSECONDS_PER_SECOND};
use pyo3::IntoPyObjectExt;
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDeltaAccess, PyDict, PyMapping, PyString, PyTuple, PyType};
use std::hash::{DefaultHasher, Hash, Hasher};

/// An immutable snapshot of all the clocks of a run.
///
/// A counter reads as a `Time` and is given as an int, a `Time` of its unit or a time string.
/// Wall-clock times (`*_wct`) are `datetime.timedelta`. Every field starts at zero, and no field
/// is negative.
///
/// >>> t = Timestamp(epoch=1, batch=120)
/// >>> t.batch, t >= "1ep", t.to_next_batch(samples=32).sample
/// (Time('120ba'), True, Time('32sp'))
///
/// A timestamp compares with a `Time` or a time string by the clock of its unit; elapsed seconds
/// compare to the microsecond. Raises `EpochalError` for a negative field, `UnitError` for a time
/// in another unit than the field's, `TypeError` for other types.
#[pyclass(frozen, module = "epochal", name = "Timestamp")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp(pub(crate) core::Timestamp);

const SECONDS_PER_DAY: i64 = 86_400;

/// A timedelta in microseconds.
pub(crate) fn microseconds(name: &str, object: &Bound<'_, PyAny>) -> Result<i64> {
    let delta = object
        .cast::<PyDelta>()
        .map_err(|_| Error::wrong_type(name, "a datetime.timedelta", object))?;
    i64::from(delta.get_days())
        .checked_mul(SECONDS_PER_DAY)
        .and_then(|seconds| seconds.checked_add(i64::from(delta.get_seconds())))
        .and_then(|seconds| seconds.checked_mul(MICROSECONDS_PER_SECOND))
        .and_then(|micros| micros.checked_add(i64::from(delta.get_microseconds())))
        .ok_or_else(|| number::huge(name, object))
}

/// Microseconds as a timedelta.
pub(crate) fn timedelta(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyDelta>> {
    let (seconds, micros) = (micros / MICROSECONDS_PER_SECOND, micros % MICROSECONDS_PER_SECOND);
    let (days, seconds) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    // Each is within its bounds: 2^63 microseconds are 106,751,991 days.
    PyDelta::new(py, days as i32, seconds as i32, micros as i32, false)
}

/// Seconds in whole microseconds, if they are in range.
pub(crate) fn rounded_micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * MICROSECONDS_PER_SECOND as f64).round();
    // 2^63 itself is the first float that does not fit.
    (0.0..9_223_372_036_854_775_808.0).contains(&micros).then_some(micros as i64)
}

/// Seconds that no clock can show.
pub(crate) fn not_seconds(name: &str, object: &Bound<'_, PyAny>) -> Error {
    let shown = crate::error::shown(object);
    let expected = "finite, 0 or above, and at most 292,471 years";
    Error::new(Kind::Value, format!("{name} must be {expected}, not {shown}"))
}

/// The value of a field, from Python.
fn field_value(field: Field, object: &Bound<'_, PyAny>) -> Result<i64> {
    match field.counter() {
        Counter::Second => microseconds(field.name(), object),
        counter => time::extract_count(field.name(), object, counter),
    }
}

/// The value of a field, from a state dict: a whole number, or seconds.
fn field_from_state(field: Field, object: &Bound<'_, PyAny>) -> Result<i64> {
    let state_error = |expected: &str| {
        let shown = crate::error::shown(object);
        Error::new(Kind::State, format!("{} must be {expected}, not {shown}", field.name()))
    };
    if field.counter() != Counter::Second {
        let value = number::int(field.name(), object).ok().filter(|value| *value >= 0);
        return value.ok_or_else(|| state_error("a whole number from 0 to 2**63 - 1"));
    }
    let seconds = number::float(field.name(), object).unwrap_or(f64::NAN);
    rounded_micros(seconds).ok_or_else(|| state_error("a finite number of seconds, zero or above"))
}

impl Timestamp {
    fn counter(&self, field: Field) -> Time {
        Time(self.0.time(field))
    }

    fn wall_clock<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Bound<'py, PyDelta>> {
        timedelta(py, self.0.value(field))
    }

    fn field<'py>(&self, py: Python<'py>, field: Field) -> PyResult<Bound<'py, PyAny>> {
        match field.counter() {
            Counter::Second => self.wall_clock(py, field)?.into_bound_py_any(py),
            _ => self.counter(field).into_bound_py_any(py),
        }
    }
}

#[pymethods]
impl Timestamp {
    #[new]
    #[pyo3(signature = (
        iteration=Given(None),
        epoch=Given(None),
        batch=Given(None),
        sample=Given(None),
        token=Given(None),
        epoch_in_iteration=Given(None),
        token_in_iteration=Given(None),
        batch_in_epoch=Given(None),
        sample_in_epoch=Given(None),
        token_in_epoch=Given(None),
        total_wct=Given(None),
        iteration_wct=Given(None),
        epoch_wct=Given(None),
        batch_wct=Given(None),
    ))]
    #[pyo3(text_signature = "(iteration=0, epoch=0, batch=0, sample=0, token=0, \
        epoch_in_iteration=0, token_in_iteration=0, batch_in_epoch=0, sample_in_epoch=0, \
        token_in_epoch=0, total_wct=..., iteration_wct=..., epoch_wct=..., batch_wct=...)")]
    #[allow(clippy::too_many_arguments)] // the fields, by name or in order
    fn new(
        iteration: Given<'_, '_>,
        epoch: Given<'_, '_>,
        batch: Given<'_, '_>,
        sample: Given<'_, '_>,
        token: Given<'_, '_>,
        epoch_in_iteration: Given<'_, '_>,
        token_in_iteration: Given<'_, '_>,
        batch_in_epoch: Given<'_, '_>,
        sample_in_epoch: Given<'_, '_>,
        token_in_epoch: Given<'_, '_>,
        total_wct: Given<'_, '_>,
        iteration_wct: Given<'_, '_>,
        epoch_wct: Given<'_, '_>,
        batch_wct: Given<'_, '_>,
    ) -> Result<Self> {
        // In the order of `Field::TABLE`.
        let given = [
            iteration,
            epoch,
            batch,
            sample,
            token,
            epoch_in_iteration,
            token_in_iteration,
            batch_in_epoch,
            sample_in_epoch,
            token_in_epoch,
            total_wct,
            iteration_wct,
            epoch_wct,
            batch_wct,
        ];
        let mut timestamp = core::Timestamp::default();
        for ((field, ..), value) in Field::TABLE.into_iter().zip(given) {
            timestamp = timestamp.with(field, value.or(0, |value| field_value(field, value))?)?;
        }
        Ok(Self(timestamp))
    }

    /// Iterations completed.
    #[getter]
    fn iteration(&self) -> Time {
        self.counter(Field::Iteration)
    }

    /// Epochs completed.
    #[getter]
    fn epoch(&self) -> Time {
        self.counter(Field::Epoch)
    }

    /// Batches (optimizer steps) completed.
    #[getter]
    fn batch(&self) -> Time {
        self.counter(Field::Batch)
    }

    /// Samples trained.
    #[getter]
    fn sample(&self) -> Time {
        self.counter(Field::Sample)
    }

    /// Tokens trained.
    #[getter]
    fn token(&self) -> Time {
        self.counter(Field::Token)
    }

    /// Epochs completed in this iteration.
    #[getter]
    fn epoch_in_iteration(&self) -> Time {
        self.counter(Field::EpochInIteration)
    }

    /// Tokens trained in this iteration.
    #[getter]
    fn token_in_iteration(&self) -> Time {
        self.counter(Field::TokenInIteration)
    }

    /// Batches completed in this epoch.
    #[getter]
    fn batch_in_epoch(&self) -> Time {
        self.counter(Field::BatchInEpoch)
    }

    /// Samples trained in this epoch.
    #[getter]
    fn sample_in_epoch(&self) -> Time {
        self.counter(Field::SampleInEpoch)
    }

    /// Tokens trained in this epoch.
    #[getter]
    fn token_in_epoch(&self) -> Time {
        self.counter(Field::TokenInEpoch)
    }

    /// Time since training began.
    #[getter]
    fn total_wct<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        self.wall_clock(py, Field::TotalWct)
    }

    /// Time since this iteration began.
    #[getter]
    fn iteration_wct<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        self.wall_clock(py, Field::IterationWct)
    }

    /// Time since this epoch began.
    #[getter]
    fn epoch_wct<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        self.wall_clock(py, Field::EpochWct)
    }

    /// Time that the last batch took.
    #[getter]
    fn batch_wct<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        self.wall_clock(py, Field::BatchWct)
    }

    /// The total of the clock of a unit, as a `Time`. Elapsed seconds are rounded down.
    ///
    /// Raises `UnitError` for `dur`, a fraction of the run.
    fn get(&self, unit: &Bound<'_, PyAny>) -> Result<Time> {
        Ok(Time(self.0.get(unit::extract("unit", unit)?)?))
    }

    /// This snapshot with some fields changed.
    #[pyo3(signature = (**changes))]
    fn copy(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut timestamp = self.0;
        for (name, value) in changes.into_iter().flatten() {
            let field = name
                .cast::<PyString>()
                .ok()
                .and_then(|name| Field::from_name(&name.to_string_lossy()));
            let field =
                field.ok_or_else(|| Error::wrong_type("a change", "the name of a field", &name))?;
            timestamp = timestamp.with(field, field_value(field, &value)?)?;
        }
        Ok(Self(timestamp))
    }

    /// The timestamp after one more batch of `samples` and `tokens`, which took `duration`.
    #[pyo3(signature = (samples=Given(None), tokens=Given(None), duration=None))]
    #[pyo3(text_signature = "($self, samples=0, tokens=0, duration=None)")]
    fn to_next_batch(
        &self,
        samples: Given<'_, '_>,
        tokens: Given<'_, '_>,
        duration: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        let samples = samples.or(0, |s| time::extract_count("samples", s, Counter::Sample))?;
        let tokens = tokens.or(0, |t| time::extract_count("tokens", t, Counter::Token))?;
        let micros = duration.map_or(Ok(0), |d| microseconds("duration", d))?;
        Ok(Self(self.0.to_next_batch(samples, tokens, micros)?))
    }

    /// The timestamp at the start of the next epoch, `duration` later.
    ///
    /// The counters of the epoch are zero again.
    #[pyo3(signature = (duration=None))]
    fn to_next_epoch(&self, duration: Option<&Bound<'_, PyAny>>) -> Result<Self> {
        let micros = duration.map_or(Ok(0), |d| microseconds("duration", d))?;
        Ok(Self(self.0.to_next_epoch(micros)?))
    }

    /// The timestamp at the start of the next iteration, `duration` later.
    ///
    /// The counters of the iteration and of the epoch are zero again.
    #[pyo3(signature = (duration=None))]
    fn to_next_iteration(&self, duration: Option<&Bound<'_, PyAny>>) -> Result<Self> {
        let micros = duration.map_or(Ok(0), |d| microseconds("duration", d))?;
        Ok(Self(self.0.to_next_iteration(micros)?))
    }

    /// All fields by name: counters as ints, wall-clock times as seconds in floats.
    ///
    /// JSON and `torch.load` accept it.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = PyDict::new(py);
        for (field, name, counter, _) in Field::TABLE {
            let value = self.0.value(field);
            if counter == Counter::Second {
                state.set_item(name, value as f64 / MICROSECONDS_PER_SECOND as f64)?;
            } else {
                state.set_item(name, value)?;
            }
        }
        Ok(state)
    }

    /// The timestamp of a `state_dict()`. Every field is checked before anything is built.
    ///
    /// Raises `StateError` that names the field which is missing, unknown or not valid.
    #[classmethod]
    fn from_state_dict(_cls: &Bound<'_, PyType>, state: &Bound<'_, PyAny>) -> Result<Self> {
        let mapping = state
            .cast::<PyMapping>()
            .map_err(|_| Error::wrong_type("state", "a mapping from state_dict()", state))?;
        for key in mapping.keys()? {
            let known = key
                .cast::<PyString>()
                .is_ok_and(|name| Field::from_name(&name.to_string_lossy()).is_some());
            if !known {
                let message = format!("state has an unknown field {}", crate::error::shown(&key));
                return Err(Error::new(Kind::State, message));
            }
        }
        let mut timestamp = core::Timestamp::default();
        for (field, name, ..) in Field::TABLE {
            if !mapping.contains(name)? {
                return Err(Error::new(Kind::State, format!("state lacks the field '{name}'")));
            }
            timestamp =
                timestamp.with(field, field_from_state(field, &mapping.get_item(name)?)?)?;
        }
        Ok(Self(timestamp))
    }

    /// Code that rebuilds it: the fields that are not zero.
    fn __repr__(&self) -> String {
        let fields = Field::TABLE.into_iter().filter(|row| self.0.value(row.0) != 0);
        let written = fields.map(|(field, name, counter, _)| {
            let value = self.0.value(field);
            let (seconds, micros) =
                (value / MICROSECONDS_PER_SECOND, value % MICROSECONDS_PER_SECOND);
            match (counter, micros) {
                (Counter::Second, 0) => format!("{name}=datetime.timedelta(seconds={seconds})"),
                (Counter::Second, _) => {
                    format!("{name}=datetime.timedelta(seconds={seconds}, microseconds={micros})")
                }
                _ => format!("{name}={value}"),
            }
        });
        format!("Timestamp({})", written.collect::<Vec<_>>().join(", "))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __richcmp__<'py>(
        &self,
        other: &Bound<'py, PyAny>,
        op: CompareOp,
    ) -> Result<Bound<'py, PyAny>> {
        let py = other.py();
        let is_equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
        if let Ok(other) = other.cast::<Self>() {
            if is_equality {
                return Ok(((self.0 == other.get().0) == matches!(op, CompareOp::Eq))
                    .into_bound_py_any(py)?);
            }
        } else if other.is_instance_of::<Time>() || other.is_instance_of::<PyString>() {
            let order = time::extract("other", other).and_then(|time| Ok(self.0.compare(time)?));
            return match order {
                Ok(order) => Ok(op.matches(order).into_bound_py_any(py)?),
                // A text that is not a time is not equal to it, and neither is a `dur`.
                Err(_) if is_equality => Ok(matches!(op, CompareOp::Ne).into_bound_py_any(py)?),
                Err(error) => Err(error),
            };
        }
        Ok(py.NotImplemented().into_bound(py))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut fields = Vec::new();
        for (field, _, counter, _) in Field::TABLE {
            fields.push(match counter {
                Counter::Second => self.field(py, field)?,
                _ => self.0.value(field).into_bound_py_any(py)?,
            });
        }
        (py.get_type::<Self>(), PyTuple::new(py, fields)?).into_pyobject(py)
    }
}

/// `timestamp.to_next_batch(samples, tokens, duration)`, where the duration may also be a number
/// of seconds.
#[pyfunction]
pub(crate) fn tick(
    timestamp: &Bound<'_, Timestamp>,
    samples: &Bound<'_, PyAny>,
    tokens: &Bound<'_, PyAny>,
    seconds: Option<&Bound<'_, PyAny>>,
) -> Result<Timestamp> {
    let samples = time::extract_count("samples", samples, Counter::Sample)?;
    let tokens = time::extract_count("tokens", tokens, Counter::Token)?;
    let micros = seconds.map_or(Ok(0), |seconds| {
        let micros = match Number::extract(seconds)? {
            Some(number) => rounded_micros(number.as_f64()),
            None if seconds.is_instance_of::<PyDelta>() => {
                microseconds("seconds", seconds).ok().filter(|micros| *micros >= 0)
            }
            None => {
                return Err(Error::wrong_type("seconds", "a number or a timedelta", seconds));
            }
        };
        micros.ok_or_else(|| not_seconds("seconds", seconds))
    })?;
    Ok(Timestamp(timestamp.get().0.to_next_batch(samples, tokens, micros)?))
}
