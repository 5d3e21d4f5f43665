//! α_f + (α_i − α_f)·u

use crate::bulk::span::Block;
use crate::curve::decay::Decay;
use crate::curve::{Formula, Node, map};
use crate::error::Result;
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::Outline;

impl Resolve for nodes::Linear {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let (reading, decay) = Decay::of(phase, self.t_max)?;
        let (from, to) = (self.alpha_i, self.alpha_f);
        let span = wide_enough(from, to);
        let line = Node::Formula { reading, formula: Formula::Linear(Linear { decay, to, span }) };
        Ok(match to + span == from {
            true => line,
            // The line begins beyond `from`, by a rounding, so that it can be cut off there.
            false => Node::Clip { of: Box::new(line), low: from.min(to), high: from.max(to) },
        })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.t_max)
    }
}

/// from − to, or the next float with which `to` reaches `from`.
fn wide_enough(from: f64, to: f64) -> f64 {
    let mut span = from - to;
    while if from > to { to + span < from } else { to + span > from } {
        span = if from > to { span.next_up() } else { span.next_down() };
    }
    span
}

#[derive(Clone, Debug)]
pub(crate) struct Linear {
    decay: Decay,
    to: f64,
    span: f64,
}

impl Linear {
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        let Self { decay, to, span } = *self;
        map!(times.iter().copied(), out, |t| to + span * decay.remaining(t));
    }

    pub(crate) fn most(&self) -> f64 {
        self.to.max(self.to + self.span)
    }
}

impl Outline for Linear {
    fn changes(&self, a: f64, b: f64) -> f64 {
        self.decay.changes(a, b)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let Self { to, span, .. } = *self;
        let line = |low: f64, high: f64| (high - low) * (to + span * (low + high) / 2.0);
        self.decay.mean((a, b), (to + span, to), line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_its_first_value() {
        for (from, to) in [(0.1, 0.7), (0.7, 0.1), (0.3, 1e-17), (1e-17, 0.3), (5e-324, 1e300)] {
            let span = wide_enough(from, to);
            let reached = to + span;
            assert!(if from > to { reached >= from } else { reached <= from }, "{from} {to}");
            assert!((reached - from).abs() <= from.max(to) * f64::EPSILON);
        }
    }
}
