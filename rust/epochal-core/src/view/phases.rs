//! The phases of a curve.

use crate::curve::Curve;
use crate::error::Result;
use crate::view::View;
use crate::view::outline::{Counted, Course};
use crate::view::search::TOLERANCE;

/// A part of a run in which a curve takes one course.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseOfCurve {
    /// How α goes.
    pub course: Course,
    /// When it begins.
    pub from: f64,
    /// When it ends.
    pub to: f64,
    /// α where it begins.
    pub first: f64,
    /// α where it ends: what it comes to, even if it jumps then.
    pub last: f64,
    /// The smallest and the largest α; none if that is not known.
    pub range: Option<(f64, f64)>,
    /// Of how many cycles, steps or points it is made.
    pub parts: f64,
}

impl Curve {
    /// The phases of the run, in order. What changes often is one phase.
    pub fn phases(&self) -> Result<Vec<PhaseOfCurve>> {
        /// As in a list of breakpoints; more are nested in cycles, and not made by hand.
        const MOST: usize = 1000;
        let view = View::new(self, self.counter()?)?;
        let counted = Counted::Phases(view.span(0.0, view.end));
        let starts = view.all(0.0, view.end.next_down(), counted, MOST).unwrap_or_default();
        let mut phases = Vec::with_capacity(starts.len() + 1);
        let mut from = 0.0;
        for to in starts.into_iter().chain([view.end]) {
            phases.push(view.phase(from, to, counted)?);
            from = to;
        }
        Ok(phases)
    }
}

/// How near the extremes are that are found.
const NEAR: f64 = 4.0 * TOLERANCE;

impl View<'_> {
    /// Whether α goes against a direction, which products may do between the best and the worst.
    fn turns(&self, a: f64, b: f64, direction: f64) -> bool {
        /// Formulas do not turn, so it takes few places to see what a product of them does.
        const LOOKS: u32 = 64;
        let at = |look: u32| self.alpha(a + (b - a) * (f64::from(look) / f64::from(LOOKS)));
        (0..LOOKS).any(|look| {
            let (before, after) = (at(look), at(look + 1));
            (before - after) * direction > NEAR * before.max(after)
        })
    }

    fn phase(&self, from: f64, to: f64, counted: Counted) -> Result<PhaseOfCurve> {
        let inner = to.next_down();
        let (course, parts) = self.node().course(&self.span(from, inner), counted);
        let alpha = |t: f64| self.curve.on_counter(self.counter, t);
        let (first, mut last) = (alpha(from)?, alpha(inner)?);
        if course == Course::Function {
            return Ok(PhaseOfCurve { course, from, to, first, last, range: None, parts });
        }
        let (low, high) = (self.minimum(from, inner), self.maximum(from, inner));
        // Extremes of products are found, not known.
        let is = |one: f64, other: f64| (one - other).abs() <= NEAR * high;
        let course = match course {
            many if many != Course::Plateau && parts > 1.0 => many,
            _ if low == high => Course::Plateau,
            _ if is(low, first) && is(high, last) && !self.turns(from, inner, 1.0) => Course::Ramp,
            _ if is(low, last) && is(high, first) && !self.turns(from, inner, -1.0) => {
                Course::Decay
            }
            _ => Course::Curve,
        };
        let jump = self.jump(to);
        if course != Course::Plateau && !self.is_jump(&jump) {
            last = jump.after;
        }
        // What is left a float before the end is not known to be above zero.
        if last <= high * ((to - inner) / (to - from)) {
            last = 0.0;
        }
        let range = match course {
            Course::Ramp => (first, last),
            Course::Decay => (last, first),
            _ => (low.min(last), high.max(last)),
        };
        let range = Some(range);
        Ok(PhaseOfCurve { course, from, to, first, last, range, parts })
    }
}
