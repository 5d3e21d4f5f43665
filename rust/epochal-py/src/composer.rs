//! The state of a trainer, in Composer's form: Composer's own, this library's, or any other.

use crate::error::{Error, Result};
use crate::name::name;
use crate::number::{self, Number};
use crate::time::{self, Time};
use crate::timestamp::{Timestamp, microseconds, not_seconds, rounded_micros};
use epochal_core::{self as core, Counter, Facts, Field, MICROSECONDS_PER_SECOND};
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDict, PyInt, PyString};

/// What a state tells, as it was read from it.
pub(crate) struct State<'a, 'py> {
    state: &'a Bound<'py, PyAny>,
    pub(crate) max_duration: Bound<'py, PyAny>,
    timestamp: Bound<'py, PyAny>,
}

impl<'a, 'py> State<'a, 'py> {
    pub(crate) fn read(state: &'a Bound<'py, PyAny>) -> Result<Self> {
        let py = state.py();
        Ok(Self {
            state,
            max_duration: attribute("state", state, name!(py, "max_duration"))?,
            timestamp: attribute("state", state, name!(py, "timestamp"))?,
        })
    }

    /// The batches in an epoch. It is read only where something depends on it.
    pub(crate) fn dataloader_len(&self) -> Result<Bound<'py, PyAny>> {
        attribute("state", self.state, name!(self.state.py(), "dataloader_len"))
    }

    /// Its run: its length, which is already scaled, and the batches in an epoch.
    pub(crate) fn run(&self, dataloader_len: &Bound<'py, PyAny>, ratio: f64) -> Result<core::Run> {
        let batches = match dataloader_len.is_none() {
            true => None,
            false => Some(whole("state.dataloader_len", dataloader_len, Counter::Batch)?),
        };
        let facts = Facts { batches_per_epoch: batches, ..Facts::default() };
        let duration = foreign_time("state.max_duration", &self.max_duration)?;
        Ok(core::Run::already_scaled(duration, facts, ratio)?)
    }

    /// Its timestamp, if that is one of this library.
    pub(crate) fn own_timestamp(&self) -> Option<&core::Timestamp> {
        self.timestamp.cast::<Timestamp>().ok().map(|timestamp| &timestamp.get().0)
    }

    /// Its timestamp. Of a foreign one, only the `counters` are read.
    pub(crate) fn timestamp(&self, counters: &[Counter]) -> Result<core::Timestamp> {
        if let Some(timestamp) = self.own_timestamp() {
            return Ok(*timestamp);
        }
        counters.iter().try_fold(core::Timestamp::default(), |result, counter| {
            let field = Field::total(*counter);
            let name = PyString::new(self.timestamp.py(), field.name());
            let value = attribute("state.timestamp", &self.timestamp, &name)?;
            Ok(result.with(field, foreign_count(field, &value)?)?)
        })
    }

    /// The same for functions, which may read any field: of a foreign timestamp all that it has.
    pub(crate) fn whole_timestamp(&self) -> Result<core::Timestamp> {
        if let Some(timestamp) = self.own_timestamp() {
            return Ok(*timestamp);
        }
        let mut result = core::Timestamp::default();
        for (field, name, ..) in Field::TABLE {
            if let Some(value) = self.timestamp.getattr_opt(name)? {
                result = result.with(field, foreign_count(field, &value)?)?;
            }
        }
        Ok(result)
    }
}

/// Whether the type of an object is one whose instances never change.
pub(crate) fn never_changes(object: &Bound<'_, PyAny>) -> bool {
    object.is_none()
        || object.is_instance_of::<Time>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyInt>()
}

/// The value of a field in a foreign timestamp.
fn foreign_count(field: Field, value: &Bound<'_, PyAny>) -> Result<i64> {
    if value.is_instance_of::<PyDelta>() {
        return microseconds(field.name(), value);
    }
    if field.counter() != Counter::Second {
        return whole(field.name(), value, field.counter());
    }
    if let Some(Number::Float(seconds)) = Number::extract(value)? {
        return rounded_micros(seconds).ok_or_else(|| not_seconds(field.name(), value));
    }
    let seconds = whole(field.name(), value, Counter::Second)?;
    seconds.checked_mul(MICROSECONDS_PER_SECOND).ok_or_else(|| number::huge(field.name(), value))
}

/// A time of this library or another: one with `to_timestring`, or with `value` and `unit`.
fn foreign_time(name: &str, object: &Bound<'_, PyAny>) -> Result<core::Time> {
    if object.is_instance_of::<Time>() || object.is_instance_of::<PyString>() {
        return time::extract(name, object);
    }
    let py = object.py();
    if let Ok(text) = object.call_method0(name!(py, "to_timestring")) {
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

/// A count given as a time, a time string, or anything that `int()` takes.
fn whole(name: &str, object: &Bound<'_, PyAny>, counter: Counter) -> Result<i64> {
    if object.is_instance_of::<Time>() || object.is_instance_of::<PyString>() {
        return time::extract_count(name, object, counter);
    }
    let converted = object.py().get_type::<PyInt>().call1((object,));
    number::int(name, &converted.map_err(|_| Error::wrong_type(name, "a whole number", object))?)
}

/// An attribute of an object that was given for `argument`.
fn attribute<'py>(
    argument: &str,
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Result<Bound<'py, PyAny>> {
    let found = object.getattr_opt(name)?;
    found.ok_or_else(|| {
        Error::wrong_type(argument, &format!("an object with the attribute '{name}'"), object)
    })
}
