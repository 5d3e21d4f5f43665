//! Schedule × run → curve: the only place that sees both times and curves.
//!
//! 1. `dur` is a fraction of the run's scaled length, on its clock.
//! 2. `ep` becomes `ba` through `batches_per_epoch`.
//! 3. Every other time is multiplied by σ; a warmup only if it asks for that.
//! 4. Lengths are real numbers; the count rule snaps them to whole ones where it applies.

use crate::time::count::{Counted, scale};
use crate::curve::{Curve, Node};
use crate::curve::cycle::{Cycles, Period};
use crate::curve::decay::Decay;
use crate::error::{Error, Kind, Result};
use crate::math::{Double, Exponent, Exponential, Levels, ulp};
use crate::curve::milestones::Milestones;
use crate::run::Run;
use crate::schedule::{Schedule, Tail, Warmup};
use crate::curve::shape::Shape;
use crate::time::Time;
use crate::time::unit::Counter;

impl Schedule {
    /// The curve of this schedule in a run.
    pub fn resolve(&self, run: &Run) -> Result<Curve> {
        let curve = Curve::new(self.node(run)?, |clock| {
            Ok(length_on(run.duration(), false, clock, run)?.rounded())
        });
        // The run's own times; clocks on which its length is not known stay at the start.
        for fraction in [0.0, 1.0] {
            let times = Counter::ALL.map(|clock| {
                length_on(Time::Duration(fraction), false, clock, run).map_or(0.0, Double::rounded)
            });
            let alpha = curve.at(&times);
            if !alpha.is_finite() {
                return Err(Error::new(
                    Kind::Schedule,
                    format!("{self} reaches {alpha:?} within {run}: α must stay finite"),
                ));
            }
        }
        Ok(curve)
    }

    fn node(&self, run: &Run) -> Result<Node> {
        match self {
            Self::Tail(tail) => tail_after(tail, None, run),
            Self::Warmup(Warmup { t_warmup, tail, scale_warmup }) => {
                let own = clock_of(*t_warmup, run)?;
                // A tail that begins where its warmup ends needs both on one clock.
                let clock = match tail.decay_end() {
                    Some(t_max) => clock_of(t_max, run)?,
                    None => own,
                };
                let length = length_on(*t_warmup, *scale_warmup, clock, run)?;
                let tail_node = tail_after(tail, Some((*t_warmup, length, clock)), run)?;
                let (length, top) = (length.rounded(), tail.top());
                Ok(Node::Warmup { clock, length, top, tail: Box::new(tail_node) })
            }
            Self::Product(factors) => Ok(Node::Product(
                factors.iter().map(|factor| factor.node(run)).collect::<Result<_>>()?,
            )),
        }
    }
}

impl Tail {
    /// T of a tail that decays from the end of its warmup.
    fn decay_end(&self) -> Option<Time> {
        match self {
            Self::Linear { t_max, .. }
            | Self::CosineAnnealing { t_max, .. }
            | Self::Polynomial { t_max, .. } => Some(*t_max),
            _ => None,
        }
    }
}

/// A tail, given the warmup before it: as written, its length, and the clock of that.
fn tail_after(tail: &Tail, warmup: Option<(Time, Double, Counter)>, run: &Run) -> Result<Node> {
    let length = |time: Time| {
        let clock = clock_of(time, run)?;
        Ok((clock, length_on(time, true, clock, run)?))
    };
    let period = |time: Time| {
        let clock = clock_of(time, run)?;
        let (count, divisor, factor) = on_clock(time, true, clock, run)?;
        let length = real(count, divisor, factor)?;
        let slack = count as f64 * (ulp(factor) / 2.0) / divisor as f64;
        Ok::<_, Error>((clock, Period::new(length, slack)))
    };
    let end = |t_max: Time| {
        let (clock, end) = length(t_max)?;
        match warmup {
            Some((t_warmup, start, on)) if on == clock && start.rounded() > end.rounded() => {
                Err(Error::new(
                    Kind::Schedule,
                    format!(
                        "t_warmup '{t_warmup}' is longer than t_max '{t_max}': \
                         {:?} > {:?} '{clock}' in {run}",
                        start.rounded(),
                        end.rounded(),
                    ),
                ))
            }
            _ => Ok((clock, end)),
        }
    };
    let decay = |t_max: Time| {
        let (clock, end) = end(t_max)?;
        let start = warmup.map_or(Double::ZERO, |(_, start, _)| start);
        Ok::<_, Error>((clock, Decay::new(start, end)))
    };
    let (clock, shape) = match tail {
        Tail::MultiStep { milestones, gamma } => return multi_step(milestones, *gamma, run),
        Tail::Step { step_size, gamma } => {
            let (clock, period) = period(*step_size)?;
            (clock, Shape::Step { period, levels: Levels::new(*gamma) })
        }
        Tail::Constant { alpha, t_max } => {
            let (clock, end) = end(*t_max)?;
            (clock, Shape::Constant { alpha: *alpha, end: end.rounded() })
        }
        Tail::Linear { alpha_i, alpha_f, t_max } => {
            let (clock, decay) = decay(*t_max)?;
            (clock, Shape::Linear { decay, from: *alpha_i, to: *alpha_f })
        }
        Tail::Exponential { gamma, decay_period } => {
            let (clock, period) = length(*decay_period)?;
            (clock, Shape::Exponential { rate: Exponential::new(*gamma, period) })
        }
        Tail::CosineAnnealing { t_max, alpha_f } => {
            let (clock, decay) = decay(*t_max)?;
            (clock, Shape::Cosine { decay, to: *alpha_f })
        }
        Tail::CosineAnnealingWarmRestarts { t_0, t_mult, alpha_f } => {
            let (clock, first) = period(*t_0)?;
            (clock, Shape::Restarts { cycles: Cycles::new(first, *t_mult), to: *alpha_f })
        }
        Tail::Polynomial { power, t_max, alpha_f } => {
            let (clock, decay) = decay(*t_max)?;
            let power = Exponent::new(*power, decay.is_rounded());
            (clock, Shape::Polynomial { decay, power, to: *alpha_f })
        }
    };
    Ok(Node::Tail { clock, shape })
}

/// Milestones, each on its own clock. Without any the curve is on the run's clock.
fn multi_step(milestones: &[Time], gamma: f64, run: &Run) -> Result<Node> {
    let mut by_clock: Vec<(Counter, Vec<f64>)> = Vec::new();
    for milestone in milestones {
        let clock = clock_of(*milestone, run)?;
        let at = length_on(*milestone, true, clock, run)?.rounded();
        match by_clock.iter_mut().find(|(known, _)| *known == clock) {
            Some((_, times)) => times.push(at),
            None => by_clock.push((clock, vec![at])),
        }
    }
    if by_clock.is_empty() {
        let (_, clock, _) = factors(run.duration(), false, run);
        by_clock.push((clock_of(run.duration(), run).unwrap_or(clock), Vec::new()));
    }
    Ok(Node::Milestones(Milestones::new(by_clock, gamma)))
}

/// A time as the factors of its length: a whole number on a clock, and what multiplies it.
fn factors(time: Time, scaled: bool, run: &Run) -> (i64, Counter, f64) {
    match (time, run.duration()) {
        (Time::Count(count, clock), _) => {
            (count, clock, if scaled { run.scale_schedule_ratio() } else { 1.0 })
        }
        (Time::Duration(fraction), Time::Count(count, clock)) => (count, clock, fraction),
        (Time::Duration(_), Time::Duration(_)) => unreachable!("a run's length is a count"),
    }
}

/// The clock on which a time runs: `ba` if it is in epochs.
fn clock_of(time: Time, run: &Run) -> Result<Counter> {
    match factors(time, false, run) {
        (count, Counter::Epoch, _) => {
            run.exactly(count, Counter::Epoch, Counter::Batch).map(|_| Counter::Batch)
        }
        (_, clock, _) => Ok(clock),
    }
}

/// A time on a clock as (count, divisor, factor): its length is count × factor / divisor.
fn on_clock(time: Time, scaled: bool, clock: Counter, run: &Run) -> Result<(i64, i64, f64)> {
    let (count, from, factor) = factors(time, scaled, run);
    let (count, divisor) = run.exactly(count, from, clock)?;
    Ok((count, divisor, factor))
}

/// How long a time is on a clock.
fn length_on(time: Time, scaled: bool, clock: Counter, run: &Run) -> Result<Double> {
    let (count, divisor, factor) = on_clock(time, scaled, clock, run)?;
    real(count, divisor, factor)
}

/// count × factor / divisor: whole by the count rule, else in twice a float's precision.
fn real(count: i64, divisor: i64, factor: f64) -> Result<Double> {
    Ok(match scale(count, factor, divisor)? {
        Counted::Whole(whole) => Double::from(whole),
        Counted::Truncated(_) => Double::from(count) * Double::from(factor) / Double::from(divisor),
    })
}
