//! Milestones: how many of them have been reached.

use crate::math::Levels;
use crate::span::{CHUNK, Chunks};
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
}

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
    pub(crate) fn fill(&self, readings: &[&[f64]; Clock::COUNT], out: &mut [f64]) {
        if let [(clock, ladder)] = &self.by_clock[..] {
            return ladder.fill(&self.levels, readings[*clock as usize], out);
        }
        for (index, alpha) in out.iter_mut().enumerate() {
            let reached = |(clock, ladder): &(Clock, Ladder)| {
                ladder.reached(readings[*clock as usize][index])
            };
            *alpha = self.levels[self.by_clock.iter().map(reached).sum::<usize>()];
        }
    }
}

impl Ladder {
    fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        times.resize((times.len() + 1).next_power_of_two(), f64::INFINITY);
        Self { rungs: times }
    }

    /// How many have been reached; one at t itself has.
    fn reached(&self, t: f64) -> usize {
        self.rungs.partition_point(|milestone| *milestone <= t)
    }

    #[inline(always)]
    fn fill(&self, levels: &[f64], times: &[f64], out: &mut [f64]) {
        for (times, (low, high), out) in Chunks::new(times, out) {
            let reached = self.reached(low);
            if reached == self.reached(high) {
                out.fill(levels[reached]);
            } else {
                let mut counts = [0; CHUNK];
                self.search(times, &mut counts);
                for (alpha, count) in out.iter_mut().zip(counts) {
                    *alpha = levels[count];
                }
            }
        }
    }

    /// How many have been reached at each time: the same search for all of them side by side, so
    /// that none waits for another.
    #[inline(always)]
    fn search(&self, times: &[f64], counts: &mut [usize; CHUNK]) {
        let mut step = self.rungs.len() / 2;
        while step > 0 {
            for (count, t) in counts.iter_mut().zip(times) {
                let next = count.wrapping_add(step);
                let rung = self.rungs[next.wrapping_sub(1) & (self.rungs.len() - 1)];
                *count = if rung <= *t { next } else { *count };
            }
            step /= 2;
        }
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
                let mut counts = [0; CHUNK];
                ladder.search(&[t; CHUNK], &mut counts);
                assert_eq!(counts, [scan; CHUNK], "{count} {t}");
                assert_eq!(ladder.reached(t), scan, "{count} {t}");
            }
        }
    }
}
