//! Times in order: how many of them have been reached.

use crate::bulk::span::CHUNK;

/// Times in order between infinities: 2^n in all.
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
        times.insert(0, f64::NEG_INFINITY);
        times.resize((count + 2).next_power_of_two(), f64::INFINITY);
        Self { rungs: times, count }
    }

    /// The time that is reached as number so many, from 1 on.
    #[inline(always)]
    pub(crate) fn time(&self, number: usize) -> f64 {
        self.rungs[number]
    }

    /// How many have been reached, or one less, if the times are evenly spaced; else any number of
    /// them: a guess where to look first.
    #[inline(always)]
    pub(crate) fn guess(&self, t: f64) -> usize {
        let (first, last) = (self.rungs[1], self.rungs[self.count]);
        let steps = (t - first) / (last - first) * self.count.saturating_sub(1) as f64;
        (steps as usize).saturating_add(1).min(self.count)
    }

    /// How many have been reached; one at t itself has. At most as many as there are, whatever t
    /// is: another thread may have written to the array that it comes from.
    ///
    /// Times mostly come in order, so the answer to the last question is tried first, and the next.
    #[inline(always)]
    pub(crate) fn reached(&self, t: f64, guess: usize) -> usize {
        for guess in [guess, guess + 1] {
            if guess <= self.count && self.rungs[guess] <= t && t < self.rungs[guess + 1] {
                return guess;
            }
        }
        self.rungs[1..].partition_point(|rung| *rung <= t).min(self.count)
    }

    /// How many have been reached at each time, at least `first` and at most `last`: the same
    /// search for all of them side by side, so that none waits for another.
    #[inline(always)]
    pub(crate) fn search(
        &self,
        (first, last): (usize, usize),
        times: &[f64],
        counts: &mut [usize; CHUNK],
    ) {
        counts.fill(first);
        let mut open = last.saturating_sub(first) + 1;
        while open > 1 {
            let half = open / 2;
            for (count, t) in counts.iter_mut().zip(times) {
                let next = count.wrapping_add(half);
                let rung = self.rungs[next & (self.rungs.len() - 1)];
                *count = if rung <= *t { next } else { *count };
            }
            open -= half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn among_even_times_the_guess_is_right() {
        for step in [1.0, 0.1, 1e9 / 3.0] {
            let times: Vec<f64> = (0..1000).map(|n| f64::from(n) * step).collect();
            let ladder = Ladder::new(times.clone());
            for t in times.iter().flat_map(|t| [*t, t + 0.6 * step]) {
                let off = ladder.reached(t, 0) - ladder.guess(t);
                assert!(off <= 1, "{t} {off}");
            }
        }
    }

    #[test]
    fn the_search_counts_as_a_scan_does() {
        for count in 0..40 {
            let times: Vec<f64> = (0..count).map(|n| f64::from(n * n % 17)).collect();
            let ladder = Ladder::new(times.clone());
            for t in [0.0, 0.5, 1.0, 3.0, 8.0, 8.5, 16.0, 17.0, f64::MAX, f64::INFINITY, f64::NAN] {
                let scan = times.iter().filter(|time| **time <= t).count();
                assert!(ladder.guess(t) <= count as usize);
                for guess in 0..=times.len() {
                    assert_eq!(ladder.reached(t, guess), scan, "{count} {t} {guess}");
                }
                for (first, last) in [(0, times.len()), (scan / 2, scan), (scan, scan)] {
                    let mut counts = [0; CHUNK];
                    ladder.search((first, last), &[t; CHUNK], &mut counts);
                    assert_eq!(counts, [scan; CHUNK], "{count} {t} {first} {last}");
                }
            }
        }
    }
}
