//! Random trees, of every node that is declared, with arguments of every kind that it takes.

use crate::draw::{self, Bytes};
use arbitrary::Result;
use epochal_core::{
    Argument, Counter, Curve, Declaration, Ease, Error, Facts, Field, Form, Function, Kind,
    Parameter, ParameterKind, Run, Schedule, Time, Timestamp,
};
use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;

/// As many levels of operations as people write, and a few more.
pub const LEVELS: usize = 4;

/// A tree of at most so many levels. Where a node refuses its arguments, a plain one stands.
pub fn tree(bytes: &mut Bytes<'_>, levels: usize) -> Result<Schedule> {
    if bytes.is_empty() {
        return Ok(plain());
    }
    if levels > 0 && bytes.ratio(1_u8, 24_u8)? {
        return tower(bytes);
    }
    if bytes.ratio(1_u8, 16_u8)? {
        let steps = Steps::ALL[bytes.choose_index(Steps::ALL.len())?];
        return Ok(Schedule::function(Arc::new(steps)).expect("a leaf"));
    }
    let is_leaf = levels == 0 || bytes.ratio(1_u8, 4_u8)?;
    let nodes: Vec<_> = Declaration::ALL.iter().filter(|node| !is_leaf || is_tail(node)).collect();
    let node = *bytes.choose(&nodes)?;
    let arguments: Vec<Argument> = node
        .parameters
        .iter()
        .map(|parameter| argument(bytes, parameter, levels.saturating_sub(1)))
        .collect::<Result<_>>()?;
    Ok(built(node, arguments).unwrap_or_else(plain))
}

fn is_tail(node: &Declaration) -> bool {
    node.form == Form::Class
}

/// A line from 1 to 0.
fn plain() -> Schedule {
    Schedule::linear(1.0, 0.0, Time::from_fraction(1.0).expect("a fraction")).expect("a line")
}

/// The node, with numbers and times that are possible, unless it refuses its arguments in words.
fn built(node: &Declaration, arguments: Vec<Argument>) -> Option<Schedule> {
    match (node.build)(arguments, &[]) {
        Ok(schedule) => {
            schedule.arguments().iter().for_each(|argument| is_possible(&argument.value));
            Some(schedule)
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Schedule, "{error}");
            None
        }
    }
}

fn is_possible(argument: &Argument) {
    let number = |value: f64| assert!(value.is_finite() && value >= 0.0, "{value:?}");
    let time = |time: Time| assert_ne!(time.sign(), Ordering::Less, "{time}");
    match argument {
        Argument::Number(value) => number(*value),
        Argument::Time(at) => time(*at),
        Argument::Times(times) => times.iter().for_each(|at| time(*at)),
        Argument::Points(points) => points.iter().for_each(|(at, value)| {
            time(*at);
            number(*value);
        }),
        _ => {}
    }
}

/// The same operation many times over: as deep as a tree may be, and deeper.
fn tower(bytes: &mut Bytes<'_>) -> Result<Schedule> {
    let operations: Vec<_> = Declaration::ALL.iter().filter(|node| !is_tail(node)).collect();
    let node = *bytes.choose(&operations)?;
    let given: Vec<Argument> = node
        .parameters
        .iter()
        .map(|parameter| argument(bytes, parameter, 0))
        .collect::<Result<_>>()?;
    let mut of = plain();
    for _ in 0..bytes.int_in_range(0..=80)? {
        // Only in the first place: in two, it would double each time.
        let mut arguments = given.clone();
        arguments[0] = match &given[0] {
            Argument::Schedules(_) => Argument::Schedules(vec![of.clone(), plain()]),
            _ => Argument::Schedule(of.clone()),
        };
        match built(node, arguments) {
            Some(schedule) => of = schedule,
            None => break,
        }
    }
    Ok(of)
}

fn several<T>(
    bytes: &mut Bytes<'_>,
    most: usize,
    mut one: impl FnMut(&mut Bytes<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..bytes.int_in_range(0..=most)?).map(|_| one(bytes)).collect()
}

fn argument(bytes: &mut Bytes<'_>, parameter: &Parameter, levels: usize) -> Result<Argument> {
    if let Some(default) = parameter.default
        && bytes.arbitrary()?
    {
        return Ok(default.into());
    }
    Ok(match parameter.kind {
        ParameterKind::Time => Argument::Time(draw::tame_time(bytes)?),
        ParameterKind::Times => Argument::Times(several(bytes, 6, draw::tame_time)?),
        ParameterKind::Number => Argument::Number(draw::tame_float(bytes)?),
        ParameterKind::Limit if bytes.arbitrary()? => Argument::Nothing,
        ParameterKind::Limit => Argument::Number(draw::tame_float(bytes)?),
        ParameterKind::Flag => Argument::Flag(bytes.arbitrary()?),
        ParameterKind::Ease => Argument::Ease(draw::ease(bytes)?),
        ParameterKind::Eases if bytes.arbitrary()? => Argument::Ease(draw::ease(bytes)?),
        ParameterKind::Eases => Argument::Eases(several(bytes, 6, draw::ease)?),
        ParameterKind::Points => points(bytes)?,
        ParameterKind::Schedule => Argument::Schedule(tree(bytes, levels)?),
        ParameterKind::Schedules => Argument::Schedules(several(bytes, 3, |b| tree(b, levels))?),
    })
}

/// Points, more often in order than not.
fn points(bytes: &mut Bytes<'_>) -> Result<Argument> {
    let mut points =
        several(bytes, 7, |bytes| Ok((draw::tame_time(bytes)?, draw::tame_float(bytes)?)))?;
    if bytes.ratio(7_u8, 8_u8)? {
        points.sort_by(|(one, _), (other, _)| {
            one.unit().cmp(&other.unit()).then(one.as_f64().total_cmp(&other.as_f64()))
        });
    }
    Ok(Argument::Points(points))
}

/// A function of a counter: 1, 1/2, … 1/5 and again. Some fail now and then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    counter: Counter,
    is_declared: bool,
    fails: bool,
}

impl Steps {
    pub const ALL: [Self; 4] = [
        Self { counter: Counter::Batch, is_declared: true, fails: false },
        Self { counter: Counter::Token, is_declared: true, fails: true },
        Self { counter: Counter::Batch, is_declared: false, fails: true },
        Self { counter: Counter::Epoch, is_declared: false, fails: false },
    ];
}

impl Function for Steps {
    fn alpha(&self, now: &Timestamp, _: &Run) -> epochal_core::Result<f64> {
        let count = now.value(Field::total(self.counter));
        match self.fails && count % 97 == 96 {
            true => Err(Error::foreign(std::fmt::Error)),
            false => Ok(1.0 / (count % 5 + 1) as f64),
        }
    }

    fn counters(&self) -> Vec<Counter> {
        vec![self.counter]
    }

    fn is_declared(&self) -> bool {
        self.is_declared
    }

    fn check_ratio(&self, _: f64) -> epochal_core::Result<()> {
        Ok(())
    }

    fn text(&self) -> String {
        let place = Self::ALL.iter().position(|known| known == self);
        format!("steps{}", place.expect("one of them"))
    }

    fn equals(&self, other: &dyn Function) -> bool {
        other.as_any().downcast_ref() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A tree of a few operations, and its curve in a run where it has one.
pub fn curve(bytes: &mut Bytes<'_>) -> Result<(Schedule, Curve)> {
    let levels = bytes.int_in_range(0..=2)?;
    let run = draw::run(bytes)?;
    let schedule = tree(bytes, levels)?;
    if let Ok(curve) = schedule.resolve(&run) {
        return Ok((schedule, curve));
    }
    let known = Facts {
        batches_per_epoch: Some(12),
        samples_per_batch: Some(3),
        tokens_per_batch: Some(1000),
    };
    let length = Time::from_int(5000, Counter::Batch.unit()).expect("a length");
    let run = Run::new(length, known, 1.0).expect("a run");
    if let Ok(curve) = schedule.resolve(&run) {
        return Ok((schedule, curve));
    }
    let warm = Schedule::after_warmup(plain(), length, 0.0, Ease::Cosine, false).expect("a warmup");
    let curve = warm.resolve(&run).expect("a warmup as long as the run");
    Ok((warm, curve))
}
