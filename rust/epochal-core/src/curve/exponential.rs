//! γ^(t/ρ)

use crate::bulk::span::Block;
use crate::curve::{Formula, Node, map, staged, value};
use crate::error::Result;
use crate::math::{self, Double, Stage, log2_of};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::mean::integral;
use crate::view::outline::Outline;
use std::f64::consts::LN_2;

impl Resolve for nodes::Exponential {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.decay_period);
        let period = length.on(length.reading, phase.run)?;
        let rate = math::Exponential::new(self.gamma, period);
        let growing = self.gamma > 1.0;
        let per_time = match self.gamma > 0.0 {
            true => log2_of(Double::from(self.gamma)).rounded() * LN_2 / period.rounded(),
            false => f64::NEG_INFINITY,
        };
        let formula = Formula::Exponential(Exponential { rate, per_time, growing });
        Node::since_start(phase, length.reading, formula)
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.decay_period)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Exponential {
    /// Absent if γ is 0.
    rate: Option<math::Exponential>,
    /// ln γ/ρ
    per_time: f64,
    growing: bool,
}

impl Exponential {
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
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

impl Outline for Exponential {
    fn changes(&self, a: f64, b: f64) -> f64 {
        f64::from(self.rate.is_none() && a == 0.0 && b > 0.0)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        if self.rate.is_none() {
            return 0.0;
        }
        /// Below it the difference of both ends has lost digits.
        const NEAR: f64 = 0.1;
        let at = |t| value(|times, out| self.fill(times, out), t);
        let exponent = (b - a) * self.per_time;
        match exponent.abs() < NEAR {
            true => integral(a, b, at) / (b - a),
            false => (at(b) - at(a)) / exponent,
        }
    }

    fn seams(&self, a: f64, b: f64) -> f64 {
        self.changes(a, b)
    }
}
