//! Lengths that repeat: steps, and cosines that start again.

use crate::curve::decay::Decay;
use crate::math::{Double, WHOLE_FROM, floor, geometric, log2_of};

/// Beyond every counter: 2^64. Restarts, which never end, stop changing there.
const CLOCKS_END: f64 = 18_446_744_073_709_551_616.0;

/// A length ρ that repeats, in twice a float's precision: its error grows with every repetition.
///
/// ρ comes from a factor that is known to half an ulp only. The count rule holds for each of its
/// multiples: 10 × (3 × 0.1) may be 3, and so it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    length: Double,
    /// How far off ρ may be.
    slack: f64,
    /// ρ, if it is whole. Its multiples are exact.
    pub(crate) whole: Option<f64>,
}

/// The most, relative to itself, by which a boundary moves to a whole number.
const MAX_SLACK: f64 = 2.0 * f64::EPSILON;

/// Below it the multiples of a whole length are exact, the next one too.
pub(crate) const EXACT: f64 = WHOLE_FROM / 2.0;

impl Period {
    pub(crate) fn new(length: Double, slack: f64) -> Self {
        let (high, low) = length.parts();
        let whole = low == 0.0 && (1.0..EXACT).contains(&high) && floor(high) == high;
        Self { length, slack, whole: whole.then_some(high) }
    }

    /// The first float at which `lengths` have passed, a number that is known to within `spread`.
    fn boundary(self, lengths: Double, spread: f64) -> f64 {
        let exact = self.length * lengths;
        let whole = exact.round();
        let slack = self.slack * (lengths.rounded() + spread) + self.length.rounded() * spread;
        // After many cycles the spread is larger than any rounding that was meant.
        let slack = slack.min(exact.rounded() * MAX_SLACK);
        if (exact + -whole).rounded().abs() <= slack { whole } else { exact }.rounded_up()
    }

    /// ρ, rounded.
    pub(crate) fn length(self) -> f64 {
        self.length.rounded()
    }

    /// ⌊t/ρ⌋.
    pub(crate) fn completed(self, t: f64) -> f64 {
        /// No boundary moves by more of its place: the rounding of t/ρ, of ρ and of the boundary,
        /// and its slack.
        const BLUR: f64 = 8.0 * f64::EPSILON;
        let place = t / self.length.rounded();
        let quotient = if place < WHOLE_FROM { floor(place) } else { place };
        let (part, blur) = (place - quotient, (place + 1.0) * BLUR);
        if blur < part && part < 1.0 - blur {
            return quotient;
        }
        let cycle = self.cycle(quotient);
        if t < cycle.first {
            quotient - 1.0
        } else if t >= cycle.end {
            quotient + 1.0
        } else {
            quotient
        }
    }

    /// The cycle after `completed` lengths.
    pub(crate) fn cycle(self, completed: f64) -> Cycle {
        let lengths = Double::from(completed);
        let next = lengths + Double::from(1.0);
        let (first, end) = match self.whole {
            Some(length) if completed * length < EXACT => {
                (completed * length, completed * length + length)
            }
            _ => (self.boundary(lengths, 0.0), self.boundary(next, 0.0)),
        };
        let decay = Decay::lasting(self.length * lengths, self.length * next, self.length);
        Cycle { first, end, number: lengths, decay }
    }
}

/// ⌊t/ρ⌋ and how much of the next ρ has passed, for whole ρ and t below [`EXACT`]. The result is
/// that of [`Period::completed`], and the compiler can vectorize it.
#[inline(always)]
pub(crate) fn whole_cycles(length: f64, t: f64) -> (f64, f64) {
    let quotient = floor(t / length);
    // Both exact. The quotient may have been rounded up to a whole number, not more.
    let passed = t - quotient * length;
    if passed < 0.0 { (quotient - 1.0, passed + length) } else { (quotient, passed) }
}

/// Cycles: number i lasts t_0·t_mult^i.
#[derive(Clone, Debug)]
pub(crate) struct Cycles {
    pub(crate) first: Period,
    ratio: f64,
    /// The first ones, in order. Growing cycles soon are longer than any run.
    table: Vec<Cycle>,
}

/// One repetition: the floats that belong to it, and its fall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycle {
    pub(crate) first: f64,
    pub(crate) end: f64,
    /// How many first cycles would have passed before it.
    pub(crate) number: Double,
    pub(crate) decay: Decay,
}

impl Cycle {
    pub(crate) const EMPTY: Self = Self {
        first: f64::INFINITY,
        end: f64::INFINITY,
        number: Double::ZERO,
        decay: Decay::NEVER,
    };

    #[inline(always)]
    pub(crate) fn contains(&self, t: f64) -> bool {
        self.first <= t && t < self.end
    }
}

impl Cycles {
    pub(crate) fn new(first: Period, ratio: f64) -> Self {
        /// Few enough to be made at once.
        const MOST: u64 = 128;
        let mut cycles = Self { first, ratio, table: Vec::new() };
        if ratio > 1.0 {
            let mut sums = Sums::new(0, ratio);
            for _ in 0..MOST {
                let cycle = cycles.cycle(&sums);
                let end = cycle.end;
                cycles.table.push(cycle);
                if end > CLOCKS_END {
                    break;
                }
                sums = sums.next(ratio);
            }
        }
        cycles
    }

    /// Whether all cycles are equally long.
    pub(crate) fn are_equal(&self) -> bool {
        self.ratio == 1.0
    }

    /// The cycle to which t belongs.
    pub(crate) fn at(&self, t: f64) -> Cycle {
        let t = t.min(CLOCKS_END);
        if self.are_equal() {
            return self.first.cycle(self.first.completed(t));
        }
        let known = self.table.partition_point(|cycle| cycle.end <= t);
        match self.table.get(known) {
            Some(cycle) => *cycle,
            None => self.beyond_the_table(t),
        }
    }

    /// How many cycles begin in (a, b].
    pub(crate) fn begun(&self, a: f64, b: f64) -> f64 {
        let (a, b) = (self.at(a), self.at(b));
        if a.first == b.first {
            return 0.0;
        }
        let before = |cycle: &Cycle| {
            let terms = cycle.number;
            let growth = Double::from(self.ratio) + Double::from(-1.0);
            let power = terms * growth + Double::from(1.0);
            (log2_of(power) / log2_of(Double::from(self.ratio))).rounded()
        };
        match self.are_equal() {
            true => (b.number + -a.number).rounded(),
            false => (before(&b) - before(&a)).round().max(1.0),
        }
    }

    /// From the closed form's guess, which rounding may put a cycle or two off, to the cycle whose
    /// bounds hold t.
    fn beyond_the_table(&self, t: f64) -> Cycle {
        let growth = self.ratio - 1.0;
        let relative = t / self.first.length.rounded();
        let one_more = |x: f64| log2_of(Double::from(1.0) + Double::from(x.min(f64::MAX)));
        let guess = (one_more(relative * growth) / one_more(growth)).rounded();
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

    fn number(&self, index: u64) -> Cycle {
        self.cycle(&Sums::new(index, self.ratio))
    }

    /// Cycle i starts at t_0·(1 + r + … + r^(i−1)).
    fn cycle(&self, sums: &Sums) -> Cycle {
        let Sums { terms, power, low_terms, low_power } = *sums;
        let (next, low_next) = (terms + power, low_terms + low_power);
        let (start, length) = (self.first.length * terms, self.first.length * power);
        Cycle {
            first: self.first.boundary(terms, (terms + -low_terms).rounded()),
            end: self.first.boundary(next, (next + -low_next).rounded()),
            number: terms,
            decay: Decay::lasting(start, start + length, length),
        }
    }
}

/// 1 + r + … + r^(i−1) and r^i; and both for the smallest number that r may stand for, as r is
/// known to half an ulp only.
#[derive(Clone, Copy, Debug)]
struct Sums {
    terms: Double,
    power: Double,
    low_terms: Double,
    low_power: Double,
}

impl Sums {
    fn new(index: u64, ratio: f64) -> Self {
        let (terms, power) = geometric(Double::from(ratio), index);
        let (low_terms, low_power) = geometric(Double::below(ratio), index);
        Self { terms, power, low_terms, low_power }
    }

    /// Those of the next i.
    fn next(self, ratio: f64) -> Self {
        Self {
            terms: self.terms + self.power,
            power: self.power * Double::from(ratio),
            low_terms: self.low_terms + self.low_power,
            low_power: self.low_power * Double::below(ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_closed_form_finds() {
        for (length, ratio) in [(1.0, 3.0), (1000.0, 1.1), (7.3, 1.001), (2.0, 1.5)] {
            let cycles = Cycles::new(Period::new(Double::from(length), 0.0), ratio);
            for cycle in &cycles.table[..cycles.table.len() - 1] {
                for t in [cycle.first, (cycle.first + cycle.end) / 2.0, cycle.end.next_down()] {
                    let found = cycles.beyond_the_table(t);
                    assert_eq!((found.first, found.end), (cycle.first, cycle.end), "{ratio} {t}");
                }
            }
        }
    }

    #[test]
    fn the_short_cut_for_whole_lengths_is_right() {
        for length in [1.0, 3.0, 7.0, 1000.0, 1e9] {
            let period = Period::new(Double::from(length), 0.0);
            for n in [0.0, 1.0, 2.0, 3.0, 10.0, 999_999.0] {
                for t in [n * length, (n * length).next_up(), (n * length + length).next_down()] {
                    assert_eq!(period.completed(t), n, "{length} {t}");
                    assert_eq!(whole_cycles(length, t), (n, t - n * length));
                }
            }
        }
    }
}
