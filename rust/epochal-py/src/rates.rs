//! What a scheduler writes into the parameter groups of an optimizer, in one pass.

use crate::curve::{AtBatch, Curve};
use crate::error::Error;
use crate::name::name;
use epochal_core::Kind;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyFloat, PyList, PySequence, PyString};

/// A number to write: the index of its group, its key, its index in a tuple such as `betas`, the key
/// of its base, the base as a float, the index of the reader that gives its α, whether it is a
/// learning rate, how it is written, and how large it may be.
type Entry = (usize, Py<PyString>, Option<usize>, Py<PyString>, f64, usize, bool, u8, f64);

// How a number is written, if not as a new float.
const ALONE: u8 = 1; // into its tensor
const TOGETHER: u8 = 2; // into its tensor, in one operation with others
const DONE: u8 = 3; // not at all: its tensor is that of another entry

/// Writes numbers into parameter groups, as long as these are as they were last seen or written.
///
/// A number becomes base × α, and a learning rate base × (α × factor). A tensor is filled in place.
/// `readers` return α; each is called with the moment once per step. `fill` takes the
/// numbers of all tensors that are filled together, as the bytes of doubles.
#[pyclass(module = "epochal._core")]
pub(crate) struct Writer {
    groups: Vec<Py<PyDict>>,
    numbers: Vec<Number>,
    readers: Vec<Py<PyAny>>,
    fill: Py<PyAny>,
}

/// A number to write. It is small, since an optimizer may have hundreds; rare properties are apart.
struct Number {
    group: usize,
    reader: usize,
    is_rate: bool,
    key: Py<PyString>,
    base_key: Py<PyString>,
    base: Py<PyAny>,
    base_value: f64,
    /// The value that was written last.
    value: f64,
    special: Option<Box<Special>>,
}

/// The properties of a number that is in a tuple, is a tensor, or has a tensor as its base.
struct Special {
    /// What the group holds: a number, a tensor, or a tuple of them.
    now: Py<PyAny>,
    element: Option<usize>,
    tensor: Option<Tensor>,
    base_version: Option<u64>,
}

struct Tensor {
    object: Py<PyAny>,
    /// How often anybody has written to it, and by how much one write of ours moves that on, which
    /// is known after the first one: asking takes as long as filling.
    version: Option<u64>,
    step: Option<u64>,
    fill: Py<PyAny>,
    how: u8,
    /// The largest number that it holds.
    largest: f64,
}

#[pymethods]
impl Writer {
    #[new]
    fn new(
        groups: Vec<Py<PyDict>>,
        entries: Vec<Entry>,
        readers: Vec<Py<PyAny>>,
        fill: Py<PyAny>,
        py: Python<'_>,
    ) -> PyResult<Self> {
        let known = |entry: Entry| {
            let (group, key, element, base_key, base_value, reader, is_rate, how, largest) = entry;
            let (Some(dict), true) = (groups.get(group), reader < readers.len()) else {
                return Err(PyIndexError::new_err("an entry names no group or no reader"));
            };
            let dict = dict.bind(py).as_any();
            let (now, base) = (dict.get_item(&key)?, dict.get_item(&base_key)?);
            let object = element.map_or(Ok(now.clone()), |element| now.get_item(element))?;
            let tensor = if matches!(how, ALONE | TOGETHER | DONE) {
                let (version, fill) = (version(&object), object.getattr(name!(py, "fill_"))?);
                let (object, fill) = (object.unbind(), fill.unbind());
                Some(Tensor { object, version, step: None, fill, how, largest })
            } else {
                None
            };
            let base_version = version(&base);
            let is_special = element.is_some() || tensor.is_some() || base_version.is_some();
            Ok(Number {
                group,
                reader,
                is_rate,
                key,
                base_key,
                base: base.unbind(),
                base_value,
                value: f64::NAN,
                special: is_special.then(|| {
                    Box::new(Special { now: now.unbind(), element, tensor, base_version })
                }),
            })
        };
        let numbers = entries.into_iter().map(known).collect::<PyResult<_>>()?;
        Ok(Self { groups, numbers, readers, fill })
    }

    /// Writes the numbers of a moment, and returns whether it did.
    ///
    /// If a group, a number or a base has changed, nothing is read or written.
    fn write(
        slf: &Bound<'_, Self>,
        groups: &Bound<'_, PyAny>,
        moment: &Bound<'_, PyAny>,
        factor: f64,
    ) -> PyResult<bool> {
        let alphas: Vec<f64> = {
            let this = slf.try_borrow()?;
            if !this.knows(groups)? {
                return Ok(false);
            }
            let read = |reader: &Py<PyAny>| read(reader.bind(slf.py()), moment);
            this.readers.iter().map(read).collect::<PyResult<_>>()?
        };
        slf.try_borrow_mut()?.put(slf.py(), alphas, factor)?;
        Ok(true)
    }

    /// Writes the numbers for these α, one per reader, whatever has changed in the groups. Raises
    /// `ScheduleError` if one of them is too large to be written, and then writes none.
    fn put(&mut self, py: Python<'_>, alphas: Vec<f64>, factor: f64) -> PyResult<()> {
        if alphas.len() != self.readers.len() {
            return Err(PyIndexError::new_err("each reader gives one α"));
        }
        for number in &self.numbers {
            number.check(number.product(&alphas, factor))?;
        }
        let mut together = Vec::new();
        for number in &mut self.numbers {
            number.value = number.product(&alphas, factor);
            let value = || PyFloat::new(py, number.value);
            let group = self.groups[number.group].bind(py);
            let Some(special) = &number.special else {
                group.set_item(&number.key, value())?;
                continue;
            };
            match (&special.tensor, special.element) {
                (Some(tensor), _) if tensor.how == TOGETHER => {
                    together.extend_from_slice(&number.value.to_ne_bytes());
                }
                (Some(tensor), _) if tensor.how == ALONE => {
                    drop(tensor.fill.bind(py).call1((value(),))?)
                }
                (Some(_), _) => {}
                (None, Some(element)) => {
                    let now = group.as_any().get_item(&number.key)?;
                    let list = now.cast::<PySequence>()?.to_list()?;
                    list.set_item(element, value())?;
                    match now.cast::<PyList>() {
                        Ok(_) => group.set_item(&number.key, list)?,
                        Err(_) => group.set_item(&number.key, list.to_tuple())?,
                    }
                }
                (None, None) => group.set_item(&number.key, value())?,
            }
        }
        if !together.is_empty() {
            self.fill.bind(py).call1((PyByteArray::new(py, &together),))?;
        }
        // Known again only when all is written: two numbers may be elements of one tuple.
        for number in &mut self.numbers {
            let Some(special) = &mut number.special else { continue };
            if special.element.is_some() || special.tensor.is_none() {
                let group = self.groups[number.group].bind(py).as_any();
                special.now = group.get_item(&number.key)?.unbind();
            }
            if let Some(tensor) = &mut special.tensor {
                tensor.written(py);
            }
        }
        Ok(())
    }

    /// The numbers that were written last.
    fn values(&self) -> Vec<f64> {
        self.numbers.iter().map(|number| number.value).collect()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.groups.iter().try_for_each(|group| visit.call(group))?;
        self.readers.iter().try_for_each(|reader| visit.call(reader))?;
        visit.call(&self.fill)?;
        for number in &self.numbers {
            visit.call(&number.base)?;
            if let Some(special) = &number.special {
                visit.call(&special.now)?;
                if let Some(tensor) = &special.tensor {
                    visit.call(&tensor.object)?;
                    visit.call(&tensor.fill)?;
                }
            }
        }
        Ok(())
    }

    fn __clear__(&mut self) {
        self.groups.clear();
        self.numbers.clear();
        self.readers.clear();
    }
}

impl Writer {
    /// Whether all is as it was when it was last looked at or written.
    fn knows(&self, groups: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = groups.py();
        let Ok(groups) = groups.cast::<PyList>() else { return Ok(false) };
        let same = |(group, known): (Bound<'_, PyAny>, &Py<PyDict>)| group.is(known);
        if groups.len() != self.groups.len() || !groups.iter().zip(&self.groups).all(same) {
            return Ok(false);
        }
        for number in &self.numbers {
            let group = self.groups[number.group].bind(py);
            let (now, base) = (group.get_item(&number.key)?, group.get_item(&number.base_key)?);
            let (Some(now), Some(base)) = (now, base) else { return Ok(false) };
            let as_written = match &number.special {
                // Who writes the same number again changes nothing.
                None => now.cast_exact::<PyFloat>().is_ok_and(|now| now.value() == number.value),
                Some(special) => now.is(&special.now) && special.knows(&number.base, py),
            };
            if !as_written || !base.is(&number.base) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Number {
    /// What is to be written for these α, one per reader.
    fn product(&self, alphas: &[f64], factor: f64) -> f64 {
        let alpha = alphas[self.reader];
        self.base_value * if self.is_rate { alpha * factor } else { alpha }
    }

    fn check(&self, value: f64) -> Result<(), Error> {
        let tensor = self.special.as_ref().and_then(|special| special.tensor.as_ref());
        let largest = tensor.map_or(f64::MAX, |tensor| tensor.largest);
        if value.abs() <= largest {
            return Ok(());
        }
        let (key, group, base) = (&self.key, self.group, self.base_value);
        let text = format!(
            "'{key}' of group {group} would be {value:e}, of a base of {base:e}, and there it is at \
             most {largest:e}: give a smaller base or factor, or another schedule"
        );
        Err(Error::new(Kind::Schedule, text))
    }
}

impl Tensor {
    /// After a write of ours.
    fn written(&mut self, py: Python<'_>) {
        let Some(before) = self.version else { return };
        self.version = match self.step {
            Some(step) => Some(before + step),
            None => version(self.object.bind(py)),
        };
        self.step = self.version.and_then(|now| now.checked_sub(before));
    }
}

impl Special {
    /// Whether nobody has written into the tensors.
    fn knows(&self, base: &Py<PyAny>, py: Python<'_>) -> bool {
        let same = |object: &Py<PyAny>, known: Option<u64>| {
            known.is_none() || version(object.bind(py)) == known
        };
        let tensor = self.tensor.as_ref();
        same(base, self.base_version)
            && tensor.is_none_or(|tensor| same(&tensor.object, tensor.version))
    }
}

/// α at a moment; of a curve without the way through Python.
fn read(reader: &Bound<'_, PyAny>, moment: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(at_batch) = reader.cast::<AtBatch>() {
        return Ok(at_batch.get().__call__(moment)?);
    }
    if let Ok(curve) = reader.cast::<Curve>()
        && let Some(alpha) = curve.get().at_clock(moment)?
    {
        return Ok(alpha);
    }
    reader.call1((moment,))?.extract()
}

/// How often a tensor has been written to, by anybody. Of a number, or of a tensor that does not
/// count that, none.
fn version(object: &Bound<'_, PyAny>) -> Option<u64> {
    if object.is_exact_instance_of::<PyFloat>() {
        return None;
    }
    object.getattr(name!(object.py(), "_version")).ok()?.extract().ok()
}
