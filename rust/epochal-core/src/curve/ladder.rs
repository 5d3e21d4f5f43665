//! Times in order: how many of them have been reached.

use crate::bulk::span::CHUNK;

/// Times in order, and infinities behind them: 2^n in all.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    rungs: Vec<f64>,
    /// How many of the rungs are times.
    count: usize,
}

impl Ladder {
    pub(crate) fn new(mut times: Vec<f64>) -> Self {
        let count = times.len();
        times.sort_by(f64::total_cmp);
        times.resize((count + 1).next_power_of_two(), f64::INFINITY);
        Self { rungs: times, count }
    }

    /// How many have been reached; one at t itself has. At most as many as there are, whatever t
    /// is: another thread may have written to the array that it comes from.
    pub(crate) fn reached(&self, t: f64) -> usize {
        self.rungs.partition_point(|rung| *rung <= t).min(self.count)
    }

    /// How many have been reached at each time: the same search for all of them side by side, so
    /// that none waits for another. At an infinite time the infinities count too.
    #[inline(always)]
    pub(crate) fn search(&self, times: &[f64], counts: &mut [usize; CHUNK]) {
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
            for t in [0.0, 0.5, 1.0, 3.0, 8.0, 8.5, 16.0, 17.0, f64::MAX, f64::INFINITY, f64::NAN] {
                let scan = times.iter().filter(|time| **time <= t).count();
                assert_eq!(ladder.reached(t), scan, "{count} {t}");
                let mut counts = [0; CHUNK];
                ladder.search(&[t; CHUNK], &mut counts);
                let counted = if t < f64::INFINITY { scan } else { ladder.rungs.len() - 1 };
                assert!(t.is_nan() || counts == [counted; CHUNK], "{count} {t} {counts:?}");
            }
        }
    }
}
