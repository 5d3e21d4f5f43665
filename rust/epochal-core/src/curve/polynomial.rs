//! α_f + (1 − α_f)·u^power

use crate::bulk::span::Block;
use crate::curve::decay::Decay;
use crate::curve::{Formula, Node, fall_to, map, staged, value};
use crate::error::Result;
use crate::math::{Exponent, LANES, Stages, cube, square, square_exactly};
use crate::schedule::phase::Phase;
use crate::schedule::{Resolve, nodes};
use crate::time::Time;
use crate::view::mean::integral;
use crate::view::outline::Outline;

impl Resolve for nodes::Polynomial {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let (reading, decay) = Decay::of(phase, self.t_max)?;
        let power = Exponent::new(self.power, decay.is_rounded());
        let formula = Formula::Polynomial(Polynomial { decay, power, to: self.alpha_f });
        Ok(Node::Formula { reading, formula })
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.t_max)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Polynomial {
    decay: Decay,
    power: Exponent,
    to: f64,
}

impl Polynomial {
    pub(crate) fn most(&self) -> f64 {
        self.to.max(1.0)
    }

    #[inline(always)]
    pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
        let Self { decay, power, to } = *self;
        match power {
            // These hardly enlarge an error of u.
            Exponent::Half => {
                map!(times.iter().copied(), out, |t| fall_to(to, decay.remaining(t).sqrt()))
            }
            Exponent::One => map!(times.iter().copied(), out, |t| fall_to(to, decay.remaining(t))),
            Exponent::Two => {
                map!(times.iter().copied(), out, |t| fall_to(
                    to,
                    square(decay.remaining_of_floats(t))
                ))
            }
            Exponent::TwoExactly => map!(times.iter().copied(), out, |t| {
                fall_to(to, square_exactly(decay.remaining_exactly(t)))
            }),
            Exponent::Three => {
                map!(times.iter().copied(), out, |t| fall_to(to, cube(decay.remaining_exactly(t))))
            }
            Exponent::Gentle(power) => {
                let mut stages = Stages::EMPTY;
                staged!(
                    times,
                    out,
                    |times, values| {
                        map!(times.iter().copied(), stages.u, |t| decay.remaining_of_floats(t));
                        power.gentle_all(&mut stages);
                        map!(0..LANES, values, |lane| fall_to(to, stages.power(lane)));
                    },
                    |t| fall_to(to, power.gentle(decay.remaining_of_floats(t)))
                );
            }
            Exponent::Steep(power) => {
                let mut stages = Stages::EMPTY;
                staged!(
                    times,
                    out,
                    |times, values| {
                        for (lane, &t) in times.iter().enumerate() {
                            (stages.u[lane], stages.u_low[lane]) = decay.remaining_exactly(t);
                        }
                        power.steep_all(&mut stages);
                        map!(0..LANES, values, |lane| fall_to(to, stages.power(lane)));
                    },
                    |t| fall_to(to, power.steep(decay.remaining_exactly(t)))
                );
            }
        }
    }
}

impl Outline for Polynomial {
    fn changes(&self, a: f64, b: f64) -> f64 {
        self.decay.changes(a, b)
    }

    fn mean(&self, a: f64, b: f64) -> f64 {
        let (start, end) = self.decay.within(a, b);
        let falling = integral(start, end, |t| value(|times, out| self.fill(times, out), t));
        ((start - a) + falling + (b - end) * self.to) / (b - a)
    }
}
