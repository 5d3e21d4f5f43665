//! Names of Python's attributes and modules, made once.

use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::OnceLock;

/// A name as Python's string, made once for each place that says it.
macro_rules! name {
    ($py:expr, $text:literal) => {{
        static NAME: $crate::name::Name = $crate::name::Name::new($text);
        NAME.get($py)
    }};
}
pub(crate) use name;

/// What [`name!`] keeps. `pyo3::intern!` would let other threads run while it locks, and one that
/// forks leaves its child a lock that nobody opens: see [`crate::fork`].
pub(crate) struct Name(&'static str, OnceLock<Py<PyString>>);

impl Name {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text, OnceLock::new())
    }

    #[inline]
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.1.get_or_init(|| PyString::intern(py, self.0).unbind()).bind(py)
    }
}
