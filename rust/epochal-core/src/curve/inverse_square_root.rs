//! α_f + (1 − α_f)·√(τ/(τ + t')) of the time t' since a start.

use crate::curve::{Formula, Node, value};
use crate::error::Result;
use crate::math::{Double, difference, larger};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::Outline;

impl Resolve for nodes::InverseSquareRoot {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.scaled(self.t_scale, self.scale);
        let reading = length.reading;
        let (start, scale) = (phase.start(reading)?, length.on(reading, phase.run)?);
        let root = InverseSquareRoot::new(start, scale, self.alpha_f);
        Ok(Node::Formula { reading, formula: Formula::InverseSquareRoot(root) })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.t_scale)
    }
}

/// A decay that slows down: half of it is left at t' = 3τ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InverseSquareRoot {
    /// τ
    scale: f64,
    /// τ − s: t plus this is τ + t'.
    offset: (f64, f64),
    to: f64,
}

impl InverseSquareRoot {
    pub(crate) fn new(start: Double, scale: Double, to: f64) -> Self {
        Self { scale: scale.rounded(), offset: (scale + -start).parts(), to }
    }

    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    /// α at each time; 1 before the start.
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        let (offset, offset_low) = self.offset;
        for (alpha, &t) in out.iter_mut().zip(times) {
            let (sum, rest) = difference(t, -offset);
            let sum = larger(sum + (rest + offset_low), self.scale);
            *alpha = self.to + (1.0 - self.to) * (self.scale / sum).sqrt();
        }
    }
}

impl Outline for InverseSquareRoot {
    /// There are none in a run: what does not begin with it is joined.
    fn changes(&self, _a: f64, _b: f64) -> f64 {
        0.0
    }

    /// 2√τ·(√(τ + b) − √(τ + a))/(b − a) is the harmonic mean of both ends.
    fn mean(&self, a: f64, b: f64) -> f64 {
        let root = Self { to: 0.0, ..*self };
        let [first, last] = [a, b].map(|t| value(|times, out| root.fill(times, out), t));
        self.to + (1.0 - self.to) * 2.0 * first * last / (first + last)
    }
}
