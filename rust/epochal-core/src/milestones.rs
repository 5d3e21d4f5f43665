//! Milestones: how many of them have been reached.

use crate::math::Levels;
use crate::span::{Reading, in_chunks};
use crate::unit::Clock;

/// The levels of a multi-step decay, by the number of milestones reached on all clocks together.
#[derive(Clone, Debug)]
pub(crate) struct Milestones {
    by_clock: Vec<(Clock, Ladder)>,
    /// γ^0, γ^1, …
    levels: Vec<f64>,
}

/// The milestones of one clock in order, and infinities behind them: 2^n in all.
#[derive(Clone, Debug)]
struct Ladder {
    rungs: Vec<f64>,
    count: usize,
}

/// Up to so many, asking each milestone is cheaper than a search.
const FEW: usize = 12;

impl Milestones {
    pub(crate) fn new(by_clock: Vec<(Clock, Vec<f64>)>, gamma: f64) -> Self {
        let count = by_clock.iter().map(|(_, times)| times.len()).sum();
        let ladders = by_clock.into_iter().map(|(clock, times)| (clock, Ladder::new(times)));
        Self { by_clock: ladders.collect(), levels: Levels::new(gamma).up_to(count) }
    }

    pub(crate) fn clocks(&self) -> impl Iterator<Item = Clock> {
        self.by_clock.iter().map(|(clock, _)| *clock)
    }

    /// α at each time.
    #[inline(always)]
    pub(crate) fn fill(&self, readings: &[Reading<'_>; Clock::COUNT], out: &mut [f64]) {
        if let [(clock, ladder)] = &self.by_clock[..] {
            return ladder.fill(&self.levels, &readings[*clock as usize], out);
        }
        for (index, alpha) in out.iter_mut().enumerate() {
            let reached = |(clock, ladder): &(Clock, Ladder)| {
                let reading = &readings[*clock as usize];
                ladder.reached(reading.times.get(index).copied().unwrap_or(reading.low))
            };
            *alpha = self.levels[self.by_clock.iter().map(reached).sum::<usize>()];
        }
    }
}

impl Ladder {
    fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let count = times.len();
        times.resize((count + 1).next_power_of_two(), f64::INFINITY);
        Self { rungs: times, count }
    }

    /// How many have been reached; one at t itself has.
    #[inline(always)]
    fn reached(&self, t: f64) -> usize {
        let (mut reached, mut step) = (0, self.rungs.len() / 2);
        while step > 0 {
            // No branch, so nothing to foretell.
            let passed = self.rungs[(reached + step - 1) & (self.rungs.len() - 1)] <= t;
            reached += if passed { step } else { 0 };
            step /= 2;
        }
        reached
    }

    #[inline(always)]
    fn fill(&self, levels: &[f64], reading: &Reading<'_>, out: &mut [f64]) {
        in_chunks(reading, out, |times, low, high, out| {
            let reached = self.reached(low);
            if reached == self.reached(high) {
                out.fill(levels[reached]);
            } else if self.count <= FEW {
                out.fill(levels[0]);
                for (milestone, level) in self.rungs.iter().zip(&levels[1..]) {
                    for (alpha, t) in out.iter_mut().zip(times) {
                        *alpha = if *milestone <= *t { *level } else { *alpha };
                    }
                }
            } else {
                for (alpha, t) in out.iter_mut().zip(times) {
                    *alpha = levels[self.reached(*t)];
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_counts_as_a_scan_does() {
        for count in 0..40 {
            let times: Vec<f64> = (0..count).map(|n| f64::from(n * n % 17)).collect();
            let ladder = Ladder::new(times.clone());
            for t in [0.0, 0.5, 1.0, 3.0, 8.0, 8.5, 16.0, 17.0, f64::MAX] {
                let scan = times.iter().filter(|milestone| **milestone <= t).count();
                assert_eq!(ladder.reached(t), scan, "{count} {t}");
            }
        }
    }
}
