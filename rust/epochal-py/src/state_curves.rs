//! The curves of a schedule that is called with states: one is kept for each run that they tell.

use crate::composer::{State, never_changes};
use crate::error::Result;
use epochal_core::{self as core, Counter, Curve, Facts};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The curves that are kept: the first one and the last one.
#[derive(Debug, Default)]
pub(crate) struct StateCurves {
    /// The first run that a state told, which mostly stays the only one: to look at it takes no
    /// lock.
    first: OnceLock<StateCurve>,
    /// The last one of those after it. Nothing of Python may run while it is locked: another thread
    /// might wait for the lock, or fork.
    last: Mutex<Option<Arc<StateCurve>>>,
}

/// A run as a state tells it, and the curve in it.
#[derive(Debug)]
struct StateCurve {
    max_duration: Py<PyAny>,
    /// Absent if the curve does not depend on it.
    dataloader_len: Option<Py<PyAny>>,
    ratio: f64,
    curve: Arc<Curve>,
}

impl StateCurves {
    /// α by the curve that was kept first, if that is the state's and nothing of Python is called.
    pub(crate) fn at_once(&self, state: &State<'_, '_>, ratio: f64) -> Option<core::Result<f64>> {
        let timestamp = state.own_timestamp()?;
        let curve = &self.first.get().filter(|kept| kept.is_of(state, ratio))?.curve;
        (!curve.has_functions()).then(|| curve.at_timestamp(timestamp))
    }

    /// The curve of a schedule in the run of a state.
    pub(crate) fn of(
        &self,
        schedule: &core::Schedule,
        state: &State<'_, '_>,
        ratio: f64,
    ) -> Result<Arc<Curve>> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last().clone();
        for kept in [self.first.get(), before.as_deref()].into_iter().flatten() {
            if kept.is_of(state, ratio) {
                return Ok(Arc::clone(&kept.curve));
            }
        }
        let dataloader_len = state.dataloader_len()?;
        let run = state.run(&dataloader_len, ratio)?;
        let curve = Arc::new(schedule.resolve(&run)?);
        if never_changes(&state.max_duration) && never_changes(&dataloader_len) {
            let kept = StateCurve {
                max_duration: state.max_duration.clone().unbind(),
                dataloader_len: reads_epochs(schedule, &run).then(|| dataloader_len.unbind()),
                ratio,
                curve: Arc::clone(&curve),
            };
            if let Err(kept) = self.first.set(kept) {
                // What it replaces goes when it is no longer locked.
                let _replaced = last().replace(Arc::new(kept));
            }
        }
        Ok(curve)
    }
}

impl StateCurve {
    fn is_of(&self, state: &State<'_, '_>, ratio: f64) -> bool {
        let is_same = |dataloader_len: &Py<PyAny>| {
            state.dataloader_len().is_ok_and(|told| dataloader_len.is(&told))
        };
        self.ratio == ratio
            && self.max_duration.is(&state.max_duration)
            && self.dataloader_len.as_ref().is_none_or(is_same)
    }
}

/// Whether a curve may depend on the number of batches in an epoch: whether without it some length
/// stays in epochs, or none is known. A function may read what it likes.
fn reads_epochs(schedule: &core::Schedule, run: &core::Run) -> bool {
    let (duration, ratio) = (run.duration(), run.scale_schedule_ratio());
    core::Run::already_scaled(duration, Facts::default(), ratio)
        .and_then(|run| schedule.resolve(&run))
        .map_or(true, |curve| curve.has_functions() || curve.counters().contains(&Counter::Epoch))
}
