//! Seeing a curve before anybody trains with it.
//!
//! Nothing here goes through a run step by step. A question is answered by the bounds of α over
//! stretches of time (`outline.rs`), halved where that is needed, so a run of 10^12 tokens costs
//! what one of 100 batches does. Times are numbers on the curve's [`counter`](Curve::counter), and
//! the run lasts from 0 to its end, both included.

pub(crate) mod difference;
pub(crate) mod mean;
pub(crate) mod moments;
pub(crate) mod outline;
pub(crate) mod phases;
mod points;
mod search;
mod trace;

use crate::curve::reading::{Reading, Readings};
use crate::curve::{Curve, Node};
use crate::error::{Error, Fault, Kind, Result};
use crate::time::unit::Counter;
use mean::first_change;
use outline::{Counted, Span};
use search::{Found, search};

/// As many breakpoints as anybody looks at.
pub const MOST_BREAKPOINTS: usize = 10_000;

/// Changes of several nodes at one time count several times, and rarely more than so many.
const AT_ONCE: f64 = 8.0;

/// Where α jumps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jump {
    /// When.
    pub at: f64,
    /// α until then.
    pub before: f64,
    /// α from then on.
    pub after: f64,
}

impl Jump {
    /// How far α jumps.
    pub fn size(&self) -> f64 {
        (self.after - self.before).abs()
    }
}

/// A curve in its run, along one counter that tells all that it reads.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    curve: &'a Curve,
    counter: Counter,
    rates: Readings,
    /// The length of the run.
    end: f64,
}

impl<'a> View<'a> {
    pub(crate) fn new(curve: &'a Curve, counter: Counter) -> Result<Self> {
        let rates = Reading::ALL.map(|reading| curve.rate(counter, reading.counter()));
        Ok(Self { curve, counter, rates, end: curve.length(counter)? })
    }

    fn node(&self) -> &Node {
        self.curve.node()
    }

    fn readings(&self, t: f64) -> Readings {
        self.rates.map(|rate| t * rate)
    }

    fn span(&self, a: f64, b: f64) -> Span {
        Span::new(self.readings(a), self.readings(b))
    }

    fn alpha(&self, t: f64) -> f64 {
        self.node().value(&self.readings(t))
    }

    fn range(&self, a: f64, b: f64) -> (f64, f64) {
        self.node().range(&self.span(a, b))
    }

    fn changes(&self, a: f64, b: f64, counted: Counted) -> f64 {
        self.node().changes(&self.span(a, b), counted)
    }

    /// The first time in (a, b] at which something changes, to the float.
    fn next(&self, a: f64, b: f64, counted: Counted) -> Option<f64> {
        first_change(a, b, |t| self.changes(a, t, counted) > 0.0)
    }

    /// Every such time in (a, b], if there are at most so many.
    fn all(&self, a: f64, b: f64, counted: Counted, most: usize) -> Option<Vec<f64>> {
        let (mut found, mut from) = (Vec::new(), a);
        while let Some(at) = self.next(from, b, counted) {
            if found.len() == most {
                return None;
            }
            found.push(at);
            from = at;
        }
        Some(found)
    }

    /// The stretches between changes, if they are few, else the whole of it. The last float before
    /// a change belongs to the stretch before it.
    fn stretches(&self, a: f64, b: f64) -> Vec<(f64, f64)> {
        /// Few enough to look at each.
        const FEW: usize = 256;
        let changes = match self.changes(a, b, Counted::All) {
            count if count > AT_ONCE * FEW as f64 => None,
            _ => self.all(a, b, Counted::All, FEW),
        };
        let changes = changes.unwrap_or_default();
        let starts = std::iter::once(a).chain(changes.iter().copied());
        let ends = changes.iter().map(|t| t.next_down()).chain([b]);
        starts.zip(ends).collect()
    }

    /// Where a function of α is largest, and what it is there: at most `bound` over a stretch. It is
    /// looked for at the beginnings of stretches, and at both sides of the next change.
    fn most(
        &self,
        (a, b): (f64, f64),
        bound: impl Fn(f64, f64) -> f64,
        of: impl Fn(f64) -> f64,
    ) -> Option<Found> {
        let at = |t: f64| (t, of(self.alpha(t)));
        let larger = |one: (f64, f64), other: (f64, f64)| if other.1 > one.1 { other } else { one };
        let value = |a: f64, b: f64| {
            let next = self.next(a, b, Counted::All);
            let sides = next.map(|next| larger(at(next.next_down()), at(next)));
            Some(sides.map_or(at(a), |sides| larger(at(a), sides)))
        };
        search(&self.stretches(a, b), self.range(a, b).1, bound, value)
    }

    fn maximum(&self, a: f64, b: f64) -> f64 {
        let found = self.most((a, b), |a, b| self.range(a, b).1, |alpha| alpha);
        found.map_or(f64::NAN, |found| found.value)
    }

    fn minimum(&self, a: f64, b: f64) -> f64 {
        let found = self.most((a, b), |a, b| -self.range(a, b).0, |alpha| -alpha);
        found.map_or(f64::NAN, |found| 0.0 - found.value)
    }

    fn jump(&self, at: f64) -> Jump {
        Jump { at, before: self.alpha(at.next_down()), after: self.alpha(at) }
    }

    /// Whether α does more from one float to the next than its slope and rounding explain.
    fn is_jump(&self, jump: &Jump) -> bool {
        /// Within so many floats before or after, a slope has done about as much.
        const NEAR: f64 = 64.0;
        const ROUNDING: f64 = 1e-12;
        let last = jump.at.next_down();
        let near = NEAR * (jump.at - last);
        let before = (jump.before - self.alpha((last - near).max(0.0))).abs();
        let after = (jump.after - self.alpha(jump.at + near)).abs();
        jump.size() > 8.0 * before.max(after) + ROUNDING * jump.before.max(jump.after)
    }
}

impl Curve {
    /// The view along the counter of a bare number, to tell what cannot be told of a function.
    fn view(&self, what: &'static str) -> Result<View<'_>> {
        if self.has_functions() {
            return Err(Error::new(Kind::Schedule, Fault::Unknown { what }));
        }
        View::new(self, self.counter()?)
    }

    /// The times within the run, its ends aside, at which the curve jumps, bends, begins or ends.
    /// Between two of them it is smooth.
    pub fn breakpoints(&self) -> Result<Vec<f64>> {
        let view = self.view("the breakpoints")?;
        let many = || Error::new(Kind::Schedule, Fault::Breakpoints { most: MOST_BREAKPOINTS });
        let end = view.end.next_down();
        if view.changes(0.0, end, Counted::All) > AT_ONCE * MOST_BREAKPOINTS as f64 {
            return Err(many());
        }
        view.all(0.0, end, Counted::All, MOST_BREAKPOINTS).ok_or_else(many)
    }

    /// The first breakpoint after a time, if there is one within the run.
    pub fn next_change(&self, t: f64) -> Result<Option<f64>> {
        let view = self.view("the changes")?;
        Ok(view.next(t, view.end.next_down(), Counted::All))
    }

    /// The largest α.
    pub fn maximum(&self) -> Result<f64> {
        let view = self.view("the maximum")?;
        Ok(view.maximum(0.0, view.end))
    }

    /// The smallest α.
    pub fn minimum(&self) -> Result<f64> {
        let view = self.view("the minimum")?;
        Ok(view.minimum(0.0, view.end))
    }

    /// The mean of α.
    pub fn mean(&self) -> Result<f64> {
        let view = self.view("the mean")?;
        Ok(view.node().mean(&view.span(0.0, view.end)))
    }

    /// The largest jump, if there is any.
    pub fn largest_jump(&self) -> Result<Option<Jump>> {
        let view = self.view("the jumps")?;
        let end = view.end.next_down();
        let changes = view.changes(0.0, end, Counted::All);
        if changes <= MOST_BREAKPOINTS as f64 {
            let jumps = self.breakpoints()?.into_iter().map(|at| view.jump(at));
            let jumps = jumps.filter(|jump| view.is_jump(jump));
            return Ok(
                jumps.reduce(|one, other| if other.size() > one.size() { other } else { one })
            );
        }
        let bound = |a: f64, b: f64| {
            let (low, high) = view.range(a, b);
            if view.changes(a, b, Counted::All) > 0.0 { high - low } else { 0.0 }
        };
        let next = |a: f64, b: f64| {
            let jump = view.jump(view.next(a, b, Counted::All)?);
            Some((jump.at, jump.size()))
        };
        let found = search(&[(0.0, end)], view.range(0.0, end).1, bound, next);
        let jump = found.map(|found| view.jump(found.at));
        Ok(jump.filter(|jump| view.is_jump(jump)))
    }

    /// Jumps from one part of the schedule to another: no steps, milestones or restarts.
    pub fn seams(&self) -> Result<Vec<Jump>> {
        let view = self.view("the jumps")?;
        let seams = view.all(0.0, view.end.next_down(), Counted::Seams, MOST_BREAKPOINTS);
        let jumps = seams.unwrap_or_default().into_iter().map(|at| view.jump(at));
        Ok(jumps.filter(|jump| view.is_jump(jump)).collect())
    }

    /// The first whole count at which α is below a number, if there is one within the run.
    pub fn first_below(&self, x: f64) -> Result<Option<f64>> {
        let view = self.view("the first value below a number")?;
        Ok(view.first_whole(view.end, |(low, _)| low < x))
    }

    /// The first whole count at which α is above a number, if there is one within the run.
    pub fn first_above(&self, x: f64) -> Result<Option<f64>> {
        let view = self.view("the first value above a number")?;
        Ok(view.first_whole(view.end, |(_, high)| high > x))
    }
}
