//! γ^⌊t/ρ⌋

use crate::bulk::span::Chunks;
use crate::curve::cycle::{Cycle, EXACT, Period, whole_cycles};
use crate::curve::{Formula, Node, map};
use crate::error::Result;
use crate::math::Levels;
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

impl Resolve for nodes::Step {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.step_size);
        let (period, levels) = (length.period(phase.run)?, Levels::new(self.gamma));
        let growing = self.gamma > 1.0;
        Node::since_start(phase, length.reading, Formula::Step(Step { period, levels, growing }))
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.step_size)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    period: Period,
    levels: Levels,
    growing: bool,
}

impl Step {
    /// Whole steps are filled in; where several meet in a few times, each time is asked.
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        let Self { period, levels, .. } = self;
        let (mut step, mut completed, mut level) = (Cycle::EMPTY, 0.0, 1.0);
        for (times, (low, high), out) in Chunks::new(times, out) {
            if !step.contains(low) {
                let now = period.completed(low);
                step = period.cycle(now);
                if now != completed {
                    (completed, level) = (now, levels.at(now));
                }
            }
            if step.contains(high) {
                out.fill(level);
                continue;
            }
            match period.whole {
                Some(length) if high < EXACT => {
                    map!(times.iter().copied(), out, |t| whole_cycles(length, t).0)
                }
                _ => map!(times.iter().copied(), out, |t| period.completed(t)),
            }
            for alpha in out {
                if *alpha != completed {
                    (completed, level) = (*alpha, levels.at(*alpha));
                    step = Cycle::EMPTY;
                }
                *alpha = level;
            }
        }
    }

    pub(crate) fn most(&self) -> f64 {
        if self.growing { f64::INFINITY } else { 1.0 }
    }
}
