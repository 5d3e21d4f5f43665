//! What the user wrote: a tree of times and numbers that knows no run.

use crate::error::{Error, Kind, Result};
use crate::time::Time;
use std::cmp::Ordering;
use std::fmt;

/// A schedule: a tail, a warmup before a tail, or a product. Immutable and comparable; prints as
/// the Python that rebuilds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// One of the eight curves without warmup.
    Tail(Tail),
    /// A linear ramp, then a tail.
    Warmup(Warmup),
    /// Schedules whose values are multiplied, left to right. Never a product of products.
    Product(Vec<Schedule>),
}

/// The eight tails. The formulas are those of [`Curve`](crate::Curve).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are the arguments of Composer's classes
pub enum Tail {
    Step { step_size: Time, gamma: f64 },
    MultiStep { milestones: Vec<Time>, gamma: f64 },
    Constant { alpha: f64, t_max: Time },
    Linear { alpha_i: f64, alpha_f: f64, t_max: Time },
    Exponential { gamma: f64, decay_period: Time },
    CosineAnnealing { t_max: Time, alpha_f: f64 },
    CosineAnnealingWarmRestarts { t_0: Time, t_mult: f64, alpha_f: f64 },
    Polynomial { power: f64, t_max: Time, alpha_f: f64 },
}

/// A linear ramp from 0 to the value at which its tail starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    /// The length of the ramp.
    pub t_warmup: Time,
    /// What follows.
    pub tail: Tail,
    /// Whether σ scales the ramp too.
    pub scale_warmup: bool,
}

/// An argument of a schedule, as it is shown and compared in Python.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument<'a> {
    /// A time.
    Time(Time),
    /// Several times.
    Times(&'a [Time]),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

impl Tail {
    /// α = γ^⌊t/ρ⌋.
    pub fn step(step_size: Time, gamma: f64) -> Result<Self> {
        Ok(Self::Step {
            step_size: positive_time("step_size", step_size)?,
            gamma: not_negative("gamma", gamma)?,
        })
    }

    /// α = γ^(milestones reached). Order and repeats are free.
    pub fn multi_step(milestones: Vec<Time>, gamma: f64) -> Result<Self> {
        for milestone in &milestones {
            not_negative_time("milestones", *milestone)?;
        }
        Ok(Self::MultiStep { milestones, gamma: not_negative("gamma", gamma)? })
    }

    /// α while t < T, then 1.
    pub fn constant(alpha: f64, t_max: Time) -> Result<Self> {
        Ok(Self::Constant {
            alpha: not_negative("alpha", alpha)?,
            t_max: positive_time("t_max", t_max)?,
        })
    }

    /// From `alpha_i` to `alpha_f` in a straight line.
    pub fn linear(alpha_i: f64, alpha_f: f64, t_max: Time) -> Result<Self> {
        Ok(Self::Linear {
            alpha_i: not_negative("alpha_i", alpha_i)?,
            alpha_f: not_negative("alpha_f", alpha_f)?,
            t_max: positive_time("t_max", t_max)?,
        })
    }

    /// α = γ^(t/ρ).
    pub fn exponential(gamma: f64, decay_period: Time) -> Result<Self> {
        Ok(Self::Exponential {
            gamma: not_negative("gamma", gamma)?,
            decay_period: positive_time("decay_period", decay_period)?,
        })
    }

    /// From 1 to `alpha_f` along half a cosine.
    pub fn cosine_annealing(t_max: Time, alpha_f: f64) -> Result<Self> {
        Ok(Self::CosineAnnealing {
            t_max: positive_time("t_max", t_max)?,
            alpha_f: not_negative("alpha_f", alpha_f)?,
        })
    }

    /// Cosines that start again, cycle i lasting t_0·t_mult^i.
    pub fn cosine_annealing_warm_restarts(t_0: Time, t_mult: f64, alpha_f: f64) -> Result<Self> {
        Ok(Self::CosineAnnealingWarmRestarts {
            t_0: positive_time("t_0", t_0)?,
            t_mult: finite("t_mult", t_mult, "at least 1", |value| value >= 1.0)?,
            alpha_f: not_negative("alpha_f", alpha_f)?,
        })
    }

    /// From 1 to `alpha_f` along u^power.
    pub fn polynomial(power: f64, t_max: Time, alpha_f: f64) -> Result<Self> {
        Ok(Self::Polynomial {
            power: finite("power", power, "above zero", |value| value > 0.0)?,
            t_max: positive_time("t_max", t_max)?,
            alpha_f: not_negative("alpha_f", alpha_f)?,
        })
    }

    /// The value from which the tail starts, and to which a warmup before it climbs.
    pub fn top(&self) -> f64 {
        match self {
            Self::Constant { alpha, .. } => *alpha,
            Self::Linear { alpha_i, .. } => *alpha_i,
            _ => 1.0,
        }
    }

    /// The stem of its classes' names in Python.
    fn stem(&self) -> &'static str {
        match self {
            Self::Step { .. } => "Step",
            Self::MultiStep { .. } => "MultiStep",
            Self::Constant { .. } => "Constant",
            Self::Linear { .. } => "Linear",
            Self::Exponential { .. } => "Exponential",
            Self::CosineAnnealing { .. } => "CosineAnnealing",
            Self::CosineAnnealingWarmRestarts { .. } => "CosineAnnealingWarmRestarts",
            Self::Polynomial { .. } => "Polynomial",
        }
    }

    fn arguments(&self) -> Vec<(&'static str, Argument<'_>)> {
        use Argument::{Number, Time, Times};
        match self {
            Self::Step { step_size, gamma } => {
                vec![("step_size", Time(*step_size)), ("gamma", Number(*gamma))]
            }
            Self::MultiStep { milestones, gamma } => {
                vec![("milestones", Times(milestones)), ("gamma", Number(*gamma))]
            }
            Self::Constant { alpha, t_max } => {
                vec![("alpha", Number(*alpha)), ("t_max", Time(*t_max))]
            }
            Self::Linear { alpha_i, alpha_f, t_max } => vec![
                ("alpha_i", Number(*alpha_i)),
                ("alpha_f", Number(*alpha_f)),
                ("t_max", Time(*t_max)),
            ],
            Self::Exponential { gamma, decay_period } => {
                vec![("gamma", Number(*gamma)), ("decay_period", Time(*decay_period))]
            }
            Self::CosineAnnealing { t_max, alpha_f } => {
                vec![("t_max", Time(*t_max)), ("alpha_f", Number(*alpha_f))]
            }
            Self::CosineAnnealingWarmRestarts { t_0, t_mult, alpha_f } => vec![
                ("t_0", Time(*t_0)),
                ("t_mult", Number(*t_mult)),
                ("alpha_f", Number(*alpha_f)),
            ],
            Self::Polynomial { power, t_max, alpha_f } => vec![
                ("power", Number(*power)),
                ("t_max", Time(*t_max)),
                ("alpha_f", Number(*alpha_f)),
            ],
        }
    }
}

impl Warmup {
    /// A ramp of length `t_warmup`, then `tail`.
    pub fn new(t_warmup: Time, tail: Tail, scale_warmup: bool) -> Result<Self> {
        Ok(Self { t_warmup: not_negative_time("t_warmup", t_warmup)?, tail, scale_warmup })
    }
}

impl From<Tail> for Schedule {
    fn from(tail: Tail) -> Self {
        Self::Tail(tail)
    }
}

impl From<Warmup> for Schedule {
    fn from(warmup: Warmup) -> Self {
        Self::Warmup(warmup)
    }
}

impl Schedule {
    /// The product of two schedules.
    pub fn product(&self, other: &Self) -> Self {
        let factors = |schedule: &Self| match schedule {
            Self::Product(factors) => factors.clone(),
            other => vec![other.clone()],
        };
        Self::Product([factors(self), factors(other)].concat())
    }

    /// The schedules that are multiplied: itself, unless it is a product.
    pub fn factors(&self) -> &[Self] {
        match self {
            Self::Product(factors) => factors,
            other => std::slice::from_ref(other),
        }
    }

    /// The name of its class in Python; of a product, that of the base class.
    pub fn class_name(&self) -> String {
        match self {
            Self::Tail(tail) => format!("{}Scheduler", tail.stem()),
            Self::Warmup(warmup) => format!("{}WithWarmupScheduler", warmup.tail.stem()),
            Self::Product(_) => "Schedule".into(),
        }
    }

    /// The arguments that rebuild it, in the order of its Python class; none for a product.
    pub fn arguments(&self) -> Vec<(&'static str, Argument<'_>)> {
        match self {
            Self::Tail(tail) => tail.arguments(),
            Self::Warmup(Warmup { t_warmup, tail, scale_warmup }) => {
                let mut arguments = vec![("t_warmup", Argument::Time(*t_warmup))];
                arguments.extend(tail.arguments());
                arguments.push(("scale_warmup", Argument::Flag(*scale_warmup)));
                arguments
            }
            Self::Product(_) => Vec::new(),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Product(factors) = self {
            for (index, factor) in factors.iter().enumerate() {
                write!(f, "{}{factor}", if index > 0 { " * " } else { "" })?;
            }
            return Ok(());
        }
        write!(f, "{}(", self.class_name())?;
        for (index, (name, argument)) in self.arguments().into_iter().enumerate() {
            write!(f, "{}{name}={argument}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "'{time}'"),
            Self::Times(times) => {
                let times: Vec<_> = times.iter().map(|time| format!("'{time}'")).collect();
                write!(f, "[{}]", times.join(", "))
            }
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Flag(flag) => f.write_str(if *flag { "True" } else { "False" }),
        }
    }
}

fn positive_time(name: &str, time: Time) -> Result<Time> {
    match time.sign() {
        Ordering::Greater => Ok(time),
        _ => Err(invalid(name, "above zero", format_args!("'{time}'"))),
    }
}

fn not_negative_time(name: &str, time: Time) -> Result<Time> {
    match time.sign() {
        Ordering::Less => Err(invalid(name, "zero or above", format_args!("'{time}'"))),
        Ordering::Equal => Ok(time.abs()), // -0.0 becomes 0.0: what is equal prints equal
        Ordering::Greater => Ok(time),
    }
}

fn not_negative(name: &str, value: f64) -> Result<f64> {
    finite(name, value, "zero or above", |value| value >= 0.0)
}

fn finite(name: &str, value: f64, bound: &str, holds: impl Fn(f64) -> bool) -> Result<f64> {
    if value.is_finite() && holds(value) {
        Ok(value + 0.0) // -0.0 becomes 0.0, as above
    } else {
        Err(invalid(name, &format!("finite and {bound}"), format_args!("{value:?}")))
    }
}

fn invalid(name: &str, expected: &str, got: impl fmt::Display) -> Error {
    Error::new(Kind::Schedule, format!("{name} must be {expected}, not {got}"))
}
