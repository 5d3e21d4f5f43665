//! `Run`.

use crate::error::{Error, Result, shown};
use crate::number::{self, Given};
use crate::time::{self, Time};
use crate::timestamp::Timestamp;
use crate::unit;
use epochal_core::{self as core, Counter, Facts};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyString, PyTuple, PyType};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The facts of a run without which `dur` and `ep` have no length.
///
/// `max_duration` is the planned length with its unit, such as "90ep" or "15Ttok", but not `dur`.
/// `batches_per_epoch`, `samples_per_batch` and `tokens_per_batch` are declarations, for runs
/// where they are constant. An operation that needs one which was not given raises `UnitError`
/// and names it. `scale_schedule_ratio` is σ: the run and its schedule become σ times as long.
///
/// `duration` is `max_duration` × σ. Whole epochs stay epochs, a fraction of an epoch turns them
/// into batches, and every other unit follows the count rule of `Time`.
///
/// >>> run = Run("3ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
/// >>> run.duration
/// Time('150ba')
/// >>> run.convert("0.5dur", "ba"), run.convert("150ba", "ep")
/// (Time('75ba'), Time('1ep'))
///
/// Raises `ScheduleError` for a value that is out of range or for a run that would be empty,
/// `UnitError` for a missing fact, `TypeError` for other types.
#[pyclass(frozen, module = "epochal", name = "Run")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run(pub(crate) core::Run);

/// A run, or a time, which is a run of that length.
pub(crate) fn extract(name: &str, object: &Bound<'_, PyAny>) -> Result<core::Run> {
    if let Ok(run) = object.cast::<Run>() {
        return Ok(run.get().0);
    }
    if object.is_instance_of::<Time>() || object.is_instance_of::<PyString>() {
        return Ok(core::Run::new(time::extract(name, object)?, Facts::default(), 1.0)?);
    }
    Err(Error::wrong_type(name, "a Run, or a time such as '90ep'", object))
}

#[pymethods]
impl Run {
    #[new]
    #[pyo3(signature = (
        max_duration, *others, batches_per_epoch=None, samples_per_batch=None,
        tokens_per_batch=None, scale_schedule_ratio=Given(None), **unknown,
    ))]
    #[pyo3(text_signature = "(max_duration, *, batches_per_epoch=None, samples_per_batch=None, \
        tokens_per_batch=None, scale_schedule_ratio=1.0)")]
    fn new(
        max_duration: &Bound<'_, PyAny>,
        others: &Bound<'_, PyTuple>,
        batches_per_epoch: Option<&Bound<'_, PyAny>>,
        samples_per_batch: Option<&Bound<'_, PyAny>>,
        tokens_per_batch: Option<&Bound<'_, PyAny>>,
        scale_schedule_ratio: Given<'_, '_>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> Result<Self> {
        refuse(others, unknown)?;
        let fact = |name: &str, value: Option<&Bound<'_, PyAny>>| {
            value.map(|value| number::int(name, value)).transpose()
        };
        let facts = Facts {
            batches_per_epoch: fact("batches_per_epoch", batches_per_epoch)?,
            samples_per_batch: fact("samples_per_batch", samples_per_batch)?,
            tokens_per_batch: fact("tokens_per_batch", tokens_per_batch)?,
        };
        let ratio =
            scale_schedule_ratio.or(1.0, |ratio| number::float("scale_schedule_ratio", ratio))?;
        Ok(Self(core::Run::new(time::extract("max_duration", max_duration)?, facts, ratio)?))
    }

    /// The planned length, before σ.
    #[getter]
    fn max_duration(&self) -> Time {
        Time(self.0.max_duration())
    }

    /// The length of the run: the planned length times σ.
    #[getter]
    fn duration(&self) -> Time {
        Time(self.0.duration())
    }

    /// Optimizer steps in an epoch, if declared.
    #[getter]
    fn batches_per_epoch(&self) -> Option<i64> {
        self.0.facts().batches_per_epoch
    }

    /// Samples in an optimizer step, if declared.
    #[getter]
    fn samples_per_batch(&self) -> Option<i64> {
        self.0.facts().samples_per_batch
    }

    /// Tokens in an optimizer step, if declared.
    #[getter]
    fn tokens_per_batch(&self) -> Option<i64> {
        self.0.facts().tokens_per_batch
    }

    /// σ.
    #[getter]
    fn scale_schedule_ratio(&self) -> f64 {
        self.0.scale_schedule_ratio()
    }

    /// A run over a dataloader.
    ///
    /// `batches_per_epoch` is the length of the loader, which is that of one rank: each step of the
    /// optimizer takes a batch on every rank. `facts` are arguments of `Run`, and take precedence
    /// over what the loader says. A smaller `batches_per_epoch` is taken to mean that gradients are
    /// accumulated over the whole epoch.
    ///
    /// `samples_per_batch` is what a step takes on all ranks: the `batch_size`, times `num_replicas`
    /// of a `DistributedSampler`, times the batches of the loader in a step. It is not declared if
    /// batches or steps differ in size, nor in a distributed run without such a sampler.
    ///
    /// >>> class Loader:
    /// ...     batch_size, drop_last = 8, True
    /// ...     def __len__(self):
    /// ...         return 100
    /// >>> Run.from_dataloader("3ep", Loader())
    /// Run('3ep', batches_per_epoch=100, samples_per_batch=8)
    /// >>> Run.from_dataloader("3ep", Loader(), batches_per_epoch=25)
    /// Run('3ep', batches_per_epoch=25, samples_per_batch=32)
    ///
    /// Raises `TypeError` for a loader without a length unless `batches_per_epoch` is given.
    #[classmethod]
    #[pyo3(signature = (max_duration, loader, **facts))]
    fn from_dataloader<'py>(
        cls: &Bound<'py, PyType>,
        max_duration: &Bound<'py, PyAny>,
        loader: &Bound<'py, PyAny>,
        facts: Option<&Bound<'py, PyDict>>,
    ) -> Result<Bound<'py, PyAny>> {
        let facts = match facts {
            Some(facts) => facts.copy()?,
            None => PyDict::new(cls.py()),
        };
        if !facts.contains("batches_per_epoch")? {
            let length = loader.len().map_err(|_| {
                let expected = "a dataloader with a length, unless batches_per_epoch is given";
                Error::wrong_type("loader", expected, loader)
            })?;
            facts.set_item("batches_per_epoch", length)?;
        }
        if !facts.contains("samples_per_batch")?
            && let Some(samples) = samples_of_all(loader)?
            && let Some(loaded) = batches_in_a_step(loader, &facts)?
        {
            facts.set_item("samples_per_batch", samples.saturating_mul(loaded))?;
        }
        Ok(cls.call((max_duration,), Some(&facts))?)
    }

    /// The run that a mapping describes, with the names of the arguments of `Run`.
    ///
    /// >>> Run.from_config({"max_duration": "3ep", "batches_per_epoch": 100})
    /// Run('3ep', batches_per_epoch=100)
    ///
    /// Raises `ScheduleError` for an unknown name or a missing `max_duration`.
    #[classmethod]
    fn from_config<'py>(
        cls: &Bound<'py, PyType>,
        config: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyAny>> {
        let module = cls.py().import("epochal.config._mappings")?;
        Ok(module.getattr("run_from_config")?.call1((config,))?)
    }

    /// The arguments of this run as a plain dict, for JSON, YAML or TOML.
    ///
    /// Facts that are not known are left out.
    ///
    /// >>> Run("3ep", batches_per_epoch=100).to_config()
    /// {'max_duration': '3ep', 'batches_per_epoch': 100}
    fn to_config<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let config = PyDict::new(py);
        config.set_item("max_duration", self.0.max_duration().to_string())?;
        for (name, fact) in self.0.facts().named() {
            if let Some(fact) = fact {
                config.set_item(name, fact)?;
            }
        }
        if self.0.scale_schedule_ratio() != 1.0 {
            config.set_item("scale_schedule_ratio", self.0.scale_schedule_ratio())?;
        }
        Ok(config)
    }

    /// The number of optimizer steps in the run, including one during which the run ends.
    ///
    /// >>> Run("3ep", batches_per_epoch=100).batches
    /// 300
    ///
    /// Raises `UnitError` that names a missing fact.
    #[getter]
    fn batches(&self) -> Result<i64> {
        Ok(self.0.batches()?)
    }

    /// `time` in another unit, by the declared rates.
    ///
    /// A `dur` is converted by the count rule of `Time`. A count in a coarser unit is truncated
    /// toward zero; a count in `dur` is correctly rounded. Raises `UnitError` that names a missing
    /// fact.
    fn convert(&self, time: &Bound<'_, PyAny>, unit: &Bound<'_, PyAny>) -> Result<Time> {
        Ok(Time(self.0.convert(time::extract("time", time)?, unit::extract("unit", unit)?)?))
    }

    /// The timestamp at which a batch begins, by the declared rates.
    ///
    /// Counters without a rate are 0.
    fn at_batch(&self, batch: &Bound<'_, PyAny>) -> Result<Timestamp> {
        let batch = time::extract_count("batch", batch, Counter::Batch)?;
        Ok(Timestamp(self.0.at_batch(batch)?))
    }

    /// Code that rebuilds it: the facts that are known.
    pub(crate) fn __repr__(&self) -> String {
        let fact = |(name, fact): (&str, Option<i64>)| Some(format!(", {name}={}", fact?));
        let facts: String = self.0.facts().named().into_iter().filter_map(fact).collect();
        let ratio = match self.0.scale_schedule_ratio() {
            1.0 => String::new(),
            ratio => format!(", scale_schedule_ratio={ratio:?}"),
        };
        format!("Run('{}'{facts}{ratio})", self.0.max_duration())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
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

    /// Facts are keyword arguments, which pickle passes on through `copyreg`.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let facts = PyDict::new(py);
        for (name, fact) in self.0.facts().named() {
            facts.set_item(name, fact)?;
        }
        facts.set_item("scale_schedule_ratio", self.0.scale_schedule_ratio())?;
        let class = py.get_type::<Self>();
        let rebuild = py.import("copyreg")?.getattr("__newobj_ex__")?;
        let arguments = PyTuple::new(py, [self.max_duration()])?;
        (rebuild, (class, arguments, facts)).into_pyobject(py)
    }
}

/// Samples in each batch of a loader, those of all ranks, if it tells them and they do not differ.
fn samples_of_all(loader: &Bound<'_, PyAny>) -> Result<Option<usize>> {
    let Some(size) = loader.getattr_opt("batch_size")? else { return Ok(None) };
    let Some(number::Number::Int(_)) = number::Number::extract(&size)? else { return Ok(None) };
    let Ok(size) = size.extract::<usize>() else { return Ok(None) };
    // A `DistributedSampler` has these.
    let sampler = loader.getattr_opt("sampler")?.filter(|sampler| !sampler.is_none());
    let replicas = match &sampler {
        Some(sampler) => sampler.getattr_opt("num_replicas")?,
        None => None,
    };
    let ranks = match replicas {
        Some(replicas) => replicas.extract::<usize>()?,
        None => {
            // Whether other ranks read other data is not known.
            let world = loader.py().import("epochal._ranks")?.call_method0("size")?;
            if world.extract::<usize>()? > 1 {
                return Ok(None);
            }
            1
        }
    };
    Ok(whole_batches(loader, sampler.as_ref(), size)?.then_some(size.saturating_mul(ranks)))
}

/// Refuses what `Run` does not take, and says what it does.
fn refuse(others: &Bound<'_, PyTuple>, unknown: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    let message = if let Some(name) = unknown.and_then(|unknown| unknown.keys().iter().next()) {
        let words = others.py().import("epochal.config._mappings")?.getattr("unknown_fact")?;
        words.call1((name,))?.extract()?
    } else if let Ok(other) = others.get_item(0) {
        format!(
            "a run's facts are given by name, e.g. batches_per_epoch=100, not by their order, as \
             {} is",
            shown(&other)
        )
    } else {
        return Ok(());
    };
    Err(PyTypeError::new_err(message))
}

/// Whether all batches of a loader are of one size: it drops a smaller last one, or has none.
fn whole_batches(
    loader: &Bound<'_, PyAny>,
    sampler: Option<&Bound<'_, PyAny>>,
    size: usize,
) -> Result<bool> {
    if let Some(drop_last) = loader.getattr_opt("drop_last")?
        && drop_last.is_truthy()?
    {
        return Ok(true);
    }
    let dataset = loader.getattr_opt("dataset")?;
    // The sampler of a stream has no length.
    let samples = [sampler, dataset.as_ref()].into_iter().flatten().find_map(|of| of.len().ok());
    Ok(samples.is_some_and(|samples| samples % size.max(1) == 0))
}

/// Batches of a loader in a step of the optimizer: gradients are accumulated over them. None if
/// their number differs from step to step.
fn batches_in_a_step(
    loader: &Bound<'_, PyAny>,
    facts: &Bound<'_, PyDict>,
) -> Result<Option<usize>> {
    let steps = facts.get_item("batches_per_epoch")?.filter(|steps| !steps.is_none());
    let (Some(steps), Ok(length)) = (steps, loader.len()) else { return Ok(Some(1)) };
    // What is no number of steps is told by `Run`.
    let steps = usize::try_from(number::int("batches_per_epoch", &steps)?).unwrap_or(0).max(1);
    Ok(if steps >= length { Some(1) } else { (length % steps == 0).then_some(length / steps) })
}
