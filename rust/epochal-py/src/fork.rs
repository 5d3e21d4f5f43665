//! What must be whole before a process forks.
//!
//! PyO3, and its NumPy, make some objects at their first use, under a lock, and let other threads
//! run meanwhile. If one of those forks, then in the child nobody is left to open the lock, and who
//! asks for the object waits forever. Our own objects are made without such a lock.

use crate::timestamp::{microseconds, timedelta};
use numpy::{PyArrayDescrMethods, PyUntypedArray, dtype};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PySequence};

/// Makes all that is made at a first use. A thread that is at it is waited for.
#[pyfunction]
fn before_fork(py: Python<'_>) -> PyResult<()> {
    let none = py.None().into_bound(py);
    microseconds("", timedelta(py, 0)?.as_any())?;
    // What the answers are is no matter.
    let _ = none.cast::<PyMapping>();
    let _ = none.cast::<PySequence>();
    if numpy_is_loaded(py)? {
        let _ = none.cast::<PyUntypedArray>();
        let _ = dtype::<f64>(py).itemsize();
    }
    Ok(())
}

/// Whether a thread may be about to use NumPy's C API. PyO3's NumPy panics where there is none.
fn numpy_is_loaded(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    for name in ["numpy._core.multiarray", "numpy.core.multiarray"] {
        if let Some(module) = modules.get_item(name)?
            && module.hasattr("_ARRAY_API")?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Calls it before each fork, where there are forks.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let Some(at_fork) = py.import("os")?.getattr_opt("register_at_fork")? else { return Ok(()) };
    let options = PyDict::new(py);
    options.set_item("before", wrap_pyfunction!(before_fork, module)?)?;
    at_fork.call((), Some(&options))?;
    Ok(())
}
