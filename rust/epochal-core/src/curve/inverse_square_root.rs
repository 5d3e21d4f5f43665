//! α_f + (1 − α_f)·√(τ/(τ + t')) of the time t' since a start.

use crate::bulk::span::Block;
use crate::curve::{Formula, Node, fall_to, value};
use crate::error::Result;
use crate::math::{Double, inverse_root, larger};
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
    start: (f64, f64),
    /// 1/τ
    rate: (f64, f64),
    to: f64,
}

impl InverseSquareRoot {
    /// `scale` is τ.
    pub(crate) fn new(start: Double, scale: Double, to: f64) -> Self {
        let rate = Double::from(1.0) / scale;
        Self { start: start.parts(), rate: rate.parts(), to }
    }

    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    /// α at each time; 1 before the start.
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        match self.to == 0.0 && self.start.1 == 0.0 {
            true => self.fill_by::<true>(&times, out),
            false => self.fill_by::<false>(&times, out),
        }
    }

    /// `SHORT`: without the operations that change nothing where it falls to 0, from a float on.
    #[inline(always)]
    fn fill_by<const SHORT: bool>(&self, times: &[f64], out: &mut [f64]) {
        let (start, start_low) = self.start;
        let (rate, rate_low) = self.rate;
        for (alpha, &t) in out.iter_mut().zip(times) {
            let passed = if SHORT { t - start } else { (t - start) - start_low };
            let passed = larger(passed, 0.0);
            let root = inverse_root(1.0 + (passed * rate + passed * rate_low));
            *alpha = if SHORT { root } else { fall_to(self.to, root) };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(root: InverseSquareRoot, t: f64) -> f64 {
        let mut alpha = [f64::NAN];
        root.fill((&[t][..]).into(), &mut alpha);
        alpha[0]
    }

    #[test]
    fn it_falls_from_its_start_on() {
        for (start, scale) in [(0.0, 1000.0), (100.0, 7.0), (0.1, 1.0 / 3.0), (1e15, 1e9)] {
            let root = |to| InverseSquareRoot::new(Double::from(start), Double::from(scale), to);
            for to in [0.0, 0.1, 0.3, 1.0] {
                assert_eq!([0.0, start / 2.0, start].map(|t| at(root(to), t)), [1.0; 3]);
                assert!((at(root(to), 1e300) - to).abs() < 1e-18);
            }
            let values = [3.0, 15.0, 99.0].map(|part| at(root(0.0), start + part * scale));
            for (value, exact) in values.into_iter().zip([0.5, 0.25, 0.1]) {
                assert!((value / exact - 1.0).abs() <= 2.0 * f64::EPSILON, "{start} {value:?}");
            }
        }
    }

    #[test]
    fn blocks_have_the_bits_of_single_times() {
        let start = Double::from(293.1) + Double::from(1e-14);
        let root = InverseSquareRoot::new(start, Double::from(7.0), 0.1);
        let times: Vec<f64> = (0..1003).map(|n| f64::from(n * 389 % 1003) * 1.37).collect();
        let mut out = vec![0.0; times.len()];
        root.fill((&times[..]).into(), &mut out);
        for (t, alpha) in times.into_iter().zip(out) {
            assert_eq!(alpha.to_bits(), at(root, t).to_bits(), "{t}");
        }
    }
}
