//! Blocks of times, and their bounds.

use crate::math::{larger, smaller};
use std::ops::Deref;

/// The number of times in a block: few enough for the blocks to stay in the L1 cache.
pub(crate) const BLOCK: usize = 256;

/// So many times are looked at together, where many have one value.
pub(crate) const CHUNK: usize = 64;

/// The times of a block, and whether they are known to be in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    times: &'a [f64],
    in_order: bool,
}

impl<'a> Block<'a> {
    #[inline(always)]
    pub(crate) fn new(times: &'a [f64], in_order: bool) -> Self {
        Self { times, in_order }
    }

    /// The earliest and the latest of them.
    #[inline(always)]
    pub(crate) fn bounds(self) -> (f64, f64) {
        self.ends().unwrap_or_else(|| bounds(self.times))
    }

    /// The same if that needs no look at the others.
    #[inline(always)]
    pub(crate) fn ends(self) -> Option<(f64, f64)> {
        match self.times {
            [first, .., last] if self.in_order => Some((*first, *last)),
            _ => None,
        }
    }

    /// Whether none of them is before the one that it follows.
    #[inline(always)]
    pub(crate) fn is_sorted(self) -> bool {
        self.in_order || is_sorted(self.times)
    }
}

impl<'a> From<&'a [f64]> for Block<'a> {
    #[inline(always)]
    fn from(times: &'a [f64]) -> Self {
        Self::new(times, false)
    }
}

impl Deref for Block<'_> {
    type Target = [f64];

    #[inline(always)]
    fn deref(&self) -> &[f64] {
        self.times
    }
}

/// The smallest and the largest of the numbers.
#[inline(always)]
fn bounds(times: &[f64]) -> (f64, f64) {
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
pub(crate) fn is_sorted<T: PartialOrd + Copy>(times: &[T]) -> bool {
    // Not the library's, which would test after each one whether to stop.
    let Some((&first, later)) = times.split_first() else { return true };
    let (mut sorted, mut before) = (true, first);
    for &time in later {
        sorted &= before <= time;
        before = time;
    }
    sorted
}

/// How many times come before `end`, of some that are in order: the first of them does.
#[inline(always)]
pub(crate) fn count_before(end: f64, times: &[f64]) -> usize {
    let [first, .., last] = times else { return times.len() };
    if *last < end {
        return times.len();
    }
    // Times are mostly evenly spaced, so this is the place or the one before it.
    let place = (end - first) / (last - first) * (times.len() - 1) as f64;
    let place = (place as usize).min(times.len() - 1);
    let count = if times[place] < end { place + 1 } else { place };
    if let (Some(before), Some(after)) = (times[..count].last(), times.get(count))
        && *before < end
        && end <= *after
    {
        return count;
    }
    1 + times[1..].partition_point(|t| *t < end)
}

/// A few times after the other, the earliest and the latest of them, and where their values go.
///
/// An iterator, not a function that takes a closure: the compiler would not inline a long one, and
/// would compile it for the baseline only.
pub(crate) struct Chunks<'a> {
    times: Block<'a>,
    out: &'a mut [f64],
}

impl<'a> Chunks<'a> {
    #[inline(always)]
    pub(crate) fn new(times: Block<'a>, out: &'a mut [f64]) -> Self {
        Self { times, out }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (Block<'a>, (f64, f64), &'a mut [f64]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let len = self.times.len().min(CHUNK);
        if len == 0 {
            return None;
        }
        let Block { times, in_order } = self.times;
        let (times, rest) = times.split_at(len);
        let (out, out_rest) = std::mem::take(&mut self.out).split_at_mut_checked(len)?;
        (self.times.times, self.out) = (rest, out_rest);
        let times = Block { times, in_order };
        Some((times, times.bounds(), out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_a_scan() {
        let times: Vec<f64> = (0..100).map(|n| f64::from(n * 37 % 101)).collect();
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        for len in 1..=times.len() {
            let earliest = times[..len].iter().copied().fold(f64::INFINITY, f64::min);
            let latest = times[..len].iter().copied().fold(0.0, f64::max);
            assert_eq!(Block::from(&times[..len]).bounds(), (earliest, latest));
            for in_order in [false, true] {
                let bounds = Block::new(&sorted[..len], in_order).bounds();
                assert_eq!(bounds, (sorted[0], sorted[len - 1]));
            }
        }
    }

    #[test]
    fn times_before_an_end_are_counted_as_a_scan_does() {
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        let uneven: Vec<f64> = even.iter().map(|t| t * t).collect();
        let equal: Vec<f64> = even.iter().map(|t| (t / 7.0).floor()).collect();
        for times in [even, uneven, equal] {
            for len in 1..=times.len() {
                let times = &times[..len];
                for end in times.iter().flat_map(|t| [*t, t - 0.3, t.next_up(), f64::INFINITY]) {
                    let scan = times.iter().filter(|t| **t < end).count();
                    if scan > 0 {
                        assert_eq!(count_before(end, times), scan, "{end} {times:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn times_that_another_thread_has_spoilt_are_counted_somehow() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e300] {
            for place in 0..8 {
                let mut times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
                times[place] = bad;
                for end in times {
                    let count = count_before(end, &times);
                    assert!((1..=times.len()).contains(&count), "{end} {times:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_sorted_has_no_time_before_another() {
        let mut times = [3.0; 100];
        assert!(is_sorted(&times) && is_sorted(&times[..1]) && is_sorted::<f64>(&[]));
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
