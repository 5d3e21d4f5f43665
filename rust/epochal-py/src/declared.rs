//! Schedules by their declarations: built from a name and arguments, and taken apart again.

use crate::argument;
use crate::error::{Error, Result};
use crate::schedule::{self, EXPANDED, Schedule};
use epochal_core::{Declaration, Form, Kind, NamedArgument};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyString, PyTuple};

pub(crate) fn declaration(name: &str) -> Result<&'static Declaration> {
    let unknown = || Error::new(Kind::Schedule, format!("there is no schedule '{name}'"));
    Declaration::find(name).ok_or_else(unknown)
}

/// A node of the tree, from the name of its declaration and all its arguments. Errors call the
/// arguments by `names`.
#[pyfunction]
#[pyo3(signature = (name, arguments, names=None))]
pub(crate) fn build(
    name: &str,
    arguments: Vec<Bound<'_, PyAny>>,
    names: Option<Vec<String>>,
) -> Result<Schedule> {
    let declaration = declaration(name)?;
    if arguments.len() != declaration.parameters.len() {
        let (expected, got) = (declaration.parameters.len(), arguments.len());
        let message = format!("'{name}' has {expected} arguments, not {got}");
        return Err(Error::new(Kind::Schedule, message));
    }
    let names = names.unwrap_or_default();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut values = Vec::new();
    for (index, (parameter, object)) in declaration.parameters.iter().zip(&arguments).enumerate() {
        let name = names.get(index).copied().unwrap_or(parameter.name);
        values.push(argument::extract(name, parameter.kind, object)?);
    }
    Ok(Schedule::new((declaration.build)(values, &names)?))
}

/// The arguments of a schedule by name.
#[pyfunction]
pub(crate) fn arguments<'py>(
    py: Python<'py>,
    schedule: &Bound<'py, Schedule>,
) -> Result<Bound<'py, PyDict>> {
    let arguments = PyDict::new(py);
    for argument in schedule.get().tree.arguments() {
        arguments.set_item(argument.name, argument::to_python(py, &argument.value)?)?;
    }
    Ok(arguments)
}

/// The name of the outermost node of a schedule; None for a function.
#[pyfunction]
pub(crate) fn name(schedule: &Bound<'_, Schedule>) -> Option<String> {
    schedule.get().tree.name().map(str::to_string)
}

/// The text of a schedule, which is the same for equal schedules.
#[pyfunction]
pub(crate) fn expanded(schedule: &Bound<'_, Schedule>) -> String {
    schedule.get().tree.written(&EXPANDED)
}

/// The operations by name: of each of their arguments what it may be, in the words of
/// `epochal._types`, and its default if it has one.
#[pyfunction]
pub(crate) fn operations(py: Python<'_>) -> Result<Bound<'_, PyDict>> {
    let operations = PyDict::new(py);
    for declaration in Declaration::ALL {
        let is_public = match declaration.form {
            Form::Class => false,
            Form::Method => py.get_type::<Schedule>().hasattr(declaration.name)?,
            Form::Product | Form::Scale | Form::Lift => true,
        };
        if !is_public {
            continue;
        }
        let parameters = PyDict::new(py);
        for parameter in declaration.parameters {
            let mut known = vec![argument::annotation(parameter.kind).into_bound_py_any(py)?];
            if let Some(default) = argument::default(parameter) {
                known.push(argument::to_python(py, &default)?);
            }
            parameters.set_item(parameter.name, PyTuple::new(py, known)?)?;
        }
        operations.set_item(declaration.name, parameters)?;
    }
    Ok(operations)
}

/// A tree under the name and with the arguments of a class. Arguments that equal their
/// `defaults` need not be printed.
#[pyfunction]
pub(crate) fn named(
    tree: &Bound<'_, PyAny>,
    name: &str,
    arguments: &Bound<'_, PyDict>,
    defaults: &Bound<'_, PyDict>,
) -> Result<Schedule> {
    let mut values = Vec::new();
    for (key, value) in arguments {
        let name = key.cast::<PyString>().map_err(PyErr::from)?.to_string_lossy().into_owned();
        let default = defaults.get_item(&key)?;
        let default = default.map(|default| argument::of_any(&name, &default)).transpose()?;
        values.push(NamedArgument { value: argument::of_any(&name, &value)?, name, default });
    }
    let tree = schedule::extract("tree", tree)?;
    Ok(Schedule::new(tree.named(name.into(), values)?))
}
