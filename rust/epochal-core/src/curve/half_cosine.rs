//! α_f + (1 − α_f)·sin²(½πu), once or in every cycle

use crate::bulk::span::{Chunks, bounds};
use crate::curve::cycle::{Cycle, Cycles, EXACT, whole_cycles};
use crate::curve::decay::Decay;
use crate::curve::{Formula, Node, fall_to, map, staged};
use crate::error::Result;
use crate::math::{NONE, half_cosine, half_cosine_exactly, smaller_part};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

impl Resolve for nodes::CosineAnnealing {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let (reading, decay) = Decay::of(phase, self.t_max)?;
        let formula = Formula::HalfCosine(HalfCosine { decay, to: self.alpha_f });
        Ok(Node::Formula { reading, formula })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.t_max)
    }
}

impl Resolve for nodes::CosineAnnealingWarmRestarts {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.t_0);
        let cycles = Cycles::new(length.period(phase.run)?, self.t_mult);
        let formula = Formula::Restarts(Restarts { cycles, to: self.alpha_f });
        Node::since_start(phase, length.reading, formula)
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.t_0)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct HalfCosine {
    decay: Decay,
    to: f64,
}

impl HalfCosine {
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        cosine(self.decay, self.to, times, out);
    }

    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }
}

/// u falls from 1 to 0 in each cycle.
#[derive(Clone, Debug)]
pub(crate) struct Restarts {
    cycles: Cycles,
    to: f64,
}

#[inline(always)]
fn cosine(decay: Decay, to: f64, times: &[f64], out: &mut [f64]) {
    if decay.is_rounded() {
        map!(times.iter().copied(), out, |t| {
            fall_to(to, half_cosine_exactly(decay.left_exactly(t)))
        });
    } else {
        let mut parts = NONE;
        staged!(
            times,
            out,
            |times, values| {
                map!(times.iter().copied(), parts, |t| decay.smaller_part(t));
                map!(parts, values, |part| fall_to(to, half_cosine(part)));
            },
            |t| fall_to(to, half_cosine(decay.smaller_part(t)))
        );
    }
}

impl Restarts {
    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        let Self { ref cycles, to } = *self;
        if let Some(length) = cycles.first.whole
            && cycles.are_equal()
            && bounds(times).1 < EXACT
        {
            let mut parts = NONE;
            let part = |t| {
                let passed = whole_cycles(length, t).1;
                smaller_part(length - passed, passed, length)
            };
            staged!(
                times,
                out,
                |times, values| {
                    map!(times.iter().copied(), parts, |t| part(t));
                    map!(parts, values, |part| fall_to(to, half_cosine(part)));
                },
                |t| fall_to(to, half_cosine(part(t)))
            );
            return;
        }
        let mut cycle = Cycle::EMPTY;
        for (times, (low, high), out) in Chunks::new(times, out) {
            if !cycle.contains(low) {
                cycle = cycles.at(low);
            }
            if cycle.contains(high) {
                let decay = cycle.decay;
                cosine(decay, to, times, out);
                continue;
            }
            for (alpha, t) in out.iter_mut().zip(times) {
                if !cycle.contains(*t) {
                    cycle = cycles.at(*t);
                }
                cosine(cycle.decay, to, &[*t], std::slice::from_mut(alpha));
            }
        }
    }
}
