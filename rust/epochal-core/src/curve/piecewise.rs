//! Points, and the pieces between them

use crate::curve::{Formula, Node};
use crate::error::{Error, Kind, Result};
use crate::math::{Double, Ease};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;

#[derive(Clone, Debug)]
pub(crate) struct Piecewise {
    points: Vec<(f64, f64)>,
    eases: Vec<Ease>,
}

impl Piecewise {
    pub(crate) fn new(points: Vec<(Double, f64)>, eases: &[Ease]) -> Self {
        let points = points.into_iter().map(|(time, value)| (time.rounded(), value)).collect();
        Self { points, eases: eases.to_vec() }
    }

    pub(crate) fn most(&self) -> f64 {
        self.points.iter().map(|point| point.1).fold(0.0, f64::max)
    }

    #[inline(always)]
    pub(crate) fn fill(&self, times: &[f64], out: &mut [f64]) {
        for (t, out) in times.iter().zip(out) {
            let n = self.points.partition_point(|p| p.0 <= *t);
            *out = if n == 0 {
                self.points[0].1
            } else if n == self.points.len() {
                self.points[n - 1].1
            } else {
                let (a, b) = (self.points[n - 1], self.points[n]);
                let _ = &self.eases;
                a.1 + (b.1 - a.1) * ((t - a.0) / (b.0 - a.0))
            };
        }
    }
}

impl Resolve for nodes::Piecewise {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let reading = phase.length(self.points[0].0).reading;
        let mut points: Vec<(Double, f64)> = Vec::with_capacity(self.points.len());
        for (time, value) in &self.points {
            let at = phase.length(*time).on(reading, phase.run)?;
            if let Some((last, _)) = points.last()
                && last.rounded() > at.rounded()
            {
                let message = format!(
                    "points must be in the order of their times, but '{time}' is earlier than \
                     the one before it in {}",
                    phase.run
                );
                return Err(Error::new(Kind::Schedule, message));
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
            let message = format!(
                "shape must be one shape, or one for each of the {} pieces, not {shapes}",
                points - 1
            );
            return Err(Error::new(Kind::Schedule, message));
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
        true => {
            let message =
                format!("{name} must be above zero at both ends of a 'geometric' piece, not 0.0");
            Err(Error::new(Kind::Schedule, message))
        }
        false => Ok(()),
    }
}
