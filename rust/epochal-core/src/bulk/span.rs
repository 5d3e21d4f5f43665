//! Blocks of times, and their bounds.

use crate::math::{larger, smaller};

/// The number of times in a block: few enough for the blocks to stay in the L1 cache.
pub(crate) const BLOCK: usize = 256;

/// So many times are looked at together, where many have one value.
pub(crate) const CHUNK: usize = 64;

/// The smallest and the largest of the numbers.
#[inline(always)]
pub(crate) fn bounds(times: &[f64]) -> (f64, f64) {
    if let [time] = times {
        return (*time, *time);
    }
    // As many independent results as fill the registers.
    let (mut low, mut high) = ([f64::INFINITY; 16], [0.0; 16]);
    let (wide, rest) = times.as_chunks::<16>();
    for times in wide {
        for lane in 0..16 {
            low[lane] = smaller(times[lane], low[lane]);
            high[lane] = larger(times[lane], high[lane]);
        }
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            low[lane] = smaller(low[lane], low[lane + half]);
            high[lane] = larger(high[lane], high[lane + half]);
        }
    }
    for &time in rest {
        (low[0], high[0]) = (smaller(time, low[0]), larger(time, high[0]));
    }
    (low[0], high[0])
}

/// Whether no time is before the one that it follows.
#[inline(always)]
pub(crate) fn is_sorted(times: &[f64]) -> bool {
    // Not the library's, which would test after each one whether to stop.
    let pairs = times.iter().zip(times.iter().skip(1));
    pairs.fold(true, |sorted, (before, after)| sorted & (before <= after))
}

/// A few times after the other, the earliest and the latest of them, and where their values go.
///
/// An iterator, not a function that takes a closure: the compiler would not inline a long one, and
/// would compile it for the baseline only.
pub(crate) struct Chunks<'a> {
    times: &'a [f64],
    out: &'a mut [f64],
}

impl<'a> Chunks<'a> {
    #[inline(always)]
    pub(crate) fn new(times: &'a [f64], out: &'a mut [f64]) -> Self {
        Self { times, out }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [f64], (f64, f64), &'a mut [f64]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let len = self.times.len().min(CHUNK);
        if len == 0 {
            return None;
        }
        let (times, rest) = self.times.split_at(len);
        let (out, out_rest) = std::mem::take(&mut self.out).split_at_mut_checked(len)?;
        (self.times, self.out) = (rest, out_rest);
        Some((times, bounds(times), out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sorted_has_no_time_before_another() {
        let mut times = [3.0; 100];
        assert!(is_sorted(&times) && is_sorted(&times[..1]) && is_sorted(&[]));
        for index in 1..times.len() {
            for bad in [2.0, f64::NAN] {
                times[index] = bad;
                assert!(!is_sorted(&times), "{index} {bad}");
            }
            times[index] = 3.0;
        }
        times[99] = f64::INFINITY;
        assert!(is_sorted(&times));
    }
}
