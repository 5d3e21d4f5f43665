//! What can be told of a curve's course without sampling it.
//!
//! A stretch of time is asked of the whole tree, and each node passes it on as it passes on a time
//! that it evaluates. So what is told holds for the very floats that are evaluated, and costs the
//! same however long the stretch is.

use crate::curve::reading::{Reading, Readings};
use crate::curve::{Formula, Node, value};
use crate::math::{larger, smaller};

/// What each formula says of itself. Times are on its own reading, and a ≤ b.
pub(crate) trait Outline {
    /// How many times t there are, a < t ≤ b, at which the course changes: it jumps, bends, begins
    /// or ends. Between two changes α is smooth and does not turn.
    fn changes(&self, a: f64, b: f64) -> f64;

    /// The smallest and the largest α in [a, b], given those at both ends: these, if α never
    /// turns.
    fn range(&self, _a: f64, _b: f64, ends: (f64, f64)) -> (f64, f64) {
        (smaller(ends.0, ends.1), larger(ends.0, ends.1))
    }

    /// The mean of α in [a, b], where a < b.
    fn mean(&self, a: f64, b: f64) -> f64;

    /// What many changes are, taken together.
    fn course(&self) -> Course {
        Course::Points
    }

    /// How many of the changes are seams: jumps that are no steps.
    fn seams(&self, _a: f64, _b: f64) -> f64 {
        0.0
    }
}

/// How α goes in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    /// It does not change.
    Plateau,
    /// It rises.
    Ramp,
    /// It falls.
    Decay,
    /// It rises and falls, smoothly.
    Curve,
    /// It passes many points.
    Points,
    /// It has many levels.
    Steps,
    /// It repeats itself many times.
    Cycles,
    /// A function makes it, of which no more is known than its values.
    Function,
}

impl Course {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plateau => "plateau",
            Self::Ramp => "ramp",
            Self::Decay => "decay",
            Self::Curve => "curve",
            Self::Points => "points",
            Self::Steps => "steps",
            Self::Cycles => "cycles",
            Self::Function => "function",
        }
    }
}

/// A stretch of time, both ends included, as each reading tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: Readings,
    pub(crate) to: Readings,
}

impl Span {
    /// From one time to another; empty where rounding has put that before the first.
    pub(crate) fn new(from: Readings, mut to: Readings) -> Self {
        for (to, from) in to.iter_mut().zip(&from) {
            *to = larger(*to, *from);
        }
        Self { from, to }
    }

    pub(crate) fn on(&self, reading: Reading) -> (f64, f64) {
        (self.from[reading.index()], self.to[reading.index()])
    }

    fn map(&self, change: impl Fn(&Readings) -> Readings) -> Self {
        Self::new(change(&self.from), change(&self.to))
    }

    /// The part before a time on one reading, the part from there on, and how much of the whole
    /// the first one is; either may be missing.
    pub(crate) fn split(&self, reading: Reading, at: f64) -> (Option<Self>, Option<Self>, f64) {
        let (a, b) = self.on(reading);
        if b < at {
            return (Some(*self), None, 1.0);
        }
        if at <= a {
            return (None, Some(*self), 0.0);
        }
        let part = (at - a) / (b - a);
        let mut at_split = self.from;
        for (t, end) in at_split.iter_mut().zip(&self.to) {
            *t = smaller(*t + (*end - *t) * part, *end);
        }
        at_split[reading.index()] = at;
        let mut before = at_split;
        before[reading.index()] = at.next_down();
        let (first, then) = (Self::new(self.from, before), Self::new(at_split, self.to));
        (Some(first), Some(then), part)
    }

    fn halves(&self) -> [Self; 2] {
        let mut middle = self.from;
        for (middle, to) in middle.iter_mut().zip(&self.to) {
            *middle += (to - *middle) / 2.0;
        }
        [Self::new(self.from, middle), Self::new(middle, self.to)]
    }
}

/// Which changes count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    /// All.
    All,
    /// Those at which a phase begins: whatever changes often within this span is one phase.
    Phases(Span),
    /// Jumps from one part of a schedule to another.
    Seams,
}

impl Counted {
    /// With more changes, the whole of them is a phase.
    const FEW: f64 = 16.0;

    fn map(self, change: impl Fn(Span) -> Option<Span>) -> Option<Self> {
        Some(match self {
            Self::Phases(within) => Self::Phases(change(within)?),
            other => other,
        })
    }

    fn is_one_phase(self, changes: impl Fn(Span) -> f64) -> bool {
        matches!(self, Self::Phases(within) if changes(within) > Self::FEW)
    }
}

impl Formula {
    fn changes_on(&self, (a, b): (f64, f64)) -> f64 {
        self.outline().changes(a, b)
    }

    pub(crate) fn at(&self, t: f64) -> f64 {
        value(|times, out| self.fill(times, out), t)
    }
}

/// Of a curve without functions; but for `changes` and `course`.
impl Node {
    /// α at a time that the rates tell.
    pub(crate) fn value(&self, times: &Readings) -> f64 {
        self.at(times, None, None).unwrap_or(f64::NAN) // only functions fail
    }

    /// How many times after the beginning of a span the course changes, up to its end. More than
    /// that, where nodes that are combined change together.
    pub(crate) fn changes(&self, span: &Span, counted: Counted) -> f64 {
        match self {
            Self::Formula { reading, formula } => {
                let (a, b) = span.on(*reading);
                match counted {
                    Counted::Seams => formula.outline().seams(a, b),
                    _ if counted.is_one_phase(|span| formula.changes_on(span.on(*reading))) => 0.0,
                    _ => formula.changes_on((a, b)),
                }
            }
            Self::Milestones(milestones) => match counted {
                Counted::Seams => 0.0,
                _ if counted.is_one_phase(|span| milestones.changes(&span)) => 0.0,
                _ => milestones.changes(span),
            },
            Self::Join { reading, at, first, then } => {
                let changes = |node: &Self, side: Side| {
                    let part = |span: Span| side.of(&span, *reading, *at);
                    let counted = counted.map(part).unwrap_or(counted);
                    part(*span).map_or(0.0, |span| node.changes(&span, counted))
                };
                let (a, b) = span.on(*reading);
                let joined = f64::from(a < *at && *at <= b);
                changes(first, Side::Before) + changes(then, Side::After) + joined
            }
            Self::Product(factors) => {
                factors.iter().map(|factor| factor.changes(span, counted)).sum()
            }
            Self::Scale { of, .. } | Self::Lift { of, .. } => of.changes(span, counted),
            Self::Clip { of, low, high } => {
                let inner = of.changes(span, counted);
                match counted {
                    Counted::Seams => inner,
                    _ if inner > 0.0 || of.course(span, counted).0 > Course::Curve => inner,
                    _ => of.crossings(span, *low, *high, 24),
                }
            }
            Self::Moved(moved) => {
                let inner = |span: Span| span.map(|times| moved.inner(times));
                let counted = counted.map(|span| Some(inner(span))).unwrap_or(counted);
                // Until then time stands still.
                let begins = !matches!(counted, Counted::Seams)
                    && moved.is_before(&span.from)
                    && !moved.is_before(&span.to);
                moved.of.changes(&inner(*span), counted) + f64::from(begins)
            }
            Self::Repeat(repeated) => {
                let all = |span: &Span| {
                    let cycles = repeated.cycles(span);
                    let parts = cycles
                        .parts
                        .iter()
                        .map(|part| part.times * repeated.of.changes(&part.span, Counted::All));
                    parts.sum::<f64>() + cycles.begun
                };
                match counted {
                    Counted::Seams => 0.0,
                    _ if counted.is_one_phase(|span| all(&span)) => 0.0,
                    _ => all(span),
                }
            }
            Self::Function { .. } => 0.0,
        }
    }

    /// How often values come within bounds or leave them, where the course does not change else.
    fn crossings(&self, span: &Span, low: f64, high: f64, depth: u32) -> f64 {
        let place = |alpha: f64| u8::from(alpha > low) + u8::from(alpha >= high);
        let (first, last) = (place(self.value(&span.from)), place(self.value(&span.to)));
        let range = self.range(span);
        if first != last {
            return 1.0;
        }
        // A product may go over a bound and come back.
        let certain = place(range.0) == first && place(range.1) == first;
        match certain || depth == 0 {
            true => 0.0,
            false => {
                let halves = span.halves();
                halves.iter().map(|half| self.crossings(half, low, high, depth - 1)).sum()
            }
        }
    }

    /// Bounds of α in a span: exact, but for products and what is made of them.
    pub(crate) fn range(&self, span: &Span) -> (f64, f64) {
        match self {
            Self::Formula { reading, formula } => {
                let (a, b) = span.on(*reading);
                formula.outline().range(a, b, (formula.at(a), formula.at(b)))
            }
            Self::Milestones(_) => {
                union(exactly(self.value(&span.from)), exactly(self.value(&span.to)))
            }
            Self::Join { reading, at, first, then } => {
                let (before, after, _) = span.split(*reading, *at);
                match (before, after) {
                    (Some(before), Some(after)) => union(first.range(&before), then.range(&after)),
                    (Some(before), None) => first.range(&before),
                    _ => then.range(span),
                }
            }
            Self::Product(factors) => factors.iter().fold((1.0, 1.0), |(low, high), factor| {
                let range = factor.range(span);
                (low * range.0, high * range.1)
            }),
            Self::Scale { of, by } => {
                let (low, high) = of.range(span);
                (low * by, high * by)
            }
            Self::Lift { of, by } => {
                let (low, high) = of.range(span);
                (low + by, high + by)
            }
            Self::Clip { of, low, high } => {
                let (least, most) = of.range(span);
                (smaller(larger(least, *low), *high), smaller(larger(most, *low), *high))
            }
            Self::Moved(moved) => moved.of.range(&span.map(|times| moved.inner(times))),
            Self::Repeat(repeated) => {
                let parts = repeated.cycles(span).parts;
                let ranges = parts.iter().map(|part| repeated.of.range(&part.span));
                ranges.reduce(union).unwrap_or((0.0, f64::INFINITY))
            }
            Self::Function { .. } => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// How α goes in a span that has no changes but those that are one phase, and of how many parts
    /// that is made; a plateau stands for whatever is smooth.
    pub(crate) fn course(&self, span: &Span, counted: Counted) -> (Course, f64) {
        const SMOOTH: (Course, f64) = (Course::Plateau, 1.0);
        match self {
            Self::Formula { reading, formula } => {
                let changes = |span: Span| formula.changes_on(span.on(*reading));
                match counted.is_one_phase(changes) {
                    true => (formula.outline().course(), changes(*span) + 1.0),
                    false => SMOOTH,
                }
            }
            Self::Milestones(milestones) => {
                let changes = |span: Span| milestones.changes(&span);
                match counted.is_one_phase(changes) {
                    true => (Course::Steps, changes(*span) + 1.0),
                    false => SMOOTH,
                }
            }
            Self::Join { reading, at, first, then } => {
                let (before, _, _) = span.split(*reading, *at);
                let (node, part) = match before {
                    Some(_) => (first, Side::Before),
                    None => (then, Side::After),
                };
                let part = |span: Span| part.of(&span, *reading, *at);
                let counted = counted.map(part).unwrap_or(counted);
                part(*span).map_or(SMOOTH, |span| node.course(&span, counted))
            }
            Self::Product(factors) => {
                let courses = factors.iter().map(|factor| factor.course(span, counted));
                courses
                    .reduce(|one, other| if other.0 > one.0 { other } else { one })
                    .unwrap_or(SMOOTH)
            }
            Self::Scale { of, .. } | Self::Lift { of, .. } | Self::Clip { of, .. } => {
                of.course(span, counted)
            }
            Self::Moved(moved) => {
                let inner = |span: Span| span.map(|times| moved.inner(times));
                let counted = counted.map(|span| Some(inner(span))).unwrap_or(counted);
                moved.of.course(&inner(*span), counted)
            }
            Self::Repeat(repeated) if repeated.of.has_functions() => (Course::Function, 1.0),
            Self::Repeat(repeated) => {
                let changes = |span: Span| self.changes(&span, Counted::All);
                match counted.is_one_phase(changes) {
                    true => (Course::Cycles, repeated.cycles(span).begun + 1.0),
                    false => SMOOTH,
                }
            }
            Self::Function { .. } => (Course::Function, 1.0),
        }
    }
}

/// One side of a join.
#[derive(Clone, Copy, Debug)]
enum Side {
    Before,
    After,
}

impl Side {
    /// The part of a span that is on this side.
    fn of(self, span: &Span, reading: Reading, at: f64) -> Option<Span> {
        let (before, after, _) = span.split(reading, at);
        match self {
            Self::Before => before,
            Self::After => after,
        }
    }
}

fn exactly(alpha: f64) -> (f64, f64) {
    (alpha, alpha)
}

fn union(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    (smaller(one.0, other.0), larger(one.1, other.1))
}
