//! A schedule resolved for a run: numbers on named clocks.

use crate::dispatch::{self, Level};
use crate::error::{Error, Kind, Result};
use crate::milestones::Milestones;
use crate::shape::{Shape, ramp};
use crate::source::{is_time, not_a_time};
use crate::span::BLOCK;
use crate::unit::Clock;

/// Times of a block, per clock; none for a clock that is not read.
pub(crate) type Readings<'a> = [&'a [f64]; Clock::COUNT];

/// A node of a curve's tree.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A formula on one clock.
    Tail { clock: Clock, shape: Shape },
    /// The level that belongs to the number of milestones reached.
    Milestones(Milestones),
    /// A ramp, then the node behind it.
    Warmup { clock: Clock, length: f64, top: f64, tail: Box<Node> },
    /// Values multiplied from left to right.
    Product(Vec<Node>),
}

impl Node {
    /// α at each time of a block of at most [`BLOCK`].
    pub(crate) fn fill(&self, level: Level, readings: &Readings<'_>, out: &mut [f64]) {
        match self {
            Self::Tail { clock, shape } => {
                dispatch::fill(level, shape, readings[*clock as usize], out);
            }
            Self::Milestones(milestones) => {
                dispatch::fill_levels(level, milestones, readings, out);
            }
            Self::Warmup { clock, length, top, tail } => {
                let times = readings[*clock as usize];
                let (low, high) = dispatch::bounds(level, times);
                if high >= *length {
                    tail.fill(level, readings, out);
                }
                if low < *length {
                    dispatch::ramp(level, *length, *top, times, out);
                }
            }
            Self::Product(factors) => {
                let mut block = [0.0; BLOCK];
                let block = &mut block[..out.len()];
                out.fill(1.0);
                for factor in factors {
                    factor.fill(level, readings, block);
                    dispatch::multiply(level, out, block);
                }
            }
        }
    }

    /// α at one time of each clock: the same operations, but nothing is set up for many.
    fn at(&self, times: &[f64; Clock::COUNT]) -> f64 {
        let mut alpha = [0.0];
        match self {
            Self::Tail { clock, shape } => {
                shape.fill(&times[*clock as usize..][..1], &mut alpha);
            }
            Self::Milestones(milestones) => {
                milestones.fill(&times.each_ref().map(std::slice::from_ref), &mut alpha);
            }
            Self::Warmup { clock, length, top, tail } => {
                let t = times[*clock as usize];
                if t >= *length {
                    return tail.at(times);
                }
                ramp(*length, *top, &[t], &mut alpha);
            }
            Self::Product(factors) => {
                return factors.iter().fold(1.0, |alpha, factor| alpha * factor.at(times));
            }
        }
        alpha[0]
    }

    fn clocks(&self, clocks: &mut Vec<Clock>) {
        match self {
            Self::Tail { clock, .. } => clocks.push(*clock),
            Self::Milestones(milestones) => clocks.extend(milestones.clocks()),
            Self::Warmup { clock, tail, .. } => {
                clocks.push(*clock);
                tail.clocks(clocks);
            }
            Self::Product(factors) => factors.iter().for_each(|factor| factor.clocks(clocks)),
        }
    }
}

/// A schedule resolved for a run: α as a function of time, and nothing that can fail.
///
/// Made by [`Schedule::resolve`](crate::Schedule::resolve). Times are floats on the curve's
/// [`clocks`](Self::clocks), finite and not negative; the caller checks them.
#[derive(Clone, Debug)]
pub struct Curve {
    node: Node,
    clocks: Vec<Clock>,
    length: Result<f64>,
}

impl Curve {
    /// `length` tells how long the run is on a clock, if it can be told.
    pub(crate) fn new(node: Node, length: impl Fn(Clock) -> Result<f64>) -> Self {
        let mut clocks = Vec::new();
        node.clocks(&mut clocks);
        clocks.sort();
        clocks.dedup();
        let length = match clocks[..] {
            [clock] => length(clock),
            _ => Err(several_clocks(&clocks)),
        };
        Self { node, clocks, length }
    }

    /// The clocks it reads, in the order of [`Clock::ALL`].
    pub fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// Its only clock; an error that names them if there are several.
    pub fn clock(&self) -> Result<Clock> {
        match self.clocks[..] {
            [clock] => Ok(clock),
            _ => Err(several_clocks(&self.clocks)),
        }
    }

    /// How long the run is on its only clock.
    pub fn length(&self) -> Result<f64> {
        self.length.clone()
    }

    /// α when the clocks, in the order of [`Clock::ALL`], read `times`.
    pub fn at(&self, times: &[f64; Clock::COUNT]) -> f64 {
        self.node.at(times)
    }

    /// α at a time on its only clock, which is checked.
    pub fn at_number(&self, t: f64) -> Result<f64> {
        self.clock()?;
        if is_time(t) { Ok(self.at(&[t; Clock::COUNT])) } else { Err(not_a_time(t)) }
    }

    /// α when the clocks read `times`, of which those it reads are checked.
    pub fn at_readings(&self, times: &[f64; Clock::COUNT]) -> Result<f64> {
        for clock in &self.clocks {
            let t = times[*clock as usize];
            if !is_time(t) {
                return Err(not_a_time(t));
            }
        }
        Ok(self.at(times))
    }

    /// α at each time of a block.
    pub(crate) fn fill(&self, level: Level, readings: &Readings<'_>, out: &mut [f64]) {
        self.node.fill(level, readings, out);
    }
}

/// A bare number where a curve reads several clocks.
fn several_clocks(clocks: &[Clock]) -> Error {
    let clocks: Vec<_> = clocks.iter().map(|clock| format!("'{clock}'")).collect();
    let clocks = clocks.join(" and ");
    Error::new(
        Kind::Unit,
        format!("this curve reads {clocks}: give a Timestamp, or a mapping with a value for each"),
    )
}
