//! γ^(t/ρ)

use crate::curve::{Formula, Node, map, staged};
use crate::error::Result;
use crate::math::{self, Stage};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

impl Resolve for nodes::Exponential {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.decay_period);
        let period = length.on(length.reading, phase.run)?;
        let rate = math::Exponential::new(self.gamma, period);
        let growing = self.gamma > 1.0;
        let formula = Formula::Exponential(Exponential { rate, growing });
        Node::since_start(phase, length.reading, formula)
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.decay_period)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Exponential {
    /// None if γ is 0.
    rate: Option<math::Exponential>,
    growing: bool,
}

impl Exponential {
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        match self.rate {
            Some(rate) => {
                let mut stage = Stage::EMPTY;
                staged!(times, out, |times, values| rate.at_all(times, &mut stage, values), |t| {
                    rate.at(t)
                });
            }
            None => map!(times.iter().copied(), out, |t| if t > 0.0 { 0.0 } else { 1.0 }),
        }
    }

    pub(crate) fn most(&self) -> f64 {
        if self.growing { f64::INFINITY } else { 1.0 }
    }
}
