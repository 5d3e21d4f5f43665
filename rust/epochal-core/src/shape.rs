//! The formulas. Every schedule's α(t) stands here, once.
//!
//! t and every length are floats on one clock; α is dimensionless. A shape is evaluated a block
//! of times at a go; one time is a block of one, so single values and arrays have the same bits.

use crate::math::{geometric, ln_1p_guess, power, sin_squared_half_pi, whole_power};

/// A tail on one clock.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// γ^⌊t/ρ⌋
    Step { period: Period, gamma: f64 },
    /// alpha while t < T, then 1
    Constant { alpha: f64, end: f64 },
    /// α_f + (α_i − α_f)·u
    Linear { decay: Decay, from: f64, to: f64 },
    /// γ^(t/ρ)
    Exponential { gamma: f64, period: f64 },
    /// α_f + (1 − α_f)·sin²(½πu)
    Cosine { decay: Decay, to: f64 },
    /// The same in each cycle, u falling from 1 to 0.
    Restarts { cycles: Cycles, to: f64 },
    /// α_f + (1 − α_f)·u^power
    Polynomial { decay: Decay, power: f64, to: f64 },
}

impl Shape {
    /// α at each time.
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        match *self {
            Self::Step { period, gamma } => {
                let mut level = (0.0, 1.0); // neighbouring times mostly share it
                map(times, out, |t| {
                    let steps = period.completed(t);
                    if steps != level.0 {
                        level = (steps, whole_power(gamma, steps));
                    }
                    level.1
                });
            }
            Self::Constant { alpha, end } => map(times, out, |t| if t < end { alpha } else { 1.0 }),
            Self::Linear { decay, from, to } => {
                map(times, out, |t| to + (from - to) * decay.left(t))
            }
            Self::Exponential { gamma, period } => map(times, out, |t| power(gamma, t / period)),
            Self::Cosine { decay, to } => {
                map(times, out, |t| fall_to(to, sin_squared_half_pi(decay.left(t))));
            }
            Self::Restarts { cycles, to } => {
                let mut cycle = cycles.at(0.0);
                map(times, out, |t| {
                    if !cycle.contains(t) {
                        cycle = cycles.at(t);
                    }
                    fall_to(to, sin_squared_half_pi(cycle.decay.left(t)))
                });
            }
            Self::Polynomial { decay, power: exponent, to } => {
                map(times, out, |t| fall_to(to, power(decay.left(t), exponent)));
            }
        }
    }
}

/// The ramp of a warmup, (t/w)·top, laid over the tail's values while t < w.
pub(crate) fn ramp(length: f64, top: f64, times: &[f64], out: &mut [f64]) {
    for (alpha, &t) in out.iter_mut().zip(times) {
        *alpha = if t < length { t / length * top } else { *alpha };
    }
}

/// The levels of a multi-step decay: γ^0, γ^1, … γ^count.
pub(crate) fn levels(gamma: f64, count: usize) -> Vec<f64> {
    (0..=count).map(|reached| whole_power(gamma, reached as f64)).collect()
}

/// How many of the sorted milestones have been reached; one at t itself has.
pub(crate) fn reached(milestones: &[f64], t: f64) -> usize {
    milestones.partition_point(|milestone| *milestone <= t)
}

/// From 1 at v = 1 to `to` at v = 0.
#[inline(always)]
fn fall_to(to: f64, v: f64) -> f64 {
    to + (1.0 - to) * v
}

#[inline(always)]
fn map(times: &[f64], out: &mut [f64], mut alpha: impl FnMut(f64) -> f64) {
    for (out, &t) in out.iter_mut().zip(times) {
        *out = alpha(t);
    }
}

/// A decay that ends at T and lasts T − w.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decay {
    end: f64,
    span: f64,
}

impl Decay {
    /// From the end of a warmup to T. If that leaves nothing, the decay never begins.
    pub(crate) fn new(start: f64, end: f64) -> Self {
        if end > start {
            Self { end, span: end - start }
        } else {
            Self { end: f64::INFINITY, span: 1.0 }
        }
    }

    /// u = (T − t)/(T − w): what is left, from 1 before it begins to 0 after its end.
    #[inline(always)]
    fn left(self, t: f64) -> f64 {
        ((self.end - t) / self.span).clamp(0.0, 1.0)
    }
}

/// A length ρ that repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    /// ρ if it is whole; else its lower end, an ulp below, so that a multiple of a ρ such as
    /// 3 × 0.1, known to a float's precision only, is reached at the whole number it stands for.
    low: f64,
}

impl Period {
    pub(crate) fn new(length: f64) -> Self {
        Self { low: low(length) }
    }

    /// ⌊t/ρ⌋.
    #[inline(always)]
    fn completed(self, t: f64) -> f64 {
        let quotient = (t / self.low).floor();
        // The division may have been rounded up to a whole number.
        if quotient * self.low > t { quotient - 1.0 } else { quotient }
    }
}

/// Cycles of which number i lasts t_0·t_mult^i.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycles {
    first: f64,
    ratio: f64,
}

/// One cycle: a decay and when the cycle starts and ends.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    start: f64,
    end: f64,
    decay: Decay,
}

impl Cycle {
    fn new(start: f64, end: f64, span: f64) -> Self {
        Self { start: low(start), end: low(end), decay: Decay { end, span } }
    }

    #[inline(always)]
    fn contains(&self, t: f64) -> bool {
        self.start <= t && t < self.end
    }
}

impl Cycles {
    pub(crate) fn new(first: f64, ratio: f64) -> Self {
        Self { first, ratio }
    }

    /// The cycle to which t belongs.
    fn at(self, t: f64) -> Cycle {
        if self.ratio == 1.0 {
            let index = Period::new(self.first).completed(t);
            return Cycle::new(index * self.first, (index + 1.0) * self.first, self.first);
        }
        // From the closed form's guess, which rounding may put a cycle or two off, to the cycle
        // whose exact bounds hold t.
        let growth = self.ratio - 1.0;
        let guess = ln_1p_guess(t / self.first * growth) / ln_1p_guess(growth);
        let mut index = guess as u64;
        let mut cycle = self.number(index);
        for _ in 0..4 {
            if t < cycle.start && index > 0 {
                index -= 1;
            } else if t >= cycle.end {
                index += 1;
            } else {
                break;
            }
            cycle = self.number(index);
        }
        cycle
    }

    /// Cycle i starts at t_0·(1 + r + … + r^(i−1)).
    fn number(self, index: u64) -> Cycle {
        let (terms, power) = geometric(self.ratio, index);
        let first = crate::math::Double::from(self.first);
        let (start, span) = (first * terms, first * power);
        Cycle::new(start.rounded(), (start + span).rounded(), span.rounded())
    }
}

/// The lower end of what a length that is not whole stands for. See [`Period`].
fn low(length: f64) -> f64 {
    if length.fract() == 0.0 { length } else { length * (1.0 - f64::EPSILON) }
}
