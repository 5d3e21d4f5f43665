//! Arguments of schedules, from Python and to it.

use crate::error::{Error, Result};
use crate::number::{self, Number};
use crate::schedule::{self, Schedule};
use crate::time::{self, Time};
use epochal_core::{Argument, Ease, Kind, Parameter, ParameterKind, Time as CoreTime};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};

/// An argument for a parameter, from Python.
pub(crate) fn extract(
    name: &str,
    kind: ParameterKind,
    object: &Bound<'_, PyAny>,
) -> Result<Argument> {
    Ok(match kind {
        ParameterKind::Time => Argument::Time(time::extract(name, object)?),
        ParameterKind::Times => Argument::Times(times(name, object)?),
        ParameterKind::Number => Argument::Number(number::float(name, object)?),
        ParameterKind::Limit if object.is_none() => Argument::Nothing,
        ParameterKind::Limit => Argument::Number(number::float(name, object)?),
        ParameterKind::Flag => Argument::Flag(flag(name, object)?),
        ParameterKind::Ease => Argument::Ease(ease(name, object)?),
        ParameterKind::Eases => match object.cast::<PyString>() {
            Ok(_) => Argument::Ease(ease(name, object)?),
            Err(_) => {
                let expected = "a shape such as 'linear', or a list of shapes";
                Argument::Eases(list(name, expected, object, |item| ease(name, item))?)
            }
        },
        ParameterKind::Points => {
            let expected = "a list of pairs, e.g. [('0ba', 0.0), ('10ba', 1.0)]";
            Argument::Points(list(name, expected, object, |item| point(name, expected, item))?)
        }
        ParameterKind::Schedule => Argument::Schedule(schedule::extract(name, object)?),
        ParameterKind::Schedules => {
            let expected = "a list of schedules";
            Argument::Schedules(list(name, expected, object, |item| schedule::extract(name, item))?)
        }
    })
}

/// What a parameter may be, in the words of `epochal._types`.
pub(crate) fn annotation(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Time => "TimeLike",
        ParameterKind::Times => "Iterable[TimeLike]",
        ParameterKind::Number => "Number",
        ParameterKind::Limit => "Number | None",
        ParameterKind::Flag => "bool",
        ParameterKind::Ease => "Shape",
        ParameterKind::Eases => "Shape | Iterable[Shape]",
        ParameterKind::Points => "Iterable[tuple[TimeLike, Number]]",
        ParameterKind::Schedule => "AnySchedule",
        ParameterKind::Schedules => "Iterable[AnySchedule]",
    }
}

/// The value of a parameter that is left out.
pub(crate) fn default(parameter: &Parameter) -> Option<Argument> {
    parameter.default.map(Argument::from)
}

fn times(name: &str, object: &Bound<'_, PyAny>) -> Result<Vec<CoreTime>> {
    let expected = "a list of times, e.g. ['10ep', '16ep']";
    if object.is_instance_of::<Time>() {
        return Err(Error::wrong_type(name, expected, object));
    }
    let each = format!("each of {name}");
    list(name, expected, object, |item| time::extract(&each, item))
}

fn list<T>(
    name: &str,
    expected: &str,
    object: &Bound<'_, PyAny>,
    convert: impl Fn(&Bound<'_, PyAny>) -> Result<T>,
) -> Result<Vec<T>> {
    let wrong = || Error::wrong_type(name, expected, object);
    if object.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    object.try_iter().map_err(|_| wrong())?.map(|item| convert(&item?)).collect()
}

fn point(name: &str, expected: &str, item: &Bound<'_, PyAny>) -> Result<(CoreTime, f64)> {
    let wrong = || Error::wrong_type(name, expected, item);
    if item.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let pair: Vec<_> = item.try_iter().map_err(|_| wrong())?.collect::<PyResult<_>>()?;
    let [at, value] = &pair[..] else { return Err(wrong()) };
    Ok((
        time::extract(&format!("each time of {name}"), at)?,
        number::float(&format!("each value of {name}"), value)?,
    ))
}

fn flag(name: &str, object: &Bound<'_, PyAny>) -> Result<bool> {
    match object.cast::<PyBool>() {
        Ok(flag) => Ok(flag.is_true()),
        Err(_) => Err(Error::wrong_type(name, "True or False", object)),
    }
}

fn ease(name: &str, object: &Bound<'_, PyAny>) -> Result<Ease> {
    let names = || Ease::TABLE.map(|(_, name)| format!("'{name}'")).join(", ");
    let text = object
        .cast::<PyString>()
        .map_err(|_| Error::wrong_type(name, &format!("a shape: one of {}", names()), object))?;
    let text = text.to_string_lossy();
    Ease::from_name(&text).ok_or_else(|| {
        let got = epochal_core::quote(&text);
        Error::new(Kind::Schedule, format!("{name} must be one of {}, not {got}", names()))
    })
}

/// An argument as a Python object.
pub(crate) fn to_python<'py>(py: Python<'py>, argument: &Argument) -> Result<Bound<'py, PyAny>> {
    Ok(match argument {
        Argument::Time(time) => Time(*time).into_bound_py_any(py)?,
        Argument::Times(times) => {
            PyTuple::new(py, times.iter().copied().map(Time))?.into_bound_py_any(py)?
        }
        Argument::Number(number) => number.into_bound_py_any(py)?,
        Argument::Flag(flag) => flag.into_bound_py_any(py)?,
        Argument::Ease(ease) => ease.name().into_bound_py_any(py)?,
        Argument::Eases(eases) => {
            PyTuple::new(py, eases.iter().map(|ease| ease.name()))?.into_bound_py_any(py)?
        }
        Argument::Points(points) => {
            let pairs = points.iter().map(|(time, value)| (Time(*time), *value));
            PyTuple::new(py, pairs)?.into_bound_py_any(py)?
        }
        Argument::Schedule(schedule) => Schedule::wrap(py, schedule)?,
        Argument::Schedules(schedules) => {
            let wrapped = schedules.iter().map(|schedule| Schedule::wrap(py, schedule));
            PyTuple::new(py, wrapped.collect::<Result<Vec<_>>>()?)?.into_bound_py_any(py)?
        }
        Argument::Nothing => py.None().into_bound(py),
    })
}

/// An argument, already checked, of a class that builds its tree itself.
pub(crate) fn of_any(name: &str, object: &Bound<'_, PyAny>) -> Result<Argument> {
    if object.is_none() {
        return Ok(Argument::Nothing);
    }
    if let Ok(time) = object.cast::<Time>() {
        return Ok(Argument::Time(time.get().0));
    }
    if let Ok(flag) = object.cast::<PyBool>() {
        return Ok(Argument::Flag(flag.is_true()));
    }
    if object.is_instance_of::<PyString>() {
        return Ok(Argument::Ease(ease(name, object)?));
    }
    if let Some(number) = Number::extract(object)? {
        return Ok(Argument::Number(number.as_f64()));
    }
    Ok(Argument::Times(times(name, object)?))
}

/// Several arguments as Python objects.
pub(crate) fn all_to_python<'py>(
    py: Python<'py>,
    arguments: impl Iterator<Item = Argument>,
) -> Result<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for argument in arguments {
        list.append(to_python(py, &argument)?)?;
    }
    Ok(list)
}
