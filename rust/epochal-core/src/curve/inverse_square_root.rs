//! α_f + (1 − α_f)·√(τ/(τ + t'))

use crate::curve::{Formula, Node};
use crate::error::Result;
use crate::math::Double;
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

#[derive(Clone, Debug)]
pub(crate) struct InverseSquareRoot {
    start: f64,
    scale: f64,
    to: f64,
}

impl InverseSquareRoot {
    pub(crate) fn new(start: Double, scale: Double, to: f64) -> Self {
        Self { start: start.rounded(), scale: scale.rounded(), to }
    }

    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        for (t, out) in times.iter().zip(out) {
            let t = (t - self.start).max(0.0);
            *out = self.to + (1.0 - self.to) * (self.scale / (self.scale + t)).sqrt();
        }
    }
}

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
