//! Arrays from and to NumPy: times that the core reads, values that it writes.

use crate::error::{Error, Result};
use crate::name::name;
use crate::number::{Number, is_bool};
use epochal_core::{self as core, Kind, Sink, Source};
use numpy::npyffi::NPY_ARRAY_WRITEABLE;
use numpy::{
    Element, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

/// The number of values from which on other Python threads may run meanwhile: for fewer, letting
/// them takes longer than the work.
const BULK: usize = 1000;

/// Does `work`, which is on that many values.
pub(crate) fn in_bulk<T: Send>(
    py: Python<'_>,
    values: usize,
    work: impl FnOnce() -> T + Send,
) -> T {
    if values < BULK { work() } else { py.detach(work) }
}

/// How many threads may work: a whole number from 1 on, or `None` to choose by the size.
pub(crate) fn threads(object: Option<&Bound<'_, PyAny>>) -> Result<Option<NonZeroUsize>> {
    let Some(object) = object else { return Ok(None) };
    let threads = match Number::extract(object)? {
        Some(Number::Int(threads)) => usize::try_from(threads).unwrap_or(0),
        Some(Number::Huge(threads)) if threads > 0.0 => usize::MAX,
        Some(Number::Huge(_)) => 0,
        _ => return Err(Error::wrong_type("threads", "a whole number", object)),
    };
    match NonZeroUsize::new(threads) {
        None => {
            let message =
                format!("threads must be at least 1, not {}", crate::error::shown(object));
            Err(Error::new(Kind::Schedule, message))
        }
        threads => Ok(threads),
    }
}

/// The module, imported when the first array is seen.
fn numpy_module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: OnceLock<Py<PyModule>> = OnceLock::new();
    let module = match NUMPY.get() {
        Some(module) => module,
        None => {
            // Not within, where it would be locked while Python runs.
            let module = py.import("numpy")?.unbind();
            NUMPY.get_or_init(|| module)
        }
    };
    Ok(module.bind(py))
}

/// Times as a C-contiguous array of a type that the core reads.
pub(crate) struct Array<'py>(pub(crate) Bound<'py, PyUntypedArray>);

impl<'py> Array<'py> {
    /// The array of whole numbers or floats that NumPy makes of an object.
    pub(crate) fn from_python(object: &Bound<'py, PyAny>) -> Result<Self> {
        let py = object.py();
        let wrong = || Error::wrong_type("t", "numbers, or an array of ints or floats", object);
        let array = match object.cast::<PyUntypedArray>() {
            Ok(array) => array.clone(),
            Err(_) => numpy_module(py)?
                .call_method1(name!(py, "asarray"), (object,))
                .map_err(|_| wrong())?
                .cast_into::<PyUntypedArray>()
                .map_err(|_| wrong())?,
        };
        if !matches!(array.dtype().kind(), b'i' | b'u' | b'f') || has_bool(object) {
            return Err(wrong());
        }
        if array.hasattr(name!(py, "mask")).unwrap_or(false) {
            let message = "t must be an array without a mask: give the times that are valid, as \
                           t.compressed() does";
            return Err(Error::new(Kind::Schedule, message));
        }
        let array = Self(array);
        if array.0.is_c_contiguous() && array.source().is_some() {
            return Ok(array);
        }
        let options = PyDict::new(py);
        options.set_item("dtype", dtype::<f64>(py))?;
        options.set_item("order", "C")?;
        let copy =
            numpy_module(py)?.call_method(name!(py, "array"), (&array.0,), Some(&options))?;
        Ok(Self(copy.cast_into::<PyUntypedArray>().map_err(|_| wrong())?))
    }

    /// The elements, if their type is read as it is.
    pub(crate) fn source(&self) -> Option<Source<'_>> {
        let array = &self.0;
        None.or_else(|| elements(array).map(Source::F64))
            .or_else(|| elements(array).map(Source::I64))
            .or_else(|| elements(array).map(Source::F32))
            .or_else(|| elements(array).map(Source::I32))
            .or_else(|| elements(array).map(Source::U64))
            .or_else(|| elements(array).map(Source::U32))
    }
}

/// Whether a list that NumPy has read as numbers holds a bool, for which NumPy takes 0 or 1.
fn has_bool(object: &Bound<'_, PyAny>) -> bool {
    if let Ok(list) = object.cast::<PyList>() {
        return list.iter().any(|item| has_bool(&item));
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return tuple.iter().any(|item| has_bool(&item));
    }
    is_bool(object)
}

/// A contiguous array's elements, if they are of this type in the machine's byte order.
fn elements<'a, T: Element>(array: &'a Bound<'_, PyUntypedArray>) -> Option<&'a [T]> {
    let array = array.cast::<PyArrayDyn<T>>().ok()?;
    // SAFETY: the array outlives the slice. As with NumPy's own functions, another thread that
    // writes to it meanwhile is the caller's to prevent.
    unsafe { array.as_slice() }.ok()
}

/// The first address of a contiguous array's elements, and the one behind the last.
fn addresses(array: &Bound<'_, PyUntypedArray>) -> (usize, usize) {
    // SAFETY: the array lives, and its address is plain data.
    let first = unsafe { (*array.as_array_ptr()).fields.data } as usize;
    (first, first + array.len() * array.dtype().itemsize())
}

/// Where values go: an array of float64 or float32.
pub(crate) struct Output<'py> {
    array: Bound<'py, PyUntypedArray>,
    given: bool,
}

impl<'py> Output<'py> {
    /// The caller's array, or a new one.
    pub(crate) fn new(
        py: Python<'py>,
        shape: &[usize],
        out: Option<&Bound<'py, PyAny>>,
        dtype: Option<&Bound<'py, PyAny>>,
    ) -> Result<Self> {
        let asked = match dtype {
            None => None,
            Some(object) => {
                let wrong = || Error::wrong_type("dtype", "float64 or float32", object);
                let asked = PyArrayDescr::new(py, object.clone()).map_err(|_| wrong())?;
                if !is_float(&asked) {
                    return Err(wrong());
                }
                Some(asked)
            }
        };
        let Some(out) = out else {
            let asked = asked.unwrap_or_else(|| numpy::dtype::<f64>(py));
            return Ok(Self { array: empty(py, shape, &asked)?, given: false });
        };
        let array = out
            .cast::<PyUntypedArray>()
            .map_err(|_| Error::wrong_type("out", "an array of float64 or float32", out))?;
        if !is_float(&array.dtype()) {
            let message = format!("an array of float64 or float32, not of {}", array.dtype());
            return Err(Error::wrong_type("out", &message, out));
        }
        // SAFETY: the array lives, and its flags are plain data.
        let writable = unsafe { (*array.as_array_ptr()).fields.flags } & NPY_ARRAY_WRITEABLE != 0;
        let invalid = |message: String| Err(Error::new(Kind::Schedule, message));
        if let Some(asked) = asked.filter(|asked| !asked.is_equiv_to(&array.dtype())) {
            return invalid(format!("dtype is {asked}, but out has {}", array.dtype()));
        }
        if array.shape() != shape {
            return invalid(format!("out must have the shape {shape:?}, not {:?}", array.shape()));
        }
        if !writable {
            return invalid("out is read-only".into());
        }
        Ok(Self { array: array.clone(), given: true })
    }

    /// Whether the caller's array and contiguous times lie in the same place, at least in part;
    /// for an array that is not contiguous the answer means nothing.
    pub(crate) fn may_share_memory(&self, times: &Bound<'py, PyUntypedArray>) -> bool {
        let (ours, theirs) = (addresses(&self.array), addresses(times));
        self.given && ours.0 < theirs.1 && theirs.0 < ours.1
    }

    /// Whether its elements may be referred to. New arrays are.
    fn is_aligned(&self) -> PyResult<bool> {
        let py = self.array.py();
        let flags = || self.array.getattr(name!(py, "flags"));
        if self.given { flags()?.getattr(name!(py, "aligned"))?.extract() } else { Ok(true) }
    }

    /// Lets `evaluate` write the values, and returns the array. An array that is not contiguous, or
    /// not `apart` from the times, is written by way of a new one.
    pub(crate) fn write(
        self,
        apart: bool,
        evaluate: impl FnOnce(Sink<'_>) -> core::Result<()>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = self.array.py();
        if !(apart && self.array.is_c_contiguous() && self.is_aligned()?) {
            let shape = self.array.shape().to_vec();
            let copy = Self { array: empty(py, &shape, &self.array.dtype())?, given: false };
            let values = copy.write(true, evaluate)?;
            numpy_module(py)?.call_method1(name!(py, "copyto"), (&self.array, values))?;
            return Ok(self.array.into_any());
        }
        // SAFETY: the array is writable, contiguous and apart from the times, and nothing else in
        // this call refers to its elements.
        if let Ok(array) = self.array.cast::<PyArrayDyn<f64>>() {
            let values = unsafe { array.as_slice_mut() }.map_err(PyErr::from)?;
            evaluate(Sink::F64(values))?;
        } else if let Ok(array) = self.array.cast::<PyArrayDyn<f32>>() {
            let values = unsafe { array.as_slice_mut() }.map_err(PyErr::from)?;
            evaluate(Sink::F32(values))?;
        }
        Ok(self.array.into_any())
    }
}

/// Whether an array's elements are float64 or float32 in the machine's byte order.
fn is_float(descr: &Bound<'_, PyArrayDescr>) -> bool {
    let py = descr.py();
    descr.is_equiv_to(&dtype::<f64>(py)) || descr.is_equiv_to(&dtype::<f32>(py))
}

/// A new array whose elements are not set.
fn empty<'py>(
    py: Python<'py>,
    shape: &[usize],
    descr: &Bound<'py, PyArrayDescr>,
) -> Result<Bound<'py, PyUntypedArray>> {
    if shape.iter().any(|len| *len > isize::MAX as usize / size_of::<f64>()) {
        let message = format!("an array of the shape {shape:?} does not fit into memory");
        return Err(Error::new(Kind::Schedule, message));
    }
    let shape = PyTuple::new(py, shape)?;
    let array = numpy_module(py)?.call_method1(name!(py, "empty"), (shape, descr))?;
    Ok(array.cast_into::<PyUntypedArray>().map_err(PyErr::from)?)
}
