//! Looking for the best place: the stretch that promises most is halved first.

use crate::view::View;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The largest value that was looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) at: f64,
    pub(crate) value: f64,
}

/// How far below the largest value a found one may be, as a part of how large values get. Where the
/// bounds of stretches are exact, which only those of products are not, what is found is exact.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// How far a bound may be from what it bounds, to be what that comes to between two floats.
const ROUNDING: f64 = 1e-12;

/// So many stretches are looked at. Then what is found may be further off, by what products of
/// many parts that rise and fall leave open.
const MOST: usize = 20_000;

/// A stretch, and what it promises.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    bound: f64,
    a: f64,
    b: f64,
}

impl Eq for Stretch {}

impl Ord for Stretch {
    /// By what they promise; of equal ones the earlier one is the larger.
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then(other.a.total_cmp(&self.a))
    }
}

impl PartialOrd for Stretch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The largest of the values that `value` finds in [a, b], none of which is above `bound` there.
/// `scale` is how large they get, about.
pub(crate) fn search(
    stretches: &[(f64, f64)],
    scale: f64,
    bound: impl Fn(f64, f64) -> f64,
    value: impl Fn(f64, f64) -> Option<(f64, f64)>,
) -> Option<Found> {
    let mut best: Option<Found> = None;
    let improve = |best: &mut Option<Found>, found: Option<(f64, f64)>| {
        if let Some((at, value)) = found
            && best.is_none_or(|best| value > best.value || best.value.is_nan())
        {
            *best = Some(Found { at, value });
        }
    };
    let mut open = BinaryHeap::new();
    for &(a, b) in stretches {
        improve(&mut best, value(a, b));
        improve(&mut best, value(b, b));
        open.push(Stretch { bound: bound(a, b), a, b });
    }
    let mut left = f64::NEG_INFINITY;
    for _ in 0..MOST {
        let Some(Stretch { bound: promised, a, b }) = open.pop() else { break };
        left = promised;
        if best.is_some_and(|best| promised <= best.value + TOLERANCE * scale) {
            break;
        }
        left = f64::NEG_INFINITY;
        let middle = a + (b - a) / 2.0;
        if middle <= a || b <= middle {
            continue;
        }
        improve(&mut best, value(middle, b));
        for (a, b) in [(a, middle), (middle, b)] {
            open.push(Stretch { bound: bound(a, b), a, b });
        }
    }
    // A bound that is as near as that is what α comes to.
    best.map(|best| match left - best.value <= ROUNDING * scale {
        true => Found { value: best.value.max(left), ..best },
        false => best,
    })
}

impl View<'_> {
    /// The first whole count up to a time at which α is what `may_be` asks for: it takes bounds of
    /// α, and says whether what it asks for may be between them.
    pub(crate) fn first_whole(&self, end: f64, may_be: impl Fn((f64, f64)) -> bool) -> Option<f64> {
        /// As in a search.
        const MOST: usize = 100_000;
        // The last of them comes first.
        let mut open = vec![(0.0, end.floor())];
        for _ in 0..MOST {
            let (a, b) = open.pop()?;
            if a == b {
                let alpha = self.alpha(a);
                if may_be((alpha, alpha)) {
                    return Some(a);
                }
            } else if may_be(self.range(a, b)) {
                let middle = (a + (b - a) / 2.0).floor();
                open.extend([(middle + 1.0, b), (a, middle)]);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_found_by_coarse_bounds() {
        let value = |t: f64| t * (1.0 - t);
        let bound = |a: f64, b: f64| b * (1.0 - a);
        let found = search(&[(0.0, 1.0)], 1.0, bound, |a, _| Some((a, value(a)))).unwrap();
        assert!((found.value - 0.25).abs() < 1e-9 && (found.at - 0.5).abs() < 1e-4);
        let found = search(&[(0.0, 1.0)], 1.0, |_, b| b, |a, _| Some((a, a))).unwrap();
        assert_eq!((found.at, found.value), (1.0, 1.0));
        assert!(search(&[(0.0, 1.0)], 1.0, |_, b| b, |_, _| None).is_none());
    }
}
