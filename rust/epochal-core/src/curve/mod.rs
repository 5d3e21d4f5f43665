//! A schedule resolved for a run: numbers on named counters.

mod at;
mod constant;
pub(crate) mod cycle;
pub(crate) mod decay;
mod exponential;
mod half_cosine;
mod inverse_square_root;
mod ladder;
mod linear;
pub(crate) mod milestones;
pub(crate) mod moved;
mod node;
mod piece;
pub(crate) mod piecewise;
mod polynomial;
pub(crate) mod reading;
mod step;

pub use at::Curve;
pub use node::Function;
pub(crate) use node::{Node, Now, Times};

use constant::Constant;
use exponential::Exponential;
use half_cosine::{HalfCosine, Restarts};
use inverse_square_root::InverseSquareRoot;
use linear::Linear;
use piecewise::Piecewise;
use polynomial::Polynomial;
use step::Step;

use crate::bulk::span::Block;
use crate::view::outline::Outline;

/// `map!(times, out, |t| alpha)` writes α at each time. It is not a function that takes a closure,
/// since the compiler would not inline a long one, and would compile it for the baseline only.
macro_rules! map {
    ($times:expr, $out:expr, |$t:ident| $alpha:expr) => {
        for (out, $t) in $out.iter_mut().zip($times) {
            *out = $alpha;
        }
    };
}
pub(crate) use map;

/// The same for long functions: many times by their stages, and those that are left one by one.
macro_rules! staged {
    ($times:expr, $out:expr, |$many:ident, $values:ident| $all:expr, |$t:ident| $alpha:expr) => {{
        let ((times, last_times), (out, last_out)) = (
            $times.as_chunks::<{ crate::math::LANES }>(),
            $out.as_chunks_mut::<{ crate::math::LANES }>(),
        );
        for ($many, $values) in times.iter().zip(out) {
            $all;
        }
        $crate::curve::map!(last_times.iter().copied(), last_out, |$t| $alpha);
    }};
}
pub(crate) use staged;

macro_rules! formulas {
    ($($Name:ident),* $(,)?) => {
        /// α as a function of the time on one counter. t and every length are floats on it; α is
        /// dimensionless.
        #[derive(Clone, Debug)]
        pub(crate) enum Formula {
            $($Name($Name)),*
        }

        impl Formula {
            /// α at each time. One time is a block of one, so single values and arrays have the
            /// same bits. Inlined, so that each caller compiles it for its own instructions.
            #[inline(always)]
            pub(crate) fn fill(&self, times: Block<'_>, out: &mut [f64]) {
                match self {
                    $(Self::$Name(formula) => formula.fill(times, out)),*
                }
            }

            /// Whether it looks at a block's earliest and latest time, or at their order.
            pub(crate) fn gains_by_order(&self) -> bool {
                matches!(
                    self,
                    Self::Step(_) | Self::Constant(_) | Self::Restarts(_) | Self::Piecewise(_)
                )
            }

            /// What it says of its course.
            pub(crate) fn outline(&self) -> &dyn Outline {
                match self {
                    $(Self::$Name(formula) => formula),*
                }
            }

            /// An upper bound of α, which may be infinite.
            pub(crate) fn most(&self) -> f64 {
                match self {
                    $(Self::$Name(formula) => formula.most()),*
                }
            }
        }
    };
}

formulas! {
    Step,
    Constant,
    Linear,
    Exponential,
    HalfCosine,
    Restarts,
    Polynomial,
    InverseSquareRoot,
    Piecewise,
}

/// α at one time.
pub(crate) fn value(fill: impl Fn(Block<'_>, &mut [f64]), t: f64) -> f64 {
    let mut alpha = [0.0];
    fill((&[t][..]).into(), &mut alpha);
    alpha[0]
}

/// From 1 at v = 1 to `to` at v = 0.
#[inline(always)]
pub(crate) fn fall_to(to: f64, v: f64) -> f64 {
    to + (1.0 - to) * v
}
