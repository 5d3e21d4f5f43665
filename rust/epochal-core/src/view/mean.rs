//! Means of a curve: in closed form where its nodes have one, else by quadrature between changes.

use crate::curve::Node;
use crate::curve::reading::Readings;
use crate::view::outline::{Counted, Span};

/// With more changes than that in a product, or between bounds, its values are sampled.
const MOST_CHANGES: f64 = 4096.0;

/// So many times. The mean is then known to three digits, more or less.
const SAMPLES: u32 = 1 << 16;

/// How far off a quadrature may be, as a part of the mean.
const TOLERANCE: f64 = 1e-12;

/// So often a piece is halved: enough for a root at one of its ends. Rounding may ask for more.
const HALVES: u32 = 100;

impl Node {
    /// The mean of α in a span; not of a function.
    pub(crate) fn mean(&self, span: &Span) -> f64 {
        match self {
            Self::Formula { reading, formula } => {
                let (a, b) = span.on(*reading);
                if a < b { formula.outline().mean(a, b) } else { formula.at(a) }
            }
            Self::Join { reading, at, first, then } => {
                let (before, after, part) = span.split(*reading, *at);
                let mean = |node: &Self, span: Option<Span>, part: f64| {
                    span.map_or(0.0, |span| part * node.mean(&span))
                };
                mean(first, before, part) + mean(then, after, 1.0 - part)
            }
            Self::Scale { of, by } => of.mean(span) * by,
            Self::Lift { of, by } => of.mean(span) + by,
            Self::Moved(moved) => {
                let still = moved.still(span);
                let inner = Span::new(moved.inner(&span.from), moved.inner(&span.to));
                let first = if still > 0.0 { still * moved.of.value(&inner.from) } else { 0.0 };
                let rest = if still < 1.0 { (1.0 - still) * moved.of.mean(&inner) } else { 0.0 };
                first + rest
            }
            Self::Repeat(repeated) => {
                let parts = repeated.cycles(span).parts;
                parts.iter().map(|part| part.share * repeated.of.mean(&part.span)).sum()
            }
            Self::Product(factors) => {
                let (mut by, mut vary) = (1.0, Vec::new());
                for factor in factors {
                    let (low, high) = factor.range(span);
                    if low == high { by *= low } else { vary.push(factor) }
                }
                match vary[..] {
                    [] => by,
                    [factor] => by * factor.mean(span),
                    _ => self.mean_of_pieces(span),
                }
            }
            Self::Clip { .. } | Self::Milestones(_) => self.mean_of_pieces(span),
            Self::Function { .. } => f64::NAN,
        }
    }

    /// The mean by quadrature between changes.
    fn mean_of_pieces(&self, span: &Span) -> f64 {
        let at = |fraction: f64| self.value(&span.at(fraction));
        let changes =
            |from: f64, to: f64| self.changes(&Span::new(span.at(from), span.at(to)), Counted::All);
        if changes(0.0, 1.0) > MOST_CHANGES {
            return sampled(at);
        }
        let (mut from, mut mean) = (0.0, 0.0);
        while from < 1.0 {
            let to = first_change(from, 1.0, |to| changes(from, to) > 0.0).unwrap_or(1.0);
            mean += integral(from, to, at);
            from = to;
        }
        mean
    }
}

impl Span {
    /// The time after so much of it, from 0 to 1.
    fn at(&self, fraction: f64) -> Readings {
        let mut times = self.from;
        for (t, to) in times.iter_mut().zip(&self.to) {
            *t = if fraction < 1.0 { *t + (*to - *t) * fraction } else { *to };
        }
        times
    }
}

/// The smallest float in (from, to] at which something has changed since `from`, if it has at `to`.
pub(crate) fn first_change(from: f64, to: f64, has_changed: impl Fn(f64) -> bool) -> Option<f64> {
    if from >= to || !has_changed(to) {
        return None;
    }
    // Floats that are not negative are in the order of their bits.
    let (mut before, mut after) = (from.to_bits(), to.to_bits());
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if has_changed(f64::from_bits(middle)) { after = middle } else { before = middle }
    }
    Some(f64::from_bits(after))
}

/// The mean of samples that are spread evenly, and in step with nothing.
fn sampled(at: impl Fn(f64) -> f64) -> f64 {
    /// The fractional part of the golden ratio.
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let sum: f64 = (0..SAMPLES)
        .map(f64::from)
        .map(|k| at((k + (k * GOLDEN).fract()) / f64::from(SAMPLES)))
        .sum();
    sum / f64::from(SAMPLES)
}

/// Nodes in (0, 1) and weights of the Gauss-Legendre rule with 8 points: half of them, the others
/// lie opposite.
const GAUSS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// ∫ of something smooth, without its values at the ends.
pub(crate) fn integral(a: f64, b: f64, at: impl Fn(f64) -> f64) -> f64 {
    let whole = gauss(a, b, &at);
    refined(a, b, whole, TOLERANCE * whole.abs(), &mut { HALVES }, &at)
}

/// Halves, as long as the sum of both is not what the whole is.
fn refined(
    a: f64,
    b: f64,
    whole: f64,
    error: f64,
    halves: &mut u32,
    at: &impl Fn(f64) -> f64,
) -> f64 {
    let middle = a + (b - a) / 2.0;
    let (left, right) = (gauss(a, middle, at), gauss(middle, b, at));
    if (left + right - whole).abs() <= error || *halves == 0 {
        return left + right;
    }
    *halves -= 1;
    refined(a, middle, left, error / 2.0, halves, at)
        + refined(middle, b, right, error / 2.0, halves, at)
}

fn gauss(a: f64, b: f64, at: &impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (a + (b - a) / 2.0, (b - a) / 2.0);
    let pair = |(x, weight): &(f64, f64)| weight * (at(middle - half * x) + at(middle + half * x));
    GAUSS.iter().map(pair).sum::<f64>() * half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_integrals_are_exact() {
        assert!((integral(0.0, 1.0, |x| x.powi(7)) - 0.125).abs() < 1e-15);
        assert!((integral(0.0, 1.0, f64::sqrt) - 2.0 / 3.0).abs() < 1e-12);
        assert!((integral(2.0, 5.0, f64::exp) - (5f64.exp() - 2f64.exp())).abs() < 1e-10);
    }

    #[test]
    fn the_first_change_is_found_to_the_float() {
        assert_eq!(first_change(0.0, 1e12, |t| t >= 3e7), Some(3e7));
        assert_eq!(first_change(0.0, 1.0, |_| false), None);
        assert_eq!(first_change(1.0, 1.0, |_| true), None);
    }
}
