//! Random trees in random runs.

use crate::draw::{self, Bytes};
use crate::grow;
use crate::same;
use crate::text;
use arbitrary::Result;
use epochal_core::{
    Argument, Counter, Curve, Form, Kind, NamedArgument, Run, Schedule, Source, Style, counters_of,
};
use std::fmt::Display;

/// The words in which equal schedules are printed as the same, and hashed.
const EXPANDED: Style =
    Style { suffix: "", yes: "true", no: "false", nothing: "none", expanded: true };

/// A tree prints as text that rebuilds it; equal trees print the same; resolved, every α is finite
/// and not negative or an error, the same alone and among others, and an operation does to the
/// values below it what it says.
pub fn trees(data: &[u8]) {
    // Bytes that make no run are no finding.
    let _ = of_bytes(&mut Bytes::new(data));
}

fn of_bytes(bytes: &mut Bytes<'_>) -> Result<()> {
    let run = draw::run(bytes)?;
    let schedule = grow::tree(bytes, grow::LEVELS)?;
    is_rebuilt(&schedule);
    are_compared(&schedule, &grow::tree(bytes, 1)?);
    match schedule.resolve(&run) {
        Ok(curve) => {
            let times = times(bytes, &curve)?;
            values(&format_args!("{schedule} in a {run}"), &curve, &times);
            if let Ok(counter) = curve.counter() {
                composes(&schedule, &run, &curve, &times, counter);
                is_seen(&schedule, &curve, &times, counter);
            }
            at_batches(&schedule, &curve, draw::tame_whole(bytes)?);
        }
        Err(error) => {
            let kinds = [Kind::Schedule, Kind::Unit, Kind::Overflow, Kind::Function];
            assert!(kinds.contains(&error.kind()), "{error:?}");
        }
    }
    Ok(())
}

fn is_rebuilt(schedule: &Schedule) {
    let printed = schedule.written(&EXPANDED);
    assert_eq!(text::read(&printed), *schedule, "{printed}");
    assert_eq!(schedule.to_string(), printed);
    // Under a name it is equal, and has another text.
    let argument = NamedArgument { name: "n".into(), value: Argument::Number(1.0), default: None };
    if let Ok(named) = schedule.named("Name".into(), vec![argument]) {
        are_compared(schedule, &named);
        assert_eq!(named, *schedule);
        assert_eq!(named.to_string(), "Name(n=1.0)");
    }
}

/// Equality and hash are one: trees are equal where their texts are.
fn are_compared(one: &Schedule, other: &Schedule) {
    let are_printed_the_same = one.written(&EXPANDED) == other.written(&EXPANDED);
    for (one, other) in [(one, other), (other, one)] {
        assert_eq!(one == other, are_printed_the_same, "{one} {other}");
    }
}

/// Times within the run and after it, on the counter of bare numbers, and such as are none.
fn times(bytes: &mut Bytes<'_>, curve: &Curve) -> Result<Vec<f64>> {
    let counter = curve.counter().unwrap_or(Counter::Batch);
    let length = curve.length(counter).unwrap_or(1000.0);
    let mut times: Vec<f64> = (0..=12).map(|n| length * f64::from(n) / 10.0).collect();
    for _ in 0..bytes.int_in_range(0..=8)? {
        times.push(match bytes.arbitrary()? {
            true => length * draw::tame_float(bytes)?,
            false => draw::whole(bytes)? as f64,
        });
    }
    if bytes.ratio(1_u8, 8_u8)? {
        times.push(draw::float(bytes)?);
    }
    Ok(times)
}

fn values(of: &dyn Display, curve: &Curve, times: &[f64]) {
    let possible: Vec<f64> = times.iter().copied().filter(|t| same::is_time(*t)).collect();
    for times in [times, &possible] {
        if let Ok(counter) = curve.counter() {
            let mut sources = [None; Counter::COUNT];
            sources[counter as usize] = Some(Source::F64(times));
            same::check(of, &[curve], &sources, times.len(), None);
        }
        // Each counter by itself, one of them backwards.
        let backwards: Vec<f64> = times.iter().rev().copied().collect();
        let mut sources = [None; Counter::COUNT];
        for (place, counter) in counters_of(&[curve]).into_iter().enumerate() {
            let times = if place == 1 { &backwards[..] } else { times };
            sources[counter as usize] = Some(Source::F64(times));
        }
        same::check(of, &[curve], &sources, times.len(), None);
    }
}

/// The values of a tree whose last operation is arithmetic, from those of what it is of.
fn composes(schedule: &Schedule, run: &Run, curve: &Curve, times: &[f64], counter: Counter) {
    let arguments: Vec<Argument> = schedule.arguments().into_iter().map(|a| a.value).collect();
    let of: Vec<Schedule> = match &arguments[..] {
        [Argument::Schedules(factors)] => factors.clone(),
        [Argument::Schedule(of), ..] => vec![of.clone()],
        _ => return,
    };
    let curves = of.iter().map(|of| of.resolve(run)).collect::<epochal_core::Result<Vec<_>>>();
    let (Ok(curves), Ok(length)) = (curves, curve.length(counter)) else { return };
    let in_run = |t: &&f64| same::is_time(**t) && **t <= length;
    for t in times.iter().filter(in_run) {
        let parts = curves
            .iter()
            .map(|curve| (curve.counter() == Ok(counter)).then(|| curve.at_number(*t).ok()));
        let Some(parts) = parts.collect::<Option<Option<Vec<f64>>>>().flatten() else { continue };
        let expected = match (schedule.form(), schedule.name(), &arguments[..]) {
            (Form::Product, ..) => parts.iter().product(),
            (Form::Scale, _, [_, Argument::Number(by)]) => parts[0] * by,
            (Form::Lift, _, [_, Argument::Number(by)]) => parts[0] + by,
            (_, Some("clip"), [_, Argument::Number(low), high]) => match high {
                Argument::Number(high) => parts[0].max(*low).min(*high),
                _ => parts[0].max(*low),
            },
            _ => return,
        };
        match curve.at_number(*t) {
            Ok(alpha) => assert_eq!(alpha.to_bits(), expected.to_bits(), "{schedule} at {t:?}"),
            Err(_) => assert!(!expected.is_finite(), "{schedule} at {t:?}"),
        }
    }
}

/// What is said of the whole curve holds of its values.
fn is_seen(of: &Schedule, curve: &Curve, times: &[f64], counter: Counter) {
    /// Each cycle is looked at as three parts, and so is each cycle in it: what is seen of many cycles
    /// in cycles takes as long as three to their number.
    const MOST_CYCLES: usize = 4;
    /// 2^53: from here on, counters are no longer exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if of.to_string().matches(".repeat(").count() > MOST_CYCLES {
        return;
    }
    if curve.has_functions() {
        assert!(curve.maximum().is_err() && curve.breakpoints().is_err());
        return;
    }
    let (Ok(most), Ok(least), Ok(end)) = (curve.maximum(), curve.minimum(), curve.length(counter))
    else {
        return;
    };
    if end > EXACT {
        return;
    }
    // As near as the last float before a change is to the change.
    let slack = most * 1e-9;
    // Between counts, a time that is one float from a boundary may be on its other side.
    let counts = times.iter().map(|t| t.floor());
    for t in counts.filter(|t| same::is_time(*t) && *t <= end) {
        if let Ok(alpha) = curve.at_number(t) {
            assert!(
                least - slack <= alpha && alpha <= most + slack,
                "{alpha:?} in {least:?}..{most:?} at {t:?} of {of} in a {}",
                curve.run()
            );
        }
    }
}

/// A step has the value of the counters with which it begins.
fn at_batches(of: &Schedule, curve: &Curve, batch: i64) {
    let Ok(stamp) = curve.run().at_batch(batch) else {
        return assert!(curve.at_batch(batch).is_err());
    };
    let by_stamp = curve.at_timestamp(&stamp);
    for alpha in [&by_stamp, &curve.at_epochs(&stamp)].into_iter().flatten() {
        assert!(alpha.is_finite() && *alpha >= 0.0, "α is {alpha:?} of {of} in a {}", curve.run());
    }
    if let (Ok(alpha), Ok(by_stamp)) = (curve.at_batch(batch), by_stamp) {
        assert_eq!(alpha.to_bits(), by_stamp.to_bits(), "{of} in a {} at {batch}", curve.run());
    }
}
