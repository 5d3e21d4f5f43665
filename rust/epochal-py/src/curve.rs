//! `Curve`: single values, and arrays from and to NumPy.

use crate::error::{Error, Result};
use crate::number::{self, Given, Number};
use crate::run::Run;
use crate::schedule::Schedule;
use crate::time::{self, Time};
use crate::timestamp::Timestamp;
use crate::unit;
use epochal_core::{self as core, Clock, Kind, Sink, Source, evaluate, grid_len};
use numpy::{
    Element, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A schedule resolved for a run: the multiplier α as a function of time.
///
/// Made by `Schedule.resolve(run)`. `clocks` names the clocks it reads.
///
/// `curve(t)` is a float for a number, a `Time` or a time string on its clock, and for a
/// `Timestamp`. For an array of ints or floats it is a float64 array of the same shape;
/// `out=` takes the values instead, `dtype="float32"` rounds them once. A curve of several
/// clocks takes a `Timestamp` or a mapping such as `{"ba": batches, "tok": tokens}`.
///
/// >>> curve = LinearScheduler().resolve(Run("4ba"))
/// >>> curve(1), curve("2ba"), curve([0, 1, 2, 3, 4, 5]).tolist()
/// (0.75, 0.5, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
/// >>> curve.clocks, curve.grid().tolist()
/// ((<TimeUnit.BATCH: 'ba'>,), [1.0, 0.75, 0.5, 0.25])
///
/// Times are finite and not negative, else `ScheduleError`; in another unit, or a bare number
/// where several clocks are read, `UnitError`; arrays of other types, `TypeError`.
#[pyclass(frozen, module = "epochal", name = "Curve")]
#[derive(Debug)]
pub(crate) struct Curve {
    schedule: Py<Schedule>,
    run: Py<Run>,
    curve: core::Curve,
}

impl Curve {
    pub(crate) fn new(schedule: Py<Schedule>, run: Py<Run>) -> Result<Self> {
        let curve = schedule.get().0.resolve(&run.get().0)?;
        Ok(Self { schedule, run, curve })
    }

    /// α at a single point, or none if `t` is an array or a mapping of arrays.
    fn scalar(&self, t: &Bound<'_, PyAny>) -> Result<Option<f64>> {
        if let Ok(timestamp) = t.cast::<Timestamp>() {
            return Ok(Some(self.curve.at_readings(&timestamp.get().0.readings())?));
        }
        if let Some(number) = Number::extract(t)? {
            return Ok(Some(self.curve.at_number(number.as_f64())?));
        }
        if t.is_instance_of::<Time>() || t.is_instance_of::<PyString>() {
            let time = time::extract("t", t)?;
            let clock = self.curve.clock()?;
            if time.unit() != clock.unit() {
                let message = format!("this curve reads '{clock}', not '{time}'");
                return Err(Error::new(Kind::Unit, message));
            }
            return Ok(Some(self.curve.at_number(time.as_f64())?));
        }
        Ok(None)
    }

    /// α where each clock has a number, or none if any has an array.
    fn scalar_mapping(
        &self,
        times: &[Option<Bound<'_, PyAny>>; Clock::COUNT],
    ) -> Result<Option<f64>> {
        let mut readings = [0.0; Clock::COUNT];
        for clock in self.curve.clocks() {
            let Some(time) = &times[*clock as usize] else { continue };
            match Number::extract(time)? {
                Some(number) => readings[*clock as usize] = number.as_f64(),
                None => return Ok(None),
            }
        }
        Ok(Some(self.curve.at_readings(&readings)?))
    }

    /// The mapping's entries for the clocks of the curve; others are left aside.
    fn by_clock<'py>(
        &self,
        mapping: &Bound<'py, PyMapping>,
    ) -> Result<[Option<Bound<'py, PyAny>>; Clock::COUNT]> {
        let mut times = [const { None }; Clock::COUNT];
        for item in mapping.items()? {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            times[unit::extract_clock("a key", &key)? as usize] = Some(value);
        }
        let missing: Vec<_> = (self.curve.clocks().iter())
            .filter(|clock| times[**clock as usize].is_none())
            .map(|clock| format!("'{clock}'"))
            .collect();
        if !missing.is_empty() {
            let message =
                format!("this curve reads {} too: the mapping lacks it", missing.join(" and "));
            return Err(Error::new(Kind::Unit, message));
        }
        Ok(times)
    }

    /// α at arrays of times, one for each clock of the curve.
    fn array<'py>(
        &self,
        py: Python<'py>,
        times: &[Option<Bound<'py, PyAny>>; Clock::COUNT],
        out: Option<&Bound<'py, PyAny>>,
        dtype: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let mut arrays = [const { None }; Clock::COUNT];
        let mut shape: Option<Vec<usize>> = None;
        for clock in self.curve.clocks() {
            let Some(time) = &times[*clock as usize] else { continue };
            let array = Array::from_python(time)?;
            match &shape {
                Some(shape) if shape != array.0.shape() => {
                    let message = format!(
                        "times of all clocks must have one shape, not {shape:?} and {:?}",
                        array.0.shape()
                    );
                    return Err(Error::new(Kind::Schedule, message));
                }
                _ => shape = Some(array.0.shape().to_vec()),
            }
            arrays[*clock as usize] = Some(array);
        }
        let output = Output::new(py, &shape.unwrap_or_default(), out, dtype)?;
        // Values are written while times are still read, so the two must not share memory.
        let apart = arrays.iter().flatten().all(|array| !output.may_share_memory(&array.0));
        output.write(apart, |sink| {
            let sources = arrays.each_ref().map(|array| array.as_ref().and_then(Array::source));
            py.detach(|| evaluate(&[&self.curve], &sources, sink, None))
        })
    }
}

#[pymethods]
impl Curve {
    /// The schedule that was resolved.
    #[getter]
    fn schedule(&self, py: Python<'_>) -> Py<Schedule> {
        self.schedule.clone_ref(py)
    }

    /// The run for which it was resolved.
    #[getter]
    fn run(&self, py: Python<'_>) -> Py<Run> {
        self.run.clone_ref(py)
    }

    /// The clocks the curve reads, a tuple of `TimeUnit`.
    #[getter]
    fn clocks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut members = Vec::new();
        for clock in self.curve.clocks() {
            members.push(unit::member(py, clock.unit())?);
        }
        PyTuple::new(py, members)
    }

    #[pyo3(signature = (t, *, out=None, dtype=None))]
    fn __call__<'py>(
        &self,
        t: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        dtype: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = t.py();
        let scalar_allowed = out.is_none() && dtype.is_none();
        if scalar_allowed && let Some(alpha) = self.scalar(t)? {
            return Ok(alpha.into_bound_py_any(py)?);
        }
        if let Ok(mapping) = t.cast::<PyMapping>() {
            let times = self.by_clock(mapping)?;
            if scalar_allowed && let Some(alpha) = self.scalar_mapping(&times)? {
                return Ok(alpha.into_bound_py_any(py)?);
            }
            return self.array(py, &times, out, dtype);
        }
        let mut times = [const { None }; Clock::COUNT];
        times[self.curve.clock()? as usize] = Some(t.clone());
        self.array(py, &times, out, dtype)
    }

    /// α at `start`, `start + step`, … before `stop`, without an input array.
    ///
    /// Numbers are on the curve's clock; `stop` defaults to the run's length there. `out=` and
    /// `dtype=` as for a call. Raises `UnitError` if the curve reads several clocks or the
    /// length is not known.
    #[pyo3(signature = (start=Given(None), stop=None, step=Given(None), out=None, dtype=None))]
    #[pyo3(text_signature = "($self, start=0, stop=None, step=1, out=None, dtype=None)")]
    fn grid<'py>(
        &self,
        py: Python<'py>,
        start: Given<'_, 'py>,
        stop: Option<&Bound<'py, PyAny>>,
        step: Given<'_, 'py>,
        out: Option<&Bound<'py, PyAny>>,
        dtype: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let clock = self.curve.clock()?;
        let start = start.or(0.0, |start| number::float("start", start))?;
        let step = step.or(1.0, |step| number::float("step", step))?;
        let stop = match stop {
            Some(stop) => number::float("stop", stop)?,
            None => self.curve.length()?,
        };
        let len = grid_len(start, stop, step)?;
        let output = Output::new(py, &[len], out, dtype)?;
        output.write(true, |sink| {
            let mut sources = [None; Clock::COUNT];
            sources[clock as usize] = Some(Source::Grid { start, step, len });
            py.detach(|| evaluate(&[&self.curve], &sources, sink, None))
        })
    }

    fn __repr__(&self) -> String {
        format!("{}.resolve({})", self.bracketed(), self.run.get().0)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.parts() == other.get().parts())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.__repr__().hash(&mut hasher);
        hasher.finish()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let resolve = py.get_type::<Schedule>().getattr("resolve")?;
        (resolve, (self.schedule(py), self.run(py))).into_pyobject(py)
    }
}

impl Curve {
    fn parts(&self) -> (&core::Schedule, &core::Run) {
        (&self.schedule.get().0, &self.run.get().0)
    }

    /// The schedule's repr; a product's in brackets.
    fn bracketed(&self) -> String {
        let schedule = &self.schedule.get().0;
        match schedule.factors() {
            [_] => schedule.to_string(),
            _ => format!("({schedule})"),
        }
    }
}

/// Times as a C-contiguous array of a type that the core reads.
struct Array<'py>(Bound<'py, PyUntypedArray>);

impl<'py> Array<'py> {
    /// Whatever NumPy makes an array of whole numbers or floats of.
    fn from_python(object: &Bound<'py, PyAny>) -> Result<Self> {
        let py = object.py();
        let numpy = py.import(intern!(py, "numpy"))?;
        let wrong = || Error::wrong_type("t", "numbers, or an array of ints or floats", object);
        let array = match object.cast::<PyUntypedArray>() {
            Ok(array) => array.clone(),
            Err(_) => numpy
                .call_method1(intern!(py, "asarray"), (object,))
                .map_err(|_| wrong())?
                .cast_into::<PyUntypedArray>()
                .map_err(|_| wrong())?,
        };
        if !matches!(array.dtype().kind(), b'i' | b'u' | b'f') {
            return Err(wrong());
        }
        let array = Self(array);
        if array.0.is_c_contiguous() && array.source().is_some() {
            return Ok(array);
        }
        let options = PyDict::new(py);
        options.set_item("dtype", dtype::<f64>(py))?;
        options.set_item("order", "C")?;
        let copy = numpy.call_method(intern!(py, "array"), (&array.0,), Some(&options))?;
        Ok(Self(copy.cast_into::<PyUntypedArray>().map_err(|_| wrong())?))
    }

    /// The elements, if their type is read as it is.
    fn source(&self) -> Option<Source<'_>> {
        let array = &self.0;
        None.or_else(|| elements(array).map(Source::F64))
            .or_else(|| elements(array).map(Source::I64))
            .or_else(|| elements(array).map(Source::F32))
            .or_else(|| elements(array).map(Source::I32))
            .or_else(|| elements(array).map(Source::U64))
            .or_else(|| elements(array).map(Source::U32))
    }
}

/// A contiguous array's elements, if they are of this type in the machine's byte order.
fn elements<'a, T: Element>(array: &'a Bound<'_, PyUntypedArray>) -> Option<&'a [T]> {
    let array = array.cast::<PyArrayDyn<T>>().ok()?;
    // SAFETY: the array outlives the slice. As with NumPy's own functions, another thread that
    // writes to it meanwhile is the caller's to prevent.
    unsafe { array.as_slice() }.ok()
}

/// Where values go: an array of float64 or float32.
struct Output<'py> {
    array: Bound<'py, PyUntypedArray>,
    given: bool,
}

impl<'py> Output<'py> {
    /// The caller's array, or a new one.
    fn new(
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
        let writable: bool = array.getattr("flags")?.getattr("writeable")?.extract()?;
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

    fn may_share_memory(&self, times: &Bound<'py, PyUntypedArray>) -> bool {
        let py = times.py();
        // If NumPy cannot tell, they may.
        self.given
            && py
                .import(intern!(py, "numpy"))
                .and_then(|numpy| {
                    numpy.call_method1(intern!(py, "may_share_memory"), (&self.array, times))
                })
                .and_then(|shared| shared.extract())
                .unwrap_or(true)
    }

    /// Has `evaluate` write the values, and returns the array. What is not contiguous or not
    /// `apart` from the times is written by way of a new array.
    fn write(
        self,
        apart: bool,
        evaluate: impl FnOnce(Sink<'_>) -> core::Result<()>,
    ) -> Result<Bound<'py, PyAny>> {
        let py = self.array.py();
        if !(apart && self.array.is_c_contiguous()) {
            let shape = self.array.shape().to_vec();
            let copy = Self { array: empty(py, &shape, &self.array.dtype())?, given: false };
            let values = copy.write(true, evaluate)?;
            py.import("numpy")?.call_method1("copyto", (&self.array, values))?;
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
    let array =
        py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "empty"), (shape, descr))?;
    Ok(array.cast_into::<PyUntypedArray>().map_err(PyErr::from)?)
}
