//! alpha while t < T, then 1

use crate::bulk::span::Block;
use crate::curve::{Formula, Node, map};
use crate::error::Result;
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::Outline;

impl Resolve for nodes::Constant {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let (reading, end) = phase.loose_end("t_max", self.t_max)?;
        if phase.is_for_top {
            return Ok(Node::Scale { of: Box::new(Node::ONE), by: self.alpha });
        }
        let formula = Formula::Constant(Constant { alpha: self.alpha, end: end.rounded() });
        Ok(Node::Formula { reading, formula })
    }

    fn main_time(&self) -> Option<Time> {
        None
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Constant {
    alpha: f64,
    end: f64,
}

impl Constant {
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        let Self { alpha, end } = *self;
        match times.ends() {
            // The times are not even read.
            Some((_, last)) if last < end => out.fill(alpha),
            Some((first, _)) if first >= end => out.fill(1.0),
            _ => map!(times.iter().copied(), out, |t| if t < end { alpha } else { 1.0 }),
        }
    }

    pub(crate) fn most(&self) -> f64 {
        self.alpha.max(1.0)
    }
}

impl Outline for Constant {
    fn changes(&self, a: f64, b: f64) -> f64 {
        f64::from(self.alpha != 1.0 && a < self.end && self.end <= b)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let end = self.end.clamp(a, b);
        ((end - a) * self.alpha + (b - end)) / (b - a)
    }

    fn seams(&self, a: f64, b: f64) -> f64 {
        self.changes(a, b)
    }
}
