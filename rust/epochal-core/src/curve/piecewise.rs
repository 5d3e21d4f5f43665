//! Values at given times, and the ways between them.

use crate::bulk::span::{CHUNK, bounds};
use crate::curve::ladder::Ladder;
use crate::curve::{Formula, Node};
use crate::error::{Error, Result};
use crate::math::{
    Arch, Double, Ease, LANES, NONE, difference, eased, exp2_times, log2_of, ratio, smaller,
    trimmed,
};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

impl Resolve for nodes::Piecewise {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let reading = phase.length(self.points[0].0).reading;
        let mut points: Vec<(Double, f64)> = Vec::with_capacity(self.points.len());
        for (time, value) in &self.points {
            let at = phase.length(*time).on(reading, phase.run)?;
            if let Some((last, _)) = points.last()
                && last.rounded() > at.rounded()
            {
                let expected = "in the order of their times";
                let got = format_args!("'{time}' after a later one in a {}", phase.run);
                return Err(Error::invalid("points", expected, got));
            }
            points.push((at, *value));
        }
        let eases = match self.shape[..] {
            [ease] => &vec![ease; points.len() - 1],
            _ => &self.shape,
        };
        let formula = Formula::Piecewise(Piecewise::new(points, eases));
        Ok(Node::Formula { reading, formula })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.points[0].0)
    }

    fn check(&self) -> Result<()> {
        let (points, shapes) = (self.points.len(), self.shape.len());
        if shapes != 1 && shapes != points - 1 {
            let expected = format!("one shape, or one for each of the {} pieces", points - 1);
            return Err(Error::invalid("shape", expected, shapes));
        }
        for (index, pair) in self.points.windows(2).enumerate() {
            let ease = *self.shape.get(index).unwrap_or(&self.shape[0]);
            check_ends(ease, "points", pair[0].1, pair[1].1)?;
        }
        Ok(())
    }
}

/// A geometric piece has no end at 0.
pub(crate) fn check_ends(ease: Ease, name: &str, one: f64, other: f64) -> Result<()> {
    match ease == Ease::Geometric && (one == 0.0 || other == 0.0) {
        true => Err(Error::invalid(name, "above zero at both ends of a 'geometric' piece", "0.0")),
        false => Ok(()),
    }
}

/// The first value before the first point, the last one after the last, and between two points in
/// a row a way from one value to the other.
///
/// At its time a point's own value holds; of several points at one time, that of the last.
#[derive(Clone, Debug)]
pub(crate) struct Piecewise {
    /// In order. The first and the last one stand twice: every time is between two in a row.
    points: Vec<Point>,
    /// For each two in a row.
    eases: Vec<Ease>,
    /// log₂(high/low) for each two in a row, in two parts; none if that counts nowhere.
    octaves: Vec<(f64, f64)>,
    /// The first float of each point.
    ladder: Ladder,
    /// Whether a time or a length has more digits than a float.
    is_rounded: bool,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    time: f64,
    time_low: f64,
    alpha: f64,
}

impl Piecewise {
    /// Points in order (times never decrease), at least one, and the ease from each to the next.
    ///
    /// Geometric ways lead between values above 0; others are made linear.
    pub(crate) fn new(points: Vec<(Double, f64)>, eases: &[Ease]) -> Self {
        let ladder = Ladder::new(points.iter().map(|(time, _)| time.rounded_up()).collect());
        let points: Vec<Point> = [&points[..1], &points[..], &points[points.len() - 1..]]
            .concat()
            .into_iter()
            .map(Point::from)
            .collect();
        let mut eases = [&[Ease::Step], eases, &[Ease::Step]].concat();
        for (ease, ends) in eases.iter_mut().zip(points.windows(2)) {
            if ends[0].alpha.min(ends[1].alpha) < f64::MIN_POSITIVE && *ease == Ease::Geometric {
                *ease = Ease::Linear;
            }
        }
        let mut octaves = Vec::new();
        if eases.contains(&Ease::Geometric) {
            let log = |point: &Point| log2_of(Double::from(point.alpha.max(f64::MIN_POSITIVE)));
            octaves.extend(points.windows(2).map(|ends| {
                let (octaves, rest) = (log(&ends[0]) + -log(&ends[1])).parts();
                (octaves.abs(), if octaves < 0.0 { -rest } else { rest })
            }));
        }
        let is_rounded = |ends: &[Point]| Piece::between(ends[0], ends[1]).is_rounded();
        let is_rounded = points.windows(2).any(is_rounded);
        Self { points, eases, octaves, ladder, is_rounded }
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.points.len() - 2
    }

    /// The first float of a point, and its value.
    pub(crate) fn point(&self, index: usize) -> (f64, f64) {
        (self.ladder.time(index + 1), self.points[index + 1].alpha)
    }

    /// The way from a point to the next one.
    pub(crate) fn ease(&self, index: usize) -> Ease {
        self.eases[index + 1]
    }

    pub(crate) fn most(&self) -> f64 {
        self.points.iter().map(|point| point.alpha).fold(0.0, f64::max)
    }

    /// α at each time.
    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        if self.is_rounded {
            self.fill_by::<true>(times, out);
        } else {
            self.fill_by::<false>(times, out);
        }
    }

    /// A few times after the other: those that lie in one piece, as many as follow each other; or
    /// those of one chunk.
    #[inline(always)]
    fn fill_by<const ROUNDED: bool>(&self, times: &[f64], out: &mut [f64]) {
        let chunk = |start: usize| bounds(&times[start..times.len().min(start + CHUNK)]);
        let (mut start, mut last, mut within) = (0, 0, chunk(0));
        while start < times.len() {
            let first = self.ladder.reached(within.0, last);
            last = self.ladder.reached(within.1, first);
            let mut end = start;
            loop {
                end = times.len().min(end + CHUNK);
                within = chunk(end);
                let goes_on = self.ladder.time(first) <= within.0
                    && within.1 < self.ladder.time(first + 1)
                    && first == last;
                if end == times.len() || !goes_on {
                    break;
                }
            }
            self.fill_pieces::<ROUNDED>((first, last), &times[start..end], &mut out[start..end]);
            start = end;
        }
    }

    /// The same for times in these pieces: a few pieces are laid one over the other; where there
    /// are more, each time has its own looked up. Several pieces make one chunk at most.
    #[inline(always)]
    fn fill_pieces<const ROUNDED: bool>(
        &self,
        (first, last): (usize, usize),
        times: &[f64],
        out: &mut [f64],
    ) {
        /// As many pieces take as long as the look-ups of a chunk.
        const FEW: usize = 8;
        let mut indices = [0; CHUNK];
        let others = last.saturating_sub(first);
        if others > FEW {
            self.ladder.search((first, last), times, &mut indices);
        } else {
            self.fill_piece::<ROUNDED, false>(first, times, out);
        }
        for number in 0..if others > FEW { times.len() } else { others } {
            let (index, range) = match others > FEW {
                true => (indices[number], number..number + 1),
                false => (first + 1 + number, 0..times.len()),
            };
            self.fill_piece::<ROUNDED, true>(index, &times[range.clone()], &mut out[range]);
        }
    }

    /// α of one piece at each time, or from the start of the piece on.
    #[inline(always)]
    fn fill_piece<const ROUNDED: bool, const FROM_START: bool>(
        &self,
        index: usize,
        times: &[f64],
        out: &mut [f64],
    ) {
        let piece = Piece::between(self.points[index], self.points[index + 1]);
        let start = self.ladder.time(index);
        /// One loop for each ease: the compiler makes no such choice outside of a loop.
        macro_rules! fill {
            (|$t:ident| $alpha:expr) => {
                for (alpha, &t) in out.iter_mut().zip(times) {
                    let $t = piece.direction * t;
                    let now = $alpha;
                    *alpha = if !FROM_START || t >= start { now } else { *alpha };
                }
            };
        }
        macro_rules! fill_eased {
            ($ease:expr) => {
                fill!(|t| piece.on_the_way(eased($ease, piece.distances::<ROUNDED>(t), piece.span)))
            };
        }
        match self.eases[index] {
            Ease::Step => fill!(|_t| piece.earlier()),
            Ease::Linear => {
                let slope = (piece.high - piece.low) / piece.span;
                fill!(|t| {
                    let (passed, _) = piece.distances::<ROUNDED>(t);
                    piece.up_to_high(passed < piece.span, piece.low + passed * slope)
                })
            }
            Ease::Cosine => {
                let arch = Arch::over(piece.span);
                let mut parts = NONE;
                for (times, out) in times.chunks(LANES).zip(out.chunks_mut(LANES)) {
                    for (part, &t) in parts.iter_mut().zip(times) {
                        *part = arch.part(piece.distances::<ROUNDED>(piece.direction * t));
                    }
                    for ((alpha, part), &t) in out.iter_mut().zip(&parts).zip(times) {
                        let now = piece.on_the_way(arch.at(*part));
                        *alpha = if !FROM_START || t >= start { now } else { *alpha };
                    }
                }
            }
            Ease::Sqrt => fill_eased!(Ease::Sqrt),
            Ease::OneMinusSqrt => fill_eased!(Ease::OneMinusSqrt),
            Ease::Square => fill_eased!(Ease::Square),
            Ease::Rex => fill_eased!(Ease::Rex),
            Ease::Exponential => fill_eased!(Ease::Exponential),
            Ease::Geometric => {
                let octaves = self.octaves[index];
                fill!(|t| piece.geometric(octaves, t))
            }
        }
    }
}

impl From<(Double, f64)> for Point {
    fn from((time, alpha): (Double, f64)) -> Self {
        let (time, time_low) = time.parts();
        Self { time, time_low, alpha }
    }
}

/// What lies between two points. A fall is a rise in a time that runs backwards.
#[derive(Clone, Copy, Debug)]
struct Piece {
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
    fn between(before: Point, after: Point) -> Self {
        let (length, rest) = difference(after.time, before.time);
        let rest = rest + (after.time_low - before.time_low);
        let span = length + rest;
        let rises = before.alpha < after.alpha;
        let (lower, higher) = if rises { (before, after) } else { (after, before) };
        let direction = if rises { 1.0 } else { -1.0 };
        Self {
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

    fn is_rounded(&self) -> bool {
        self.from_low != 0.0 || self.to_low != 0.0 || self.span_low != 0.0
    }

    /// Its value at the earlier end.
    #[inline(always)]
    fn earlier(&self) -> f64 {
        if self.direction > 0.0 { self.low } else { self.high }
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

    /// How far t is from the lower end, and from the higher one; each rounded once.
    #[inline(always)]
    fn distances<const ROUNDED: bool>(&self, t: f64) -> (f64, f64) {
        if !ROUNDED {
            return (t - self.from, self.to - t);
        }
        // What the float of the span lacks, the distances leave out in proportion.
        let lost = self.span_low / self.span;
        let (passed, rest) = difference(t, self.from);
        let passed = passed + ((rest - self.from_low) - passed * lost);
        let (left, rest) = difference(self.to, t);
        (passed, left + ((rest + self.to_low) - left * lost))
    }

    /// low·(high/low)^x, by an exponent of twice a float's precision.
    #[inline(always)]
    fn geometric(&self, (octaves, octaves_low): (f64, f64), t: f64) -> f64 {
        let (first, rest) = difference(t, self.from);
        let rest = rest - self.from_low;
        let passed = first + rest;
        let passed_low = rest - (passed - first);
        let (x, x_low) = ratio((passed, passed_low), (self.span, self.span_low), 1.0 / self.span);
        let (x_high, octaves_high) = (trimmed(x), trimmed(octaves));
        let more = x_high * ((octaves - octaves_high) + octaves_low);
        let more = more + ((x - x_high) + x_low) * octaves;
        self.up_to_high(x < 1.0, exp2_times(self.low, x_high * octaves_high, more))
    }
}
