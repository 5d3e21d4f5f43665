//! `epochal._core`: Python's view of the core. Signatures, conversions and nothing else.

// Methods called from Python borrow self, whatever their names.
#![allow(clippy::wrong_self_convention)]

mod argument;
mod array;
mod composer;
mod curve;
mod declared;
mod environment;
mod error;
mod evaluate;
mod fork;
mod function;
mod name;
mod number;
mod rates;
mod run;
mod schedule;
mod state_curves;
mod time;
mod times;
mod timestamp;
mod unit;
mod view;

use epochal_core::Ease;
use pyo3::prelude::*;

/// The native part of epochal.
#[pymodule(name = "_core")]
fn core_module(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("BUILD_PROFILE", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    module.add("SHAPES", Ease::TABLE.map(|(_, name)| name))?;
    environment::register(module)?;
    fork::register(module)?;
    error::register(module)?;
    unit::register(module)?;
    module.add_class::<time::Time>()?;
    module.add_class::<timestamp::Timestamp>()?;
    module.add_class::<run::Run>()?;
    module.add_class::<schedule::Schedule>()?;
    module.add_class::<curve::Curve>()?;
    module.add_class::<curve::AtBatch>()?;
    module.add_function(wrap_pyfunction!(timestamp::tick, module)?)?;
    module.add_class::<rates::Writer>()?;

    module.add_function(wrap_pyfunction!(evaluate::evaluate_many, module)?)?;
    module.add_function(wrap_pyfunction!(view::phases, module)?)?;
    module.add_function(wrap_pyfunction!(view::trace, module)?)?;
    module.add_function(wrap_pyfunction!(view::seams, module)?)?;
    module.add_function(wrap_pyfunction!(view::apart, module)?)?;
    module.add_function(wrap_pyfunction!(view::moments, module)?)?;
    module.add_function(wrap_pyfunction!(view::place, module)?)?;
    module.add_function(wrap_pyfunction!(view::has_functions, module)?)?;
    module.add_function(wrap_pyfunction!(view::log2, module)?)?;
    module.add_function(wrap_pyfunction!(view::scales, module)?)?;
    module.add_function(wrap_pyfunction!(declared::build, module)?)?;
    module.add_function(wrap_pyfunction!(declared::arguments, module)?)?;
    module.add_function(wrap_pyfunction!(declared::named, module)?)?;
    module.add_function(wrap_pyfunction!(declared::name, module)?)?;
    module.add_function(wrap_pyfunction!(declared::expanded, module)?)?;
    module.add_function(wrap_pyfunction!(declared::operations, module)?)?;
    module.add_function(wrap_pyfunction!(function::function, module)?)?;
    module.add_function(wrap_pyfunction!(function::leaf, module)?)?;
    Ok(())
}
