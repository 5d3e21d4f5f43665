//! The formulas. Every schedule's α(t) stands here, once.
//!
//! t and every length are floats on one clock; α is dimensionless. A shape is evaluated a block
//! of times at a go; one time is a block of one, so single values and arrays have the same bits.

use crate::math::{Double, geometric, ln_1p_guess, power, sin_squared_half_pi, whole_power};

/// Beyond every counter: 2^64. Restarts, which never end, stop changing there.
const CLOCKS_END: f64 = 18_446_744_073_709_551_616.0;

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
    /// α at each time. Inlined, so that each caller compiles it for its own instructions.
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        match *self {
            Self::Step { period, gamma } => {
                let mut step = Cycle::EMPTY;
                let mut level = 1.0;
                map(times, out, |t| {
                    if !step.contains(t) {
                        let completed = period.completed(t);
                        step = period.cycle(completed);
                        level = whole_power(gamma, completed);
                    }
                    level
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
                let mut cycle = Cycle::EMPTY;
                map(times, out, |t| {
                    let t = t.min(CLOCKS_END);
                    if !cycle.contains(t) {
                        cycle = cycles.at(t);
                    }
                    fall_to(to, sin_squared_half_pi(cycle.left(t)))
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
    /// What T has beyond its float: near the end it counts.
    end_low: f64,
    span: f64,
}

impl Decay {
    /// From the end of a warmup to T. If that leaves nothing, the decay never begins.
    pub(crate) fn new(start: Double, end: Double) -> Self {
        let nearest = end.rounded();
        if nearest > start.rounded() {
            let end_low = (end + Double::from(-nearest)).rounded();
            Self { end: nearest, end_low, span: (end + -start).rounded() }
        } else {
            Self { end: f64::INFINITY, end_low: 0.0, span: 1.0 }
        }
    }

    /// u = (T − t)/(T − w): what is left, from 1 before it begins to 0 after its end.
    #[inline(always)]
    fn left(self, t: f64) -> f64 {
        (((self.end - t) + self.end_low) / self.span).clamp(0.0, 1.0)
    }
}

/// A length ρ that repeats, in twice a float's precision: its error grows with every repetition.
///
/// ρ comes from a factor that is known to half an ulp only. The count rule holds for each of its
/// multiples: 10 × (3 × 0.1) may be 3, and so it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    pub(crate) length: Double,
    /// How far off ρ may be.
    pub(crate) slack: f64,
}

impl Period {
    /// The first float at which so many lengths have passed, `spread` being how far off that
    /// number may be.
    fn boundary(self, lengths: Double, spread: f64) -> f64 {
        let exact = self.length * lengths;
        let whole = exact.round();
        let slack = self.slack * (lengths.rounded() + spread) + self.length.rounded() * spread;
        // After many cycles a spread has grown beyond what anybody means.
        let slack = slack.min(exact.rounded() * MAX_SLACK);
        if (exact + -whole).rounded().abs() <= slack { whole } else { exact }.rounded_up()
    }

    /// ⌊t/ρ⌋.
    fn completed(self, t: f64) -> f64 {
        let quotient = (t / self.length.rounded()).floor();
        let cycle = self.cycle(quotient);
        if t < cycle.first {
            quotient - 1.0
        } else if t >= cycle.end {
            quotient + 1.0
        } else {
            quotient
        }
    }

    /// From the end of so many lengths to the end of the next.
    fn cycle(self, completed: f64) -> Cycle {
        let completed = Double::from(completed);
        let next = completed + Double::from(1.0);
        Cycle {
            first: self.boundary(completed, 0.0),
            end: self.boundary(next, 0.0),
            start: self.length * completed,
            length: self.length,
        }
    }
}

/// The most, relative to itself, by which a boundary moves to a whole number.
const MAX_SLACK: f64 = 2.0 * f64::EPSILON;

/// Cycles of which number i lasts t_0·t_mult^i.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycles {
    pub(crate) first: Period,
    pub(crate) ratio: f64,
}

/// One repetition: the floats that belong to it, where it starts, and how long it is.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    first: f64,
    end: f64,
    start: Double,
    length: Double,
}

impl Cycle {
    const EMPTY: Self = Self {
        first: f64::INFINITY,
        end: f64::INFINITY,
        start: Double::ZERO,
        length: Double::ZERO,
    };

    #[inline(always)]
    fn contains(&self, t: f64) -> bool {
        self.first <= t && t < self.end
    }

    /// u = 1 − (t − start)/length. Measured from the start: at 2^53 the end of a short cycle is
    /// no float any more.
    #[inline(always)]
    fn left(&self, t: f64) -> f64 {
        let left = self.length + (self.start + Double::from(-t));
        (left.rounded() / self.length.rounded()).clamp(0.0, 1.0)
    }
}

impl Cycles {
    /// The cycle to which t belongs.
    fn at(self, t: f64) -> Cycle {
        if self.ratio == 1.0 {
            return self.first.cycle(self.first.completed(t));
        }
        // From the closed form's guess, which rounding may put a cycle or two off, to the cycle
        // whose bounds hold t.
        let growth = self.ratio - 1.0;
        let relative = t / self.first.length.rounded();
        let guess = ln_1p_guess((relative * growth).min(f64::MAX)) / ln_1p_guess(growth);
        let mut index = guess as u64;
        let mut cycle = self.number(index);
        for _ in 0..4 {
            if t < cycle.first && index > 0 {
                index -= 1;
            } else if t >= cycle.end {
                index = index.saturating_add(1);
            } else {
                break;
            }
            cycle = self.number(index);
        }
        cycle
    }

    /// Cycle i starts at t_0·(1 + r + … + r^(i−1)), where r too is known to half an ulp only.
    fn number(self, index: u64) -> Cycle {
        let (terms, power) = geometric(Double::from(self.ratio), index);
        let (low_terms, low_power) = geometric(Double::below(self.ratio), index);
        let (next, low_next) = (terms + power, low_terms + low_power);
        Cycle {
            first: self.first.boundary(terms, (terms + -low_terms).rounded()),
            end: self.first.boundary(next, (next + -low_next).rounded()),
            start: self.first.length * terms,
            length: self.first.length * power,
        }
    }
}
