//! The formulas. Every schedule's α(t) stands here, once.
//!
//! t and every length are floats on one clock; α is dimensionless. A shape is evaluated a block
//! of times at a go; one time is a block of one, so single values and arrays have the same bits.

use crate::cycle::{Cycle, Cycles, EXACT, Period, whole_cycles};
use crate::decay::Decay;
use crate::math::{
    Exponent, Exponential, LANES, Levels, NONE, Stage, Stages, cube, half_cosine,
    half_cosine_exactly, smaller_part, square, square_exactly,
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
