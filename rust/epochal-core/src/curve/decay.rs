//! The remaining part of a decay.

use crate::curve::reading::Reading;
use crate::error::Result;
use crate::math::{Double, larger, ratio, smaller, smaller_part};
use crate::schedule::phase::Phase;
use crate::time::Time;

/// A decay from w to T. Both have more digits than a float: near the ends these count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decay {
    start: f64,
    start_low: f64,
    end: f64,
    end_low: f64,
    /// T − w
    span: f64,
    span_low: f64,
    /// 1/(T − w), or 0 where that leaves the range of floats.
    inverse: f64,
    /// The first float that is not before T.
    last: f64,
}

impl Decay {
    /// A decay that never begins.
    pub(crate) const NEVER: Self = Self {
        start: f64::INFINITY,
        start_low: 0.0,
        end: f64::INFINITY,
        end_low: 0.0,
        span: 1.0,
        span_low: 0.0,
        inverse: 1.0,
        last: f64::INFINITY,
    };

    /// The decay from the start of a phase to its T, and the reading it runs on.
    pub(crate) fn of(phase: &Phase<'_>, t_max: Time) -> Result<(Reading, Self)> {
        let reading = phase.length(t_max).reading;
        let (start, end) = phase.bounds("t_max", t_max, reading)?;
        Ok((reading, Self::new(start, end)))
    }

    /// From w to T. If T is not after w, the decay never begins.
    pub(crate) fn new(start: Double, end: Double) -> Self {
        if end.rounded() > start.rounded() {
            Self::lasting(start, end, end + -start)
        } else {
            Self::NEVER
        }
    }

    /// The same for a length that is known more exactly than the difference of the ends.
    pub(crate) fn lasting(start: Double, end: Double, span: Double) -> Self {
        let ((start, start_low), (end_high, end_low)) = (start.parts(), end.parts());
        let (span, span_low) = span.parts();
        let inverse = if span > 1e-290 { 1.0 / span } else { 0.0 };
        let last = end.rounded_up();
        Self { start, start_low, end: end_high, end_low, span, span_low, inverse, last }
    }

    /// Whether a length has more digits than a float.
    pub(crate) fn is_rounded(&self) -> bool {
        self.start_low != 0.0 || self.end_low != 0.0 || self.span_low != 0.0
    }

    /// u = (T − t)/(T − w), the remaining part: 1 before the decay begins, 0 after its end.
    #[inline(always)]
    pub(crate) fn remaining(self, t: f64) -> f64 {
        smaller(self.until_end(t) / self.span, 1.0)
    }

    /// The same, if no length is rounded.
    #[inline(always)]
    pub(crate) fn remaining_of_floats(self, t: f64) -> f64 {
        smaller(larger(self.end - t, 0.0) / self.span, 1.0)
    }

    /// The first stage of sin²(½πu), if no length is rounded.
    #[inline(always)]
    pub(crate) fn smaller_part(self, t: f64) -> f64 {
        smaller_part(larger(self.end - t, 0.0), larger(t - self.start, 0.0), self.span)
    }

    /// T − t, rounded once; 0 from the end on. No number if nothing ever passes.
    #[inline(always)]
    pub(crate) fn until_end(self, t: f64) -> f64 {
        let left = self.end - t;
        // The rounding error of the difference is exact until the end.
        let left = left + (((self.end - left) - t) + self.end_low);
        if left < 0.0 { 0.0 } else { left }
    }

    /// u as a sum of two floats; the first is the float nearest to u.
    #[inline(always)]
    pub(crate) fn remaining_exactly(self, t: f64) -> (f64, f64) {
        let t = smaller(t, self.last);
        let first = self.end - t;
        let more = ((self.end - first) - t) + self.end_low;
        let left = first + more;
        let left_low = more - (left - first);
        let (u, u_low) = ratio((left, left_low), (self.span, self.span_low), self.inverse);
        // A decay that never begins gives NaN, and u is 1.
        let bound = if u <= 0.0 { 0.0 } else { 1.0 };
        let within = 0.0 < u && (u < 1.0 || (u == 1.0 && u_low < 0.0));
        (if within { u } else { bound }, if within { u_low } else { 0.0 })
    }
}

/// What there is to see of what decays.
impl Decay {
    /// Its beginning and its end, if they are in (a, b].
    pub(crate) fn changes(&self, a: f64, b: f64) -> f64 {
        let passed = |t: f64| f64::from(a < t && t <= b);
        passed(self.start) + passed(self.last)
    }

    /// Where it begins and ends, as far as that is in [a, b].
    pub(crate) fn within(&self, a: f64, b: f64) -> (f64, f64) {
        (self.start.clamp(a, b), self.end.clamp(a, b))
    }

    /// The mean in [a, b] of a function of u: from `first`, what it is at 1, to `last`, what it is
    /// at 0. `integral` is that of the function from one u to a larger one.
    pub(crate) fn mean(
        &self,
        (a, b): (f64, f64),
        (first, last): (f64, f64),
        integral: impl Fn(f64, f64) -> f64,
    ) -> f64 {
        let (start, end) = self.within(a, b);
        let falling = self.span * integral(self.remaining(end), self.remaining(start));
        ((start - a) * first + falling + (b - end) * last) / (b - a)
    }
}
