//! The environment variables, which are read once, when the module is imported.

use epochal_core::{Level, set_default_threads};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use std::num::NonZeroUsize;

/// The instructions that bulk work may use: `baseline`, `avx2` or `avx512`. For tests: all give
/// the same bits.
const CPU_LEVEL: &str = "EPOCHAL_CPU_LEVEL";

/// How many threads a large call uses by default.
const NUM_THREADS: &str = "EPOCHAL_NUM_THREADS";

/// Reads the variables, and adds the CPU's levels to the module. A bad value fails the import.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    if let Some(name) = variable(CPU_LEVEL) {
        Level::choose(CPU_LEVEL, &name)
            .map_err(|error| PyImportError::new_err(error.to_string()))?;
    }
    if let Some(text) = variable(NUM_THREADS) {
        let threads = text.trim().parse::<NonZeroUsize>().map_err(|_| {
            let got = epochal_core::quote(&text);
            let message = format!("{NUM_THREADS} must be a whole number from 1 on, not {got}");
            PyImportError::new_err(message)
        })?;
        set_default_threads(threads);
    }
    module.add("CPU_LEVEL", Level::in_use().name())?;
    module.add("CPU_LEVELS", Level::available().map(Level::name).collect::<Vec<_>>())
}

/// The text of a variable, or `None` if it is not set, or empty.
fn variable(name: &str) -> Option<String> {
    let text = std::env::var_os(name)?.to_string_lossy().into_owned();
    if text.is_empty() { None } else { Some(text) }
}
