//! What there is to see of points and the ways between them.

use crate::curve::piecewise::Piecewise;
use crate::curve::value;
use crate::math::{larger, smaller};
use crate::view::mean::integral;
use crate::view::outline::Outline;

impl Piecewise {
    /// How many points are not after t.
    fn passed(&self, t: f64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.point(middle).0 <= t { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Whether α jumps at a point.
    fn jumps(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return false };
        let ((time, alpha), (then, next)) = (self.point(before), self.point(index));
        alpha != next && (time == then || self.is_step(before))
    }
}

impl Outline for Piecewise {
    fn changes(&self, a: f64, b: f64) -> f64 {
        (self.passed(b) - self.passed(a)) as f64
    }

    fn range(&self, a: f64, b: f64, ends: (f64, f64)) -> (f64, f64) {
        let first = (smaller(ends.0, ends.1), larger(ends.0, ends.1));
        let points = self.passed(a)..self.passed(b);
        points
            .map(|index| self.point(index).1)
            .fold(first, |(low, high), alpha| (smaller(low, alpha), larger(high, alpha)))
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let (first, last) = (self.passed(a), self.passed(b));
        let (mut from, mut sum) = (a, 0.0);
        for index in first..=last {
            let to = if index < last { self.point(index).0 } else { b };
            sum += integral(from, to, |t| value(|times, out| self.fill(times, out), t));
            from = to;
        }
        sum / (b - a)
    }

    fn seams(&self, a: f64, b: f64) -> f64 {
        let jumps = (self.passed(a)..self.passed(b)).filter(|index| self.jumps(*index));
        jumps.count() as f64
    }
}
