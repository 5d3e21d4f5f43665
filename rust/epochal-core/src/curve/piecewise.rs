//! Values at given times, and the ways between them.

use crate::bulk::span::{Block, CHUNK, Chunks, count_before};
use crate::curve::ladder::Ladder;
use crate::curve::piece::{Piece, Point, WIDE};
use crate::curve::{Formula, Node};
use crate::error::{Error, Result};
use crate::math::{Double, Ease};
use crate::schedule::phase::{Phase, is_near};
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

impl Resolve for nodes::Piecewise {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let reading = phase.length(self.points[0].0).reading;
        let mut points: Vec<(Double, f64)> = Vec::with_capacity(self.points.len());
        for (time, value) in &self.points {
            let at = phase.length(*time).on(reading, phase.run)?;
            // From behind, since those before are in order.
            for ((before, _), (last, _)) in self.points.iter().zip(&mut points).rev() {
                if last.rounded() <= at.rounded() {
                    break;
                }
                if !is_near(*last, at, *last) {
                    let expected = "in the order of their times";
                    let got = format_args!("'{time}' after '{before}' in a {}", phase.run);
                    return Err(Error::invalid("points", expected, got));
                }
                *last = at;
            }
            points.push((at, *value));
        }
        let formula = Formula::Piecewise(Piecewise::new(points, &self.eases()?));
        Ok(Node::Formula { reading, formula })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.points[0].0)
    }

    fn check(&self) -> Result<()> {
        for (ease, ends) in self.eases()?.into_iter().zip(self.points.windows(2)) {
            check_ends(ease, "points", ends[0].1, ends[1].1)?;
        }
        Ok(())
    }
}

impl nodes::Piecewise {
    fn eases(&self) -> Result<Vec<Ease>> {
        let pieces = self.points.len() - 1;
        self.shape.of_pieces(pieces).ok_or_else(|| {
            let expected = format!("one shape, or a list of one for each of the {pieces} pieces");
            Error::invalid("shape", expected, format_args!("another number of them"))
        })
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
    /// In order. The first and the last one stand twice, so that every time is between two in a row.
    points: Vec<Point>,
    /// The first float of each point.
    ladder: Ladder,
    /// Whether a time or a length has more digits than a float.
    is_rounded: bool,
}

impl Piecewise {
    /// Points in order (times never decrease), at least one, and the ease from each to the next.
    pub(crate) fn new(points: Vec<(Double, f64)>, eases: &[Ease]) -> Self {
        /// No counter gets there, and lengths up to it are finite.
        const FARTHEST: f64 = 1e300;
        let time = |(time, _): &(Double, f64)| {
            if time.rounded() < FARTHEST { *time } else { Double::from(FARTHEST) }
        };
        let ladder = Ladder::new(points.iter().map(|point| time(point).rounded_up()).collect());
        let points = points.iter().map(|point| Point::new(time(point), point.1));
        let mut points: Vec<Point> = points.collect();
        points.insert(0, points[0]);
        points.push(points[points.len() - 1]);
        for (index, ease) in eases.iter().enumerate() {
            points[index + 1] = points[index + 1].to(points[index + 2], *ease);
        }
        let is_rounded = |ends: &[Point]| Piece::between(ends[0], ends[1]).is_rounded();
        let is_rounded = points.windows(2).any(is_rounded);
        Self { points, ladder, is_rounded }
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.points.len() - 2
    }

    /// The first float of a point, and its value.
    pub(crate) fn point(&self, index: usize) -> (f64, f64) {
        (self.ladder.time(index + 1), self.points[index + 1].alpha)
    }

    /// Whether the value of a point stays until the next one.
    pub(crate) fn is_step(&self, index: usize) -> bool {
        self.points[index + 1].is_step()
    }

    pub(crate) fn most(&self) -> f64 {
        self.points.iter().map(|point| point.alpha).fold(0.0, f64::max)
    }

    /// α at each time.
    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        match (&*times, out) {
            ([t], [alpha]) => *alpha = self.in_piece(self.ladder.reached(*t, 0), *t),
            (_, out) if self.is_rounded => self.fill_by::<true>(times, out),
            (_, out) => self.fill_by::<false>(times, out),
        }
    }

    /// α at one time of a piece. Never inlined, since it is long.
    #[inline(never)]
    fn in_piece(&self, index: usize, t: f64) -> f64 {
        let mut alpha = [0.0];
        match self.is_rounded {
            true => self.fill_piece::<true, false>(index, &[t], &mut alpha),
            false => self.fill_piece::<false, false>(index, &[t], &mut alpha),
        }
        alpha[0]
    }

    /// Times in order go from piece to piece. Of others, those of a chunk are looked at together.
    #[inline(always)]
    fn fill_by<const ROUNDED: bool>(&self, times: Block<'_>, out: &mut [f64]) {
        if !times.is_sorted() {
            let mut last = 0;
            for (times, (low, high), out) in Chunks::new(times, out) {
                let first = self.ladder.reached(low, last);
                last = self.ladder.reached(high, first);
                self.fill_pieces::<ROUNDED>((first, last), &times, out);
            }
            return;
        }
        let (mut times, mut out) = (&*times, out);
        let mut index = times.first().map_or(0, |first| self.ladder.guess(*first));
        while let Some(&first) = times.first() {
            index = self.ladder.reached(first, index);
            let len = count_before(self.ladder.time(index + 1), times);
            // Whole registers are filled; what belongs to the next piece, that fills in anew.
            let whole = len.next_multiple_of(WIDE).min(times.len());
            self.fill_piece::<ROUNDED, false>(index, &times[..whole], &mut out[..whole]);
            (times, out, index) = (&times[len..], &mut out[len..], index + 1);
        }
    }

    /// A chunk of times in these pieces: a few pieces are laid one over the other; where there are
    /// more, each time has its own looked up.
    #[inline(always)]
    fn fill_pieces<const ROUNDED: bool>(
        &self,
        (first, last): (usize, usize),
        times: &[f64],
        out: &mut [f64],
    ) {
        /// More pieces would take longer than the look-ups of a chunk.
        const FEW: usize = 8;
        if last > first + FEW {
            let mut indices = [0; CHUNK];
            self.ladder.search((first, last), times, &mut indices);
            for ((alpha, index), t) in out.iter_mut().zip(indices).zip(times) {
                *alpha = self.in_piece(index, *t);
            }
            return;
        }
        self.fill_piece::<ROUNDED, false>(first, times, out);
        for index in first + 1..last + 1 {
            self.fill_piece::<ROUNDED, true>(index, times, out);
        }
    }

    /// α of one piece at each time, or at those from its start on.
    #[inline(always)]
    fn fill_piece<const ROUNDED: bool, const FROM_START: bool>(
        &self,
        index: usize,
        times: &[f64],
        out: &mut [f64],
    ) {
        let piece = Piece::between(self.points[index], self.points[index + 1]);
        piece.fill::<ROUNDED, FROM_START>(self.ladder.time(index), times, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EASES: [Ease; 9] = {
        let mut eases = [Ease::Linear; 9];
        let mut index = 0;
        while index < 9 {
            eases[index] = Ease::TABLE[index].0;
            index += 1;
        }
        eases
    };

    /// Starts and ends of pieces: whole, other floats, and of two floats.
    fn ends() -> [(Double, Double); 5] {
        let pair = |high: f64, low: f64| Double::from(high) + Double::from(low);
        [
            (Double::ZERO, Double::from(977.0)),
            (Double::from(100.0), Double::from(1e15)),
            (Double::from(0.1), Double::from(1e6 / 3.0)),
            (pair(977.0 * 0.3, 1.3e-14), pair(2345.6, -2.2e-13)),
            (pair(1.0 / 3.0, 1.8e-17), pair(2.0 / 3.0, 3.7e-17)),
        ]
    }

    fn at(piecewise: &Piecewise, t: f64) -> f64 {
        let mut alpha = [f64::NAN];
        piecewise.fill((&[t][..]).into(), &mut alpha);
        alpha[0]
    }

    fn two(ends: (Double, Double), values: (f64, f64), ease: Ease) -> Piecewise {
        Piecewise::new(vec![(ends.0, values.0), (ends.1, values.1)], &[ease])
    }

    #[test]
    fn points_have_their_own_values() {
        let mut values = vec![0.0, 1.0, 0.1, 0.7, 1e-9, 3.0, 5e-324, 1e300, f64::MIN_POSITIVE];
        // Of some of these the sum of the lower one and the difference is not the higher one.
        values.extend((1..40).map(|n| 1.0 / f64::from(n * 7)));
        for ease in EASES {
            for ends in ends() {
                for (first, second) in
                    values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b)))
                {
                    let piecewise = two(ends, (first, second), ease);
                    let (start, end) = (ends.0.rounded_up(), ends.1.rounded_up());
                    assert_eq!(at(&piecewise, 0.0), first, "{piecewise:?}");
                    assert_eq!([end, f64::MAX].map(|t| at(&piecewise, t)), [second; 2]);
                    if ends.0.parts().1 == 0.0 {
                        assert_eq!(at(&piecewise, start), first, "{piecewise:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_last_of_several_points_at_one_time_holds() {
        for ease in EASES {
            let points = [(0.0, 1.0), (5.0, 0.5), (5.0, 0.7), (5.0, 0.2), (8.0, 0.3), (8.0, 0.9)];
            let points = points.map(|(time, value)| (Double::from(time), value)).to_vec();
            let piecewise = Piecewise::new(points, &[ease; 5]);
            assert_eq!([0.0, 5.0, 8.0, 9.0].map(|t| at(&piecewise, t)), [1.0, 0.2, 0.9, 0.9]);
            assert!((0.5..=1.0).contains(&at(&piecewise, 5f64.next_down())));
            assert!((0.2..=0.3).contains(&at(&piecewise, 8f64.next_down())));
        }
    }

    #[test]
    fn pieces_go_by_their_shapes() {
        let half = |ease| at(&two((Double::ZERO, Double::from(2.0)), (0.0, 1.0), ease), 1.0);
        let root_half = 0.5f64.sqrt();
        for (ease, exact) in [
            (Ease::Linear, 0.5),
            (Ease::Cosine, 0.5),
            (Ease::Sqrt, root_half),
            (Ease::OneMinusSqrt, 1.0 - root_half),
            (Ease::Square, 0.25),
            (Ease::Rex, 2.0 / 3.0),
            (Ease::Exponential, 2.0 * root_half - 1.0),
            (Ease::Step, 0.0),
        ] {
            assert!((half(ease) - exact).abs() <= f64::EPSILON / 2.0, "{ease:?}");
        }
        let geometric = two((Double::ZERO, Double::from(2.0)), (1e-3, 0.1), Ease::Geometric);
        assert!((at(&geometric, 1.0) / 1e-2 - 1.0).abs() <= f64::EPSILON);
    }

    /// Near the lower end every shape is a power of x times a number, and every digit counts.
    #[test]
    fn small_values_keep_their_digits() {
        const X: f64 = 9.094947017729282e-13; // 2^-40
        let rises = |ease| two((Double::ZERO, Double::from(1.0)), (0.0, 1.0), ease);
        let falls = |ease| two((Double::from(1.0), Double::from(2.0)), (1.0, 0.0), ease);
        let quarter_pi_squared = std::f64::consts::FRAC_PI_2.powi(2);
        for (ease, exact) in [
            (Ease::Linear, X),
            (Ease::Cosine, quarter_pi_squared * X * X),
            (Ease::Sqrt, X.sqrt()),
            (Ease::OneMinusSqrt, X / 2.0 * (1.0 + X / 4.0)),
            (Ease::Square, X * X),
            (Ease::Rex, 2.0 * X * (1.0 - X)),
            (Ease::Exponential, X * std::f64::consts::LN_2 * (1.0 + X * 0.34657359027997264)),
        ] {
            for alpha in [at(&rises(ease), X), at(&falls(ease), 2.0 - X)] {
                assert!((alpha / exact - 1.0).abs() <= 2.0 * f64::EPSILON, "{ease:?} {alpha:?}");
            }
        }
    }

    #[test]
    fn a_fall_mirrors_a_rise() {
        for ease in EASES.into_iter().filter(|ease| *ease != Ease::Step) {
            let ends = (Double::from(100.0), Double::from(1077.0));
            let (rise, fall) = (two(ends, (0.1, 0.9), ease), two(ends, (0.9, 0.1), ease));
            for t in 100..1077 {
                let mirrored = at(&fall, 1177.0 - f64::from(t));
                assert_eq!(at(&rise, f64::from(t)), mirrored, "{ease:?} {t}");
            }
        }
    }

    #[test]
    fn pieces_never_turn_back() {
        for ease in EASES {
            for ends in ends() {
                let (start, end) = (ends.0.rounded_up(), ends.1.rounded_up());
                for (low, high) in [(0.0, 1.0), (0.0, 0.3), (1e-9, 0.7), (0.7, 0.70001)] {
                    let (rise, fall) = (two(ends, (low, high), ease), two(ends, (high, low), ease));
                    for part in 0..200 {
                        // Neighbouring floats: at both ends, at the middle, anywhere.
                        let mut t = start + (end - start) * (f64::from(part) / 199.0);
                        let mut times = vec![];
                        for _ in 0..20 {
                            times.push(t.clamp(start, end));
                            t = if part == 199 { t.next_down() } else { t.next_up() };
                        }
                        times.sort_by(f64::total_cmp);
                        let mut out = vec![0.0; times.len()];
                        rise.fill((&times[..]).into(), &mut out);
                        assert!(out.is_sorted(), "{ease:?} {ends:?} {times:?} {out:?}");
                        assert!(out.iter().all(|alpha| (low..=high).contains(alpha)));
                        fall.fill((&times[..]).into(), &mut out);
                        assert!(out.is_sorted_by(|a, b| a >= b), "{ease:?} {ends:?} {times:?}");
                        assert!(out.iter().all(|alpha| (low..=high).contains(alpha)));
                    }
                }
            }
        }
    }

    /// Ways of looking at a block: one piece, few of them, many.
    #[test]
    fn blocks_have_the_bits_of_single_times() {
        let len = 1024;
        let sorted: Vec<f64> = (0..len).map(|n| n as f64 * 1.37).collect();
        let shuffled: Vec<f64> = (0..len).map(|n| sorted[n * 389 % len]).collect();
        for (count, low) in [(1, 0.0), (2, 0.0), (4, 1e-14), (40, 0.0), (700, 1e-14)] {
            let point = |n: usize| {
                let time = n as f64 * 1400.0 / count as f64;
                (Double::from(time) + Double::from(low), 0.01 + (n * 37 % 101) as f64 / 100.0)
            };
            let points: Vec<_> = (0..count).map(point).collect();
            let mixed: Vec<Ease> = EASES.into_iter().cycle().take(count - 1).collect();
            let alike = EASES.map(|ease| vec![ease; count - 1]);
            for eases in alike.iter().chain([&mixed]) {
                let piecewise = Piecewise::new(points.clone(), eases);
                for times in [&sorted, &shuffled] {
                    let mut out = vec![0.0; times.len()];
                    piecewise.fill((&times[..]).into(), &mut out);
                    for (t, alpha) in times.iter().zip(out) {
                        assert_eq!(alpha.to_bits(), at(&piecewise, *t).to_bits(), "{count} {t}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_longest_pieces_have_values() {
        for ease in EASES {
            for end in [1e20, 1e200, 1e300, f64::MAX, f64::INFINITY] {
                for values in [(0.2, 0.9), (0.9, 0.2)] {
                    let piecewise = two((Double::ZERO, Double::from(end)), values, ease);
                    for t in [0.0, 1.0, 1e19, 1e150, 1e299, f64::MAX] {
                        assert!((0.2..=0.9).contains(&at(&piecewise, t)), "{ease:?} {end} {t}");
                    }
                    assert_eq!(at(&piecewise, 0.0), values.0);
                }
            }
        }
    }

    /// Another thread may write a number that is not a time to an array after it was checked.
    #[test]
    fn no_time_is_beyond_the_last_piece() {
        for ease in EASES {
            for count in [1, 3, 100] {
                let points = (0..count).map(|n| (Double::from(f64::from(n)), 0.5)).collect();
                let piecewise = Piecewise::new(points, &vec![ease; count as usize - 1]);
                for t in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
                    for others in [t, 1.5] {
                        let mut times = [others; CHUNK + 1];
                        (times[0], times[CHUNK]) = (t, 99.5);
                        let mut out = [0.0; CHUNK + 1];
                        piecewise.fill((&times[..]).into(), &mut out);
                        assert_eq!(out[CHUNK], 0.5);
                    }
                }
            }
        }
    }
}
