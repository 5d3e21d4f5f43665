//! The way from one point to the next.

use crate::curve::{map, staged};
use crate::math::{
    Arch, Double, Ease, LANES, NONE, PerSquare, difference, exp2_minus_1, exp2_times, log2_of,
    one_minus_sqrt, quotient, ratio, rex, short_inverse, smaller, trimmed,
};

/// The number of times that the widest registers take.
pub(super) const WIDE: usize = 8;

/// A time and its value, and the way to the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    time: f64,
    time_low: f64,
    pub(super) alpha: f64,
    way: Way,
}

/// An ease, with what the ends of a piece decide.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The value of the earlier end.
    Step,
    Linear {
        /// What it does from its lower end to its higher one, with the sign of time there.
        rise: f64,
        /// 1/(to − from), if that has few digits. Else 0.
        inverse: f64,
    },
    Cosine(Arch),
    Sqrt,
    OneMinusSqrt,
    Square(PerSquare),
    Rex,
    Exponential,
    Geometric {
        /// log₂(high/low)
        octaves: Double,
    },
}

impl Point {
    /// A point at which everything stays as it is.
    pub(super) fn new(time: Double, alpha: f64) -> Self {
        let (time, time_low) = time.parts();
        Self { time, time_low, alpha, way: Way::Step }
    }

    pub(super) fn is_step(&self) -> bool {
        matches!(self.way, Way::Step)
    }

    /// The same with a way to another point.
    ///
    /// A geometric way needs two values that are normal numbers; any other one is made linear.
    pub(super) fn to(self, next: Self, ease: Ease) -> Self {
        let piece = Piece::between(self, next);
        Self { way: piece.way_by(ease), ..self }
    }
}

/// What lies between two points. A fall is a rise in a time that runs backwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    way: Way,
    /// 1, or −1 if time runs backwards.
    direction: f64,
    /// Where its lower value is, and its higher one, in that time.
    from: f64,
    from_low: f64,
    to: f64,
    to_low: f64,
    /// to − from
    span: f64,
    span_low: f64,
    low: f64,
    high: f64,
}

impl Piece {
    #[inline(always)]
    pub(super) fn between(before: Point, after: Point) -> Self {
        let (length, rest) = difference(after.time, before.time);
        let rest = rest + (after.time_low - before.time_low);
        let span = length + rest;
        let rises = before.alpha < after.alpha;
        let (lower, higher) = if rises { (before, after) } else { (after, before) };
        let direction = if rises { 1.0 } else { -1.0 };
        Self {
            way: before.way,
            direction,
            from: lower.time * direction,
            from_low: lower.time_low * direction,
            to: higher.time * direction,
            to_low: higher.time_low * direction,
            span,
            span_low: rest - (span - length),
            low: lower.alpha,
            high: higher.alpha,
        }
    }

    fn way_by(&self, ease: Ease) -> Way {
        let Self { low, high, span, .. } = *self;
        match ease {
            Ease::Geometric if low >= f64::MIN_POSITIVE => {
                let [low, high] = [low, high].map(|alpha| log2_of(Double::from(alpha)));
                Way::Geometric { octaves: high + -low }
            }
            Ease::Linear | Ease::Geometric => {
                // Rounded up, so that the end is reached: then only what is beyond it needs care.
                let rise = high - low;
                let rise = if low + rise < high { rise.next_up() } else { rise };
                Way::Linear { rise: self.direction * rise, inverse: short_inverse(span) }
            }
            Ease::Cosine => Way::Cosine(Arch::over(span)),
            Ease::Sqrt => Way::Sqrt,
            Ease::OneMinusSqrt => Way::OneMinusSqrt,
            Ease::Square => Way::Square(PerSquare::nearest(high - low, span)),
            Ease::Rex => Way::Rex,
            Ease::Exponential => Way::Exponential,
            Ease::Step => Way::Step,
        }
    }

    /// Whether a time or the length has more digits than a float.
    pub(super) fn is_rounded(&self) -> bool {
        self.from_low != 0.0 || self.to_low != 0.0 || self.span_low != 0.0
    }

    /// α at each time, all of which belong to it; or, if `FROM_START`, at those from `start` on.
    /// `ROUNDED` must be true if [`Self::is_rounded`], and the same for all pieces of a curve.
    #[inline(always)]
    pub(super) fn fill<const ROUNDED: bool, const FROM_START: bool>(
        &self,
        start: f64,
        times: &[f64],
        out: &mut [f64],
    ) {
        // One loop for each way: within one loop the compiler would choose each time.
        macro_rules! fill {
            (|$t:ident| $alpha:expr) => {
                for (alpha, &$t) in out.iter_mut().zip(times) {
                    let now = $alpha;
                    *alpha = if !FROM_START || $t >= start { now } else { *alpha };
                }
            };
        }
        macro_rules! fill_by {
            (|$passed:ident, $left:ident| $v:expr) => {
                fill!(|t| {
                    let [($passed, _), ($left, _)] = self.distances::<ROUNDED>(t);
                    self.on_the_way($v)
                })
            };
        }
        let span = self.span;
        match self.way {
            Way::Step => {
                let alpha = if self.direction > 0.0 { self.low } else { self.high };
                fill!(|t| alpha)
            }
            // One time has its quotient sooner from the CPU.
            Way::Linear { rise, inverse } if !ROUNDED && inverse > 0.0 && times.len() > 1 => {
                let from = self.direction * self.from;
                macro_rules! line {
                    ($t:expr) => {
                        smaller(self.low + quotient($t - from, span, inverse) * rise, self.high)
                    };
                }
                match FROM_START {
                    true => fill!(|t| line!(t)),
                    false => staged!(
                        times,
                        out,
                        |times, values| map!(times.iter().copied(), values, |t| line!(t)),
                        |t| line!(t)
                    ),
                }
            }
            Way::Linear { rise, .. } => {
                let [from, from_low] = [self.from, self.from_low].map(|t| self.direction * t);
                let lost = self.span_low / span;
                fill!(|t| {
                    // Signs change no digit: time may run forwards.
                    let (passed, rest) = difference(t, from);
                    let passed = match ROUNDED {
                        true => passed + ((rest - from_low) - passed * lost),
                        false => passed,
                    };
                    smaller(self.low + passed / span * rise, self.high)
                })
            }
            Way::Square(square) => fill!(|t| {
                let [(passed, _), _] = self.distances::<ROUNDED>(t);
                self.up_to_high(passed < span, self.low + square.of(passed))
            }),
            Way::Cosine(arch) => {
                let part = |t| arch.part(self.distances::<ROUNDED>(t));
                let at = |part, low| self.on_the_way(arch.at::<ROUNDED>(part, low));
                let (mut parts, mut lows) = (NONE, NONE);
                let (many, times) = times.as_chunks::<LANES>();
                let (many_out, out) = out.as_chunks_mut::<LANES>();
                for (times, out) in many.iter().zip(many_out) {
                    for lane in 0..LANES {
                        (parts[lane], lows[lane]) = part(times[lane]);
                    }
                    for lane in 0..LANES {
                        let now = at(parts[lane], lows[lane]);
                        let is_here = !FROM_START || times[lane] >= start;
                        out[lane] = if is_here { now } else { out[lane] };
                    }
                }
                for (alpha, &t) in out.iter_mut().zip(times) {
                    let (part, low) = part(t);
                    let now = at(part, low);
                    *alpha = if !FROM_START || t >= start { now } else { *alpha };
                }
            }
            Way::Sqrt => fill_by!(|passed, _left| (passed / span).sqrt()),
            Way::OneMinusSqrt => fill_by!(|passed, left| one_minus_sqrt(passed, left, span)),
            Way::Rex => fill_by!(|passed, _left| rex(passed, span)),
            Way::Exponential => fill_by!(|passed, _left| exp2_minus_1(passed / span)),
            Way::Geometric { octaves } => fill!(|t| self.geometric(octaves, t)),
        }
    }

    /// low + (high − low)·v, exact for v = 0 and v = 1.
    #[inline(always)]
    fn on_the_way(&self, v: f64) -> f64 {
        self.up_to_high(v < 1.0, self.low + (self.high - self.low) * v)
    }

    /// A value on the way, which rounding may have put beyond its end; and that end.
    #[inline(always)]
    fn up_to_high(&self, is_before: bool, alpha: f64) -> f64 {
        if is_before { smaller(alpha, self.high) } else { self.high }
    }

    /// How far t is from the lower end, and from the higher one: rounded once, and the rest.
    #[inline(always)]
    fn distances<const ROUNDED: bool>(&self, t: f64) -> [(f64, f64); 2] {
        let t = self.direction * t;
        if !ROUNDED {
            return [(t - self.from, 0.0), (self.to - t, 0.0)];
        }
        // What the float of the span lacks, the distances leave out in proportion.
        let lost = self.span_low / self.span;
        let exactly = |(distance, rest): (f64, f64), low: f64| {
            let rest = (rest + low) - distance * lost;
            let sum = distance + rest;
            (sum, rest - (sum - distance))
        };
        [
            exactly(difference(t, self.from), -self.from_low),
            exactly(difference(self.to, t), self.to_low),
        ]
    }

    /// x, the way from the lower end to the higher one, as a sum of two floats.
    #[inline(always)]
    fn part_exactly(&self, t: f64) -> (f64, f64) {
        let (first, rest) = difference(self.direction * t, self.from);
        let rest = rest - self.from_low;
        let passed = first + rest;
        let passed_low = rest - (passed - first);
        ratio((passed, passed_low), (self.span, self.span_low), 1.0 / self.span)
    }

    /// low·(high/low)^x, by an exponent of twice a float's precision.
    #[inline(always)]
    fn geometric(&self, octaves: Double, t: f64) -> f64 {
        let (x, x_low) = self.part_exactly(t);
        let (octaves, octaves_low) = octaves.parts();
        let (x_high, octaves_high) = (trimmed(x), trimmed(octaves));
        let more = x_high * ((octaves - octaves_high) + octaves_low);
        let more = more + ((x - x_high) + x_low) * octaves;
        self.up_to_high(x < 1.0, exp2_times(self.low, x_high * octaves_high, more))
    }
}
