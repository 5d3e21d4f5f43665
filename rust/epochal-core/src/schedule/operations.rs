//! What the operations on schedules mean.

use crate::curve::Formula;
use crate::curve::moved::{Moved, Repeated, Shift};
use crate::curve::piecewise::{Piecewise, check_ends};
use crate::curve::reading::Reading;
use crate::curve::{Function, Node};
use crate::error::{Error, Result};
use crate::math::{Double, Ease};
use crate::schedule::nodes::{
    Advance, AfterWarmup, Clip, Cooldown, Delay, Ending, Lift, Product, Repeat, Scale, Until,
};
use crate::schedule::phase::{Phase, is_near};
use crate::schedule::{Resolve, Schedule};
use crate::time::Time;
use std::sync::Arc;

/// Along a shape from one value to another.
fn ramp(reading: Reading, from: (Double, f64), to: (Double, f64), ease: Ease) -> Result<Node> {
    check_ends(ease, "values", from.1, to.1)?;
    let formula = Formula::Piecewise(Piecewise::new(vec![from, to], &[ease]));
    Ok(Node::Formula { reading, formula })
}

fn join(reading: Reading, at: Double, first: Node, then: Node) -> Node {
    let (first, then) = (Box::new(first), Box::new(then));
    Node::Join { reading, at: at.rounded(), first, then }
}

impl Resolve for AfterWarmup {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.scaled(self.t_warmup, self.scale);
        let reading = phase.main_reading(&self.of).unwrap_or(length.reading);
        let next = phase.after("t_warmup", self.t_warmup, length);
        let then = self.of.node(&next)?;
        let (start, end) = (phase.start(reading)?, next.start(reading)?);
        // At the top of a warmup `then` is that curve already, so that warmups in warmups take no
        // more than the square of their number.
        let top = if phase.is_for_top {
            next.value_at_start(&then)?
        } else {
            next.value_at_start(&self.of.node(&next.for_top())?)?
        };
        let rise = ramp(reading, (start, self.start * top), (end, top), self.shape)?;
        Ok(join(reading, end, rise, then))
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time().or(Some(self.t_warmup))
    }

    fn check(&self) -> Result<()> {
        check_ends(self.shape, "start", self.start, 1.0)
    }
}

impl Resolve for Until {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let length = phase.length(self.t);
        let reading = phase.main_reading(&self.then).unwrap_or(length.reading);
        let first = self.of.node(phase)?;
        let (_, at) = phase.bounds("t", self.t, reading)?;
        let next = phase.at("t", self.t, length);
        let mut then = self.then.node(&next)?;
        if self.carry {
            then = Node::Scale { of: Box::new(then), by: next.value_at_start(&first)? };
        }
        Ok(join(reading, at, first, then))
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time().or_else(|| self.then.main_time())
    }
}

impl Resolve for Cooldown {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let reading = phase.length(self.t_max).reading;
        let first = self.of.node(phase)?;
        phase.bounds("t", self.t, reading)?;
        let next = phase.at("t", self.t, phase.length(self.t));
        let (at, end) = next.bounds("t_max", self.t_max, reading)?;
        let value = next.value_at_start(&first)?;
        let fall = ramp(reading, (at, value), (end, self.alpha_f), self.shape)?;
        Ok(join(reading, at, first, fall))
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time().or(Some(self.t_max))
    }

    fn check(&self) -> Result<()> {
        check_ends(self.shape, "alpha_f", 1.0, self.alpha_f)
    }
}

impl Resolve for Ending {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let (reading, run) = (phase.length(self.t_max).reading, phase.run);
        let first = self.of.node(phase)?;
        let (start, end) = phase.bounds("t_max", self.t_max, reading)?;
        let lasts = phase.length(self.t_decay).on(reading, run)?;
        let at = end + -lasts;
        let (at, end) = match at.rounded() < start.rounded() {
            false => (at, end),
            true if self.late => (start, start + lasts),
            true if is_near(at, start, end) => (start, end),
            true => return Err(phase.too_short(self.t_decay, self.t_max, reading)?),
        };
        let value = phase.value_at(&first, reading, at)?;
        let fall = ramp(reading, (at, value), (end, self.alpha_f), self.shape)?;
        Ok(join(reading, at, first, fall))
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time().or(Some(self.t_max))
    }

    fn check(&self) -> Result<()> {
        check_ends(self.shape, "alpha_f", 1.0, self.alpha_f)
    }
}

impl Resolve for Clip {
    fn check(&self) -> Result<()> {
        match self.high {
            Some(high) if high < self.low => {
                let expected = format!("at least low, which is {:?}", self.low);
                Err(Error::invalid("high", expected, format_args!("{high:?}")))
            }
            _ => Ok(()),
        }
    }

    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let high = self.high.unwrap_or(f64::INFINITY);
        Ok(Node::Clip { of: Box::new(self.of.node(phase)?), low: self.low, high })
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time()
    }
}

impl Resolve for Repeat {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let every = phase.length(self.every);
        let of = self.of.node(&phase.cycle(every)?)?;
        let mut starts = [None; Reading::COUNT];
        let mut lengths = [None; Reading::COUNT];
        for reading in of.moved_readings(every.reading, phase.run)? {
            starts[reading.index()] = Some(phase.start(reading)?);
            lengths[reading.index()] = Some(every.on(reading, phase.run)?);
        }
        let period = every.period(phase.run)?;
        Ok(Node::Repeat(Repeated::new(every.reading, period, starts, lengths, *phase.run, of)))
    }

    fn main_time(&self) -> Option<Time> {
        Some(self.every)
    }
}

/// `of` at times that are later or earlier.
fn moved(
    of: &Schedule,
    phase: &Phase<'_>,
    by: impl Fn(Reading) -> Result<(Double, f64)>,
    own: Reading,
) -> Result<Node> {
    let of = of.node(phase)?;
    let mut shifts = [None; Reading::COUNT];
    for reading in of.moved_readings(own, phase.run)? {
        let (by, floor) = by(reading)?;
        shifts[reading.index()] = Some(Shift { by, floor });
    }
    Ok(Node::Moved(Moved::new(shifts, *phase.run, of)))
}

impl Resolve for Advance {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let by = phase.scaled(self.by, self.scale);
        moved(&self.of, phase, |reading| Ok((by.on(reading, phase.run)?, 0.0)), by.reading)
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time()
    }
}

impl Resolve for Delay {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let by = phase.scaled(self.by, self.scale);
        let shift = |reading| Ok((-by.on(reading, phase.run)?, phase.start(reading)?.rounded()));
        moved(&self.of, phase, shift, by.reading)
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time()
    }
}

impl Resolve for Product {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        let factors = self.factors.iter().map(|factor| factor.node(phase));
        Ok(Node::Product(factors.collect::<Result<_>>()?))
    }

    fn main_time(&self) -> Option<Time> {
        self.factors.iter().find_map(Schedule::main_time)
    }
}

impl Resolve for Scale {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        Ok(Node::Scale { of: Box::new(self.of.node(phase)?), by: self.by })
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time()
    }
}

impl Resolve for Lift {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        Ok(Node::Lift { of: Box::new(self.of.node(phase)?), by: self.by })
    }

    fn main_time(&self) -> Option<Time> {
        self.of.main_time()
    }
}

impl Resolve for Arc<dyn Function> {
    fn resolve(&self, phase: &Phase<'_>) -> Result<Node> {
        self.check_ratio(phase.run.scale_schedule_ratio())?;
        Ok(Node::Function { function: Arc::clone(self), run: phase.own_run })
    }

    fn main_time(&self) -> Option<Time> {
        match self.counters()[..] {
            [counter] if self.is_declared() => Some(Time::of_count(1, counter)),
            _ => None,
        }
    }
}
