//! γ^⌊t/ρ⌋

use crate::bulk::span::{Block, Chunks};
use crate::curve::cycle::{Cycle, EXACT, Period, whole_cycles};
use crate::curve::{Formula, Node, map};
use crate::error::Result;
use crate::math::{Double, Powers, geometric};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::{Course, Outline};

impl Resolve for nodes::Step {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.step_size);
        let (period, levels) = (length.period(phase.run)?, Powers::new(self.gamma));
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
    levels: Powers,
    growing: bool,
}

impl Step {
    /// Whole steps are filled in; where several meet in a few times, each time is asked.
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        let Self { period, levels, .. } = self;
        let (mut cycle, mut completed, mut level) = (Cycle::EMPTY, 0.0, 1.0);
        for (times, (low, high), out) in Chunks::new(times, out) {
            if !cycle.contains(low) {
                let now = period.completed(low);
                cycle = period.cycle(now);
                if now != completed {
                    (completed, level) = (now, levels.at(now));
                }
            }
            if cycle.contains(high) {
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
                    cycle = Cycle::EMPTY;
                }
                *alpha = level;
            }
        }
    }

    pub(crate) fn most(&self) -> f64 {
        if self.growing { f64::INFINITY } else { 1.0 }
    }
}

impl Outline for Step {
    fn changes(&self, a: f64, b: f64) -> f64 {
        self.period.completed(b) - self.period.completed(a)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let (first, last) = (self.period.completed(a), self.period.completed(b));
        if first == last {
            return self.levels.at(first);
        }
        // 1 + γ + …, over the whole steps between the first and the last one.
        let steps = (last - first - 1.0) as u64;
        let sum = geometric(Double::from(self.levels.at(1.0)), steps).0.rounded();
        let whole = match steps {
            0 => 0.0,
            _ => self.period.length() * self.levels.at(first + 1.0) * sum,
        };
        let begins = (self.period.cycle(first).end - a) * self.levels.at(first);
        let ends = (b - self.period.cycle(last).first) * self.levels.at(last);
        (begins + whole + ends) / (b - a)
    }

    fn course(&self) -> Course {
        Course::Steps
    }
}
