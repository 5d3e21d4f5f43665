//! α_f + (1 − α_f)·sin²(½πu), once or in every cycle

use crate::bulk::span::{Block, Chunks};
use crate::curve::cycle::{Cycle, Cycles, EXACT, whole_cycles};
use crate::curve::decay::Decay;
use crate::curve::{Formula, Node, fall_to, map, staged};
use crate::error::Result;
use crate::math::{NONE, half_cosine, half_cosine_exactly, smaller_part};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::{Course, Outline};
use std::f64::consts::PI;

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
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        cosine(self.decay, self.to, &times, out);
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
        map!(times.iter().copied(), out, |t| cosine_exactly_at(decay, to, t));
    } else {
        let mut parts = NONE;
        staged!(
            times,
            out,
            |times, values| {
                map!(times.iter().copied(), parts, |t| decay.smaller_part(t));
                map!(parts, values, |part| fall_to(to, half_cosine(part)));
            },
            |t| cosine_at(decay, to, t)
        );
    }
}

#[inline(always)]
fn cosine_exactly_at(decay: Decay, to: f64, t: f64) -> f64 {
    fall_to(to, half_cosine_exactly(decay.remaining_exactly(t)))
}

/// The same at one time, without a stage.
#[inline(always)]
fn cosine_at(decay: Decay, to: f64, t: f64) -> f64 {
    match decay.is_rounded() {
        true => cosine_exactly_at(decay, to, t),
        false => fall_to(to, half_cosine(decay.smaller_part(t))),
    }
}

impl Restarts {
    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        let Self { ref cycles, to } = *self;
        if let Some(length) = cycles.first.whole
            && cycles.are_equal()
            && times.bounds().1 < EXACT
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
                cosine(decay, to, &times, out);
                continue;
            }
            for (alpha, t) in out.iter_mut().zip(&*times) {
                if !cycle.contains(*t) {
                    cycle = cycles.at(*t);
                }
                *alpha = cosine_at(cycle.decay, to, *t);
            }
        }
    }
}

impl Outline for HalfCosine {
    fn changes(&self, a: f64, b: f64) -> f64 {
        self.decay.changes(a, b)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        // sin πu
        let sine = |u: f64| {
            let half = half_cosine(smaller_part(u, 1.0 - u, 1.0));
            2.0 * (half * (1.0 - half)).sqrt()
        };
        let integral = |low: f64, high: f64| {
            let cosines = (high - low) / 2.0 - (sine(high) - sine(low)) / (2.0 * PI);
            self.to * (high - low) + (1.0 - self.to) * cosines
        };
        self.decay.mean((a, b), (1.0, self.to), integral)
    }
}

impl Outline for Restarts {
    fn changes(&self, a: f64, b: f64) -> f64 {
        self.cycles.begun(a, b)
    }

    fn range(&self, a: f64, b: f64, ends: (f64, f64)) -> (f64, f64) {
        match self.cycles.begun(a, b) > 0.0 {
            true => (self.to.min(1.0), self.to.max(1.0)),
            false => (ends.0.min(ends.1), ends.0.max(ends.1)),
        }
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let (first, last) = (self.cycles.at(a), self.cycles.at(b));
        let part = |cycle: &Cycle, from: f64, to: f64| match from < to {
            true => (to - from) * HalfCosine { decay: cycle.decay, to: self.to }.mean(from, to),
            false => 0.0,
        };
        if first.first == last.first {
            return part(&first, a, b) / (b - a);
        }
        let whole = (last.first - first.end) * (1.0 + self.to) / 2.0;
        (part(&first, a, first.end) + whole + part(&last, last.first, b)) / (b - a)
    }

    fn course(&self) -> Course {
        Course::Cycles
    }
}
