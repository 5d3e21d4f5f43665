//! γ^(milestones reached)

use crate::bulk::span::{Block, CHUNK, Chunks};
use crate::curve::ladder::Ladder;
use crate::curve::reading::Reading;
use crate::curve::{Node, Times};
use crate::error::Result;
use crate::math::Powers;
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::outline::Span;

impl Resolve for nodes::MultiStep {
    /// Each milestone is on its own counter. Without milestones, the curve is on that of the run.
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        if phase.is_for_top {
            return Ok(Node::ONE);
        }
        let mut by_reading: Vec<(Reading, Vec<f64>)> = Vec::new();
        for milestone in &self.milestones {
            let length = phase.length(*milestone);
            let at = length.on(length.reading, phase.run)?.rounded();
            match by_reading.iter_mut().find(|(known, _)| *known == length.reading) {
                Some((_, times)) => times.push(at),
                None => by_reading.push((length.reading, vec![at])),
            }
        }
        if by_reading.is_empty() {
            by_reading.push((phase.length(Time::of_fraction(1.0)).reading, Vec::new()));
        }
        Ok(Node::Milestones(Milestones::new(by_reading, self.gamma)))
    }

    fn main_time(&self) -> Option<Time> {
        None
    }
}

/// The levels of a multi-step decay, by the number of milestones reached on all counters together.
#[derive(Clone, Debug)]
pub(crate) struct Milestones {
    by_reading: Vec<(Reading, Ladder)>,
    /// γ^0, γ^1, …
    levels: Vec<f64>,
}

impl Milestones {
    pub(crate) fn new(by_reading: Vec<(Reading, Vec<f64>)>, gamma: f64) -> Self {
        let count = by_reading.iter().map(|(_, times)| times.len()).sum();
        let ladders = by_reading.into_iter().map(|(reading, times)| (reading, Ladder::new(times)));
        Self { by_reading: ladders.collect(), levels: Powers::new(gamma).up_to(count) }
    }

    pub(crate) fn readings(&self) -> impl Iterator<Item = Reading> {
        self.by_reading.iter().map(|(reading, _)| *reading)
    }

    /// How many milestones are reached within a span.
    pub(crate) fn changes(&self, span: &Span) -> f64 {
        let reached = |(reading, ladder): &(Reading, Ladder)| {
            let index = reading.index();
            let before = ladder.reached(span.from[index], 0);
            ladder.reached(span.to[index], before) - before
        };
        self.by_reading.iter().map(reached).sum::<usize>() as f64
    }

    pub(crate) fn most(&self) -> f64 {
        self.levels.iter().copied().fold(0.0, f64::max)
    }

    /// α at each time.
    #[inline(always)]
    pub(crate) fn fill(&self, times: Times<'_>, in_order: bool, out: &mut [f64]) {
        if let [(reading, ladder)] = &self.by_reading[..] {
            let times = Block::new(times.of(*reading), in_order);
            return fill(ladder, &self.levels, times, out);
        }
        for (index, alpha) in out.iter_mut().enumerate() {
            let reached = |(reading, ladder): &(Reading, Ladder)| {
                ladder.reached(times.of(*reading)[index], 0)
            };
            *alpha = self.levels[self.by_reading.iter().map(reached).sum::<usize>()];
        }
    }
}

/// The levels by the milestones of one counter.
#[inline(always)]
fn fill(ladder: &Ladder, levels: &[f64], times: Block<'_>, out: &mut [f64]) {
    let mut last = 0;
    for (times, (low, high), out) in Chunks::new(times, out) {
        let first = ladder.reached(low, last);
        last = ladder.reached(high, first);
        if first == last {
            out.fill(levels[first]);
        } else {
            let mut counts = [0; CHUNK];
            ladder.search((first, last), &times, &mut counts);
            for (alpha, count) in out.iter_mut().zip(counts) {
                *alpha = levels[count];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::unit::Counter;

    /// Another thread may write a number that is not a time to an array after it was checked; any
    /// level will do for it.
    #[test]
    fn no_time_is_beyond_the_last_level() {
        let times = vec![3.0, 5.0, 5.0, 8.0];
        let levels: Vec<f64> = (0..=4).map(|n| 0.5f64.powi(n)).collect();
        for by_reading in [
            vec![(Reading::Counter(Counter::Batch), times.clone())],
            vec![
                (Reading::Counter(Counter::Batch), times[..1].to_vec()),
                (Reading::Counter(Counter::Token), times[1..].to_vec()),
            ],
        ] {
            let milestones = Milestones::new(by_reading, 0.5);
            for t in [f64::INFINITY, f64::NAN, -1.0] {
                for (count, others) in [(1, t), (CHUNK, t), (CHUNK, 4.0)] {
                    let mut times = vec![others; count];
                    times[0] = t;
                    let mut out = vec![2.0; count];
                    milestones.fill(Times::Same(&times), false, &mut out);
                    assert!(out.iter().all(|alpha| levels.contains(alpha)), "{t} {out:?}");
                }
            }
        }
    }
}
