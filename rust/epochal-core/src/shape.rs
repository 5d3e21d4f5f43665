//! The formulas. Every schedule's α(t) stands here, once.
//!
//! t and every length are floats on one clock; α is dimensionless. A shape is evaluated a block
//! of times at a go; one time is a block of one, so single values and arrays have the same bits.

use crate::cycle::{Cycle, Cycles, EXACT, Period, whole_cycles};
use crate::math::{
    Double, Exponent, Exponential, LANES, Levels, NONE, Stage, Stages, cube, half_cosine,
    half_cosine_exactly, larger, smaller, smaller_part, square, square_exactly, trimmed,
};
use crate::span::{Chunks, bounds};

/// `map!(times, out, |t| alpha)` writes α at each time. No function with a closure: the compiler
/// would not inline a long one, and would compile it for the baseline only.
macro_rules! map {
    ($times:expr, $out:expr, |$t:ident| $alpha:expr) => {
        for (out, $t) in $out.iter_mut().zip($times) {
            *out = $alpha;
        }
    };
}

/// The same for long functions: many times by their stages, and those that are left one by one.
macro_rules! staged {
    ($times:expr, $out:expr, |$many:ident, $values:ident| $all:expr, |$t:ident| $alpha:expr) => {{
        let ((times, last_times), (out, last_out)) =
            ($times.as_chunks::<LANES>(), $out.as_chunks_mut::<LANES>());
        for ($many, $values) in times.iter().zip(out) {
            $all;
        }
        map!(last_times.iter().copied(), last_out, |$t| $alpha);
    }};
}

/// A tail on one clock.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// γ^⌊t/ρ⌋
    Step { period: Period, levels: Levels },
    /// alpha while t < T, then 1
    Constant { alpha: f64, end: f64 },
    /// α_f + (α_i − α_f)·u
    Linear { decay: Decay, from: f64, to: f64 },
    /// γ^(t/ρ); without a rate γ is 0.
    Exponential { rate: Option<Exponential> },
    /// α_f + (1 − α_f)·sin²(½πu)
    Cosine { decay: Decay, to: f64 },
    /// The same in each cycle, u falling from 1 to 0.
    Restarts { cycles: Cycles, to: f64 },
    /// α_f + (1 − α_f)·u^power
    Polynomial { decay: Decay, power: Exponent, to: f64 },
}

impl Shape {
    /// α at each time. Inlined, so that each caller compiles it for its own instructions.
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        match *self {
            Self::Step { period, ref levels } => step(period, levels, times, out),
            Self::Constant { alpha, end } => {
                map!(times.iter().copied(), out, |t| if t < end { alpha } else { 1.0 })
            }
            Self::Linear { decay, from, to } => {
                map!(times.iter().copied(), out, |t| to + (from - to) * decay.left(t))
            }
            Self::Exponential { rate: Some(rate) } => {
                let mut stage = Stage::EMPTY;
                staged!(times, out, |times, values| rate.at_all(times, &mut stage, values), |t| {
                    rate.at(t)
                });
            }
            Self::Exponential { rate: None } => {
                map!(times.iter().copied(), out, |t| if t > 0.0 { 0.0 } else { 1.0 })
            }
            Self::Cosine { decay, to } => cosine(decay, to, times, out),
            Self::Restarts { ref cycles, to } => restarts(cycles, to, times, out),
            Self::Polynomial { decay, power, to } => match power {
                // These hardly enlarge an error of u.
                Exponent::Half => {
                    map!(times.iter().copied(), out, |t| fall_to(to, decay.left(t).sqrt()))
                }
                Exponent::One => map!(times.iter().copied(), out, |t| fall_to(to, decay.left(t))),
                Exponent::Two => {
                    map!(times.iter().copied(), out, |t| fall_to(
                        to,
                        square(decay.left_of_floats(t))
                    ))
                }
                Exponent::TwoExactly => map!(times.iter().copied(), out, |t| {
                    fall_to(to, square_exactly(decay.left_exactly(t)))
                }),
                Exponent::Three => {
                    map!(times.iter().copied(), out, |t| fall_to(to, cube(decay.left_exactly(t))))
                }
                Exponent::Gentle(power) => {
                    let mut stages = Stages::EMPTY;
                    staged!(
                        times,
                        out,
                        |times, values| {
                            map!(times.iter().copied(), stages.u, |t| decay.left_of_floats(t));
                            power.gentle_all(&mut stages);
                            map!(0..LANES, values, |lane| fall_to(to, stages.power(lane)));
                        },
                        |t| fall_to(to, power.gentle(decay.left_of_floats(t)))
                    );
                }
                Exponent::Steep(power) => {
                    let mut stages = Stages::EMPTY;
                    staged!(
                        times,
                        out,
                        |times, values| {
                            for (lane, &t) in times.iter().enumerate() {
                                (stages.u[lane], stages.u_low[lane]) = decay.left_exactly(t);
                            }
                            power.steep_all(&mut stages);
                            map!(0..LANES, values, |lane| fall_to(to, stages.power(lane)));
                        },
                        |t| fall_to(to, power.steep(decay.left_exactly(t)))
                    );
                }
            },
        }
    }
}

/// The ramp of a warmup, (t/w)·top, laid over the tail's values while t < w.
#[inline(always)]
pub(crate) fn ramp(length: f64, top: f64, times: &[f64], out: &mut [f64]) {
    for (alpha, &t) in out.iter_mut().zip(times) {
        let rising = t / length * top;
        *alpha = if t < length { rising } else { *alpha };
    }
}

#[inline(always)]
fn cosine(decay: Decay, to: f64, times: &[f64], out: &mut [f64]) {
    if decay.is_rounded() {
        map!(times.iter().copied(), out, |t| {
            fall_to(to, half_cosine_exactly(decay.left_exactly(t)))
        });
    } else {
        let mut parts = NONE;
        staged!(
            times,
            out,
            |times, values| {
                map!(times.iter().copied(), parts, |t| decay.smaller_part(t));
                map!(parts, values, |part| fall_to(to, half_cosine(part)));
            },
            |t| fall_to(to, half_cosine(decay.smaller_part(t)))
        );
    }
}

/// Whole steps are filled in; where several meet in a few times, each time is asked.
#[inline(always)]
fn step(period: Period, levels: &Levels, times: &[f64], out: &mut [f64]) {
    let (mut step, mut completed, mut level) = (Cycle::EMPTY, 0.0, 1.0);
    for (times, (low, high), out) in Chunks::new(times, out) {
        if !step.contains(low) {
            let now = period.completed(low);
            step = period.cycle(now);
            if now != completed {
                (completed, level) = (now, levels.at(now));
            }
        }
        if step.contains(high) {
            out.fill(level);
            continue;
        }
        match period.whole {
            Some(length) if high < EXACT => {
                map!(times.iter().copied(), out, |t| whole_cycles(length, t).0)
            }
            _ => map!(times.iter().copied(), out, |t| period.completed(t)),
        }
        for alpha in out {
            if *alpha != completed {
                (completed, level) = (*alpha, levels.at(*alpha));
                step = Cycle::EMPTY;
            }
            *alpha = level;
        }
    }
}

#[inline(always)]
fn restarts(cycles: &Cycles, to: f64, times: &[f64], out: &mut [f64]) {
    if let Some(length) = cycles.first.whole
        && cycles.are_equal()
        && bounds(times).1 < EXACT
    {
        let mut parts = NONE;
        let part = |t| {
            let passed = whole_cycles(length, t).1;
            smaller_part(length - passed, passed, length)
        };
        staged!(
            times,
            out,
            |times, values| {
                map!(times.iter().copied(), parts, |t| part(t));
                map!(parts, values, |part| fall_to(to, half_cosine(part)));
            },
            |t| fall_to(to, half_cosine(part(t)))
        );
        return;
    }
    let mut cycle = Cycle::EMPTY;
    for (times, (low, high), out) in Chunks::new(times, out) {
        if !cycle.contains(low) {
            cycle = cycles.at(low);
        }
        if cycle.contains(high) {
            let decay = cycle.decay;
            cosine(decay, to, times, out);
            continue;
        }
        for (alpha, t) in out.iter_mut().zip(times) {
            if !cycle.contains(*t) {
                cycle = cycles.at(*t);
            }
            cosine(cycle.decay, to, &[*t], std::slice::from_mut(alpha));
        }
    }
}

/// From 1 at v = 1 to `to` at v = 0.
#[inline(always)]
fn fall_to(to: f64, v: f64) -> f64 {
    to + (1.0 - to) * v
}

/// A decay from w to T. Both have more digits than a float: near the ends these count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decay {
    start: f64,
    start_low: f64,
    end: f64,
    end_low: f64,
    /// T − w
    span: f64,
    span_low: f64,
    /// 1/(T − w), or 0 where that leaves the range of floats.
    inverse: f64,
    /// The first float that is not before T.
    last: f64,
}

impl Decay {
    /// Whatever t is, nothing has passed.
    pub(crate) const NEVER: Self = Self {
        start: f64::INFINITY,
        start_low: 0.0,
        end: f64::INFINITY,
        end_low: 0.0,
        span: 1.0,
        span_low: 0.0,
        inverse: 1.0,
        last: f64::INFINITY,
    };

    /// From the end of a warmup to T. If that leaves nothing, the decay never begins.
    pub(crate) fn new(start: Double, end: Double) -> Self {
        if end.rounded() > start.rounded() {
            Self::lasting(start, end, end + -start)
        } else {
            Self::NEVER
        }
    }

    /// The same for a length that is known better than the difference of both ends.
    pub(crate) fn lasting(start: Double, end: Double, span: Double) -> Self {
        let ((start, start_low), (end_high, end_low)) = (start.parts(), end.parts());
        let (span, span_low) = span.parts();
        let inverse = if span > 1e-290 { 1.0 / span } else { 0.0 };
        let last = end.rounded_up();
        Self { start, start_low, end: end_high, end_low, span, span_low, inverse, last }
    }

    /// Whether a length has more digits than a float.
    pub(crate) fn is_rounded(&self) -> bool {
        self.start_low != 0.0 || self.end_low != 0.0 || self.span_low != 0.0
    }

    /// u = (T − t)/(T − w): what is left, from 1 before it begins to 0 after its end.
    #[inline(always)]
    fn left(self, t: f64) -> f64 {
        smaller(self.until_end(t) / self.span, 1.0)
    }

    /// The same, if no length is rounded.
    #[inline(always)]
    fn left_of_floats(self, t: f64) -> f64 {
        smaller(larger(self.end - t, 0.0) / self.span, 1.0)
    }

    /// The first stage of sin²(½πu), if no length is rounded.
    #[inline(always)]
    fn smaller_part(self, t: f64) -> f64 {
        smaller_part(larger(self.end - t, 0.0), larger(t - self.start, 0.0), self.span)
    }

    /// T − t, rounded once; 0 from the end on. No number if nothing ever passes.
    #[inline(always)]
    fn until_end(self, t: f64) -> f64 {
        let left = self.end - t;
        // What the difference leaves out is exact, as long as anything is left.
        let left = left + (((self.end - left) - t) + self.end_low);
        if left < 0.0 { 0.0 } else { left }
    }

    /// u as a sum of two floats, the first of which is the nearest one.
    #[inline(always)]
    fn left_exactly(self, t: f64) -> (f64, f64) {
        let t = smaller(t, self.last);
        let first = self.end - t;
        let more = ((self.end - first) - t) + self.end_low;
        let left = first + more;
        let left_low = more - (left - first);
        let quotient = left / self.span;
        // What the division left over, divided once more.
        let (high, span_high) = (trimmed(quotient), trimmed(self.span));
        let (low, span_rest) = (quotient - high, self.span - span_high);
        let rest = (left - high * span_high) - high * span_rest - low * span_high;
        let rest = (rest - low * span_rest) + (left_low - quotient * self.span_low);
        let more = rest * self.inverse;
        let u = quotient + more;
        let u_low = more - (u - quotient);
        // A decay that never begins gives no number; nothing of it has passed.
        let bound = if u <= 0.0 { 0.0 } else { 1.0 };
        let within = 0.0 < u && (u < 1.0 || (u == 1.0 && u_low < 0.0));
        (if within { u } else { bound }, if within { u_low } else { 0.0 })
    }
}
