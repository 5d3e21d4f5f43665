//! The times that are written in a schedule, in a run.

use crate::curve::reading::Reading;
use crate::error::Result;
use crate::run::Run;
use crate::schedule::declare::Argument;
use crate::schedule::phase::Phase;
use crate::schedule::{NamedArgument, Schedule};
use crate::time::Time;
use crate::time::unit::Counter;

/// A time in a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What it belongs to, by the name of its declaration.
    pub node: String,
    /// The argument, by name.
    pub argument: String,
    /// As it was written.
    pub time: Time,
    /// Where it is from 0, or how long, if the run tells.
    pub place: Option<f64>,
    /// Where its phase begins, if the run tells.
    pub start: Option<f64>,
}

impl Schedule {
    /// Every time of the tree, cycles aside, and where it is on a counter.
    pub fn moments(&self, run: &Run, counter: Counter) -> Result<Vec<Written>> {
        let mut moments = Vec::new();
        visit(self, &Phase::of(run), Reading::Counter(counter), &mut moments)?;
        Ok(moments)
    }
}

fn visit(
    schedule: &Schedule,
    phase: &Phase<'_>,
    reading: Reading,
    moments: &mut Vec<Written>,
) -> Result<()> {
    let tree = schedule.tree();
    let (name, arguments) = (tree.name().unwrap_or("function"), tree.arguments());
    let is_scaled = arguments.iter().find_map(|argument| match argument {
        NamedArgument { name, value: Argument::Flag(flag), .. } if name == "scale" => Some(*flag),
        _ => None,
    });
    let length = |time: Time| phase.scaled(time, is_scaled.unwrap_or(true));
    let start = phase.start(reading).ok().map(|start| start.rounded());
    let mut next = phase.clone();
    for argument in &arguments {
        let times = match &argument.value {
            Argument::Time(time) => vec![*time],
            Argument::Times(times) => times.clone(),
            Argument::Points(points) => points.iter().map(|point| point.0).collect(),
            _ => Vec::new(),
        };
        for time in times {
            let place = length(time).on(reading, phase.run).ok().map(|place| place.rounded());
            let (node, argument) = (name.to_string(), argument.name.clone());
            moments.push(Written { node, argument, time, place, start });
        }
        next = match (name, &argument.value) {
            ("after_warmup", Argument::Time(time)) => phase.after("t_warmup", *time, length(*time)),
            ("until", Argument::Time(time)) => phase.at("t", *time, length(*time)),
            _ => next,
        };
    }
    if name == "repeat" {
        return Ok(());
    }
    for argument in &arguments {
        let phase = match (name, &argument.name[..]) {
            ("after_warmup", _) | (_, "then") => &next,
            _ => phase,
        };
        match &argument.value {
            Argument::Schedule(inner) => visit(inner, phase, reading, moments)?,
            Argument::Schedules(inner) => {
                inner.iter().try_for_each(|inner| visit(inner, phase, reading, moments))?;
            }
            _ => {}
        }
    }
    Ok(())
}
