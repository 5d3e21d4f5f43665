//! Python functions as leaves of a schedule.

use crate::error::Result;
use crate::name::name;
use crate::run::Run;
use crate::schedule::Schedule;
use crate::timestamp::Timestamp;
use crate::unit;
use epochal_core::{self as core, Counter, Function};
use pyo3::prelude::*;
use std::any::Any;

/// An object of `epochal._functions` that knows the function: `alpha(timestamp, run)`,
/// `check_ratio(ratio)`,
/// `units`, `declared`, `text` and `==`.
#[derive(Debug)]
pub(crate) struct Leaf(pub(crate) Py<PyAny>);

impl Leaf {
    /// An attribute, or the default if the object does not have it.
    fn attribute<T: Default + for<'a, 'py> FromPyObject<'a, 'py>>(&self, name: &str) -> T {
        Python::attach(|py| {
            let value = self.0.bind(py).getattr(name).ok();
            value.and_then(|value| value.extract().ok()).unwrap_or_default()
        })
    }
}

impl Function for Leaf {
    fn alpha(&self, now: &core::Timestamp, run: &core::Run) -> core::Result<f64> {
        Python::attach(|py| {
            let arguments = (Timestamp(*now), Run(*run));
            let alpha = self.0.bind(py).call_method1(name!(py, "alpha"), arguments);
            alpha.and_then(|alpha| alpha.extract()).map_err(core::Error::foreign)
        })
    }

    fn counters(&self) -> Vec<Counter> {
        Python::attach(|py| {
            let units = self.0.bind(py).getattr(name!(py, "units"));
            let units = units.and_then(|units| units.extract::<Vec<Bound<'_, PyAny>>>());
            let counters = units.into_iter().flatten();
            counters.filter_map(|unit| unit::extract_counter("a unit", &unit).ok()).collect()
        })
    }

    fn is_declared(&self) -> bool {
        self.attribute("declared")
    }

    fn check_ratio(&self, ratio: f64) -> core::Result<()> {
        Python::attach(|py| {
            let checked = self.0.bind(py).call_method1(name!(py, "check_ratio"), (ratio,));
            checked.map(drop).map_err(core::Error::foreign)
        })
    }

    fn text(&self) -> String {
        self.attribute("text")
    }

    fn equals(&self, other: &dyn Function) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Self>() else { return false };
        Python::attach(|py| self.0.bind(py).eq(other.0.bind(py)).unwrap_or(false))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The tree of a function.
#[pyfunction]
pub(crate) fn function(leaf: Py<PyAny>) -> Result<Schedule> {
    Ok(Schedule::new(core::Schedule::function(std::sync::Arc::new(Leaf(leaf)))?))
}

/// The leaf of a function schedule.
#[pyfunction]
pub(crate) fn leaf(py: Python<'_>, schedule: &Bound<'_, Schedule>) -> Option<Py<PyAny>> {
    let function = schedule.get().tree.as_function()?;
    function.as_any().downcast_ref::<Leaf>().map(|leaf| leaf.0.clone_ref(py))
}
