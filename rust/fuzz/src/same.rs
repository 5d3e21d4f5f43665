//! Values together and one by one: the same bits, or the same error.

use epochal_core::{Counter, Curve, Error, Level, Result, Sink, Source, Sources, evaluate};
use std::fmt::Display;
use std::num::NonZeroUsize;

/// A time of a source as a float, by Rust's own conversions.
pub fn time(source: &Source<'_>, at: usize) -> f64 {
    match *source {
        Source::F64(times) => times[at],
        Source::F32(times) => times[at].into(),
        Source::I64(times) => times[at] as f64,
        Source::I32(times) => times[at].into(),
        Source::U64(times) => times[at] as f64,
        Source::U32(times) => times[at].into(),
        Source::Grid { start, step, .. } => start + at as f64 * step,
    }
}

pub fn is_time(t: f64) -> bool {
    t.is_finite() && t >= 0.0
}

/// The values of curves, each at all times, one by one: all of them, or the first error. A number
/// that is no time comes before all values.
fn alone(curves: &[&Curve], sources: &Sources<'_>, len: usize) -> Result<Vec<f64>> {
    let given: Vec<_> = Counter::ALL
        .into_iter()
        .filter_map(|counter| Some((counter, sources[counter as usize].as_ref()?)))
        .collect();
    let bad = given
        .iter()
        .find_map(|(_, source)| (0..len).map(|at| time(source, at)).find(|t| !is_time(*t)));
    if let Some(bad) = bad {
        return Err(not_a_time(bad));
    }
    let single = match given[..] {
        [(counter, source)] if curves.iter().all(|curve| curve.counter() == Ok(counter)) => {
            Some(source)
        }
        _ => None,
    };
    let value = |curve: &&Curve, at| match single {
        Some(source) => curve.at_number(time(source, at)),
        None => curve.at_counters(&Counter::ALL.map(|counter| {
            sources[counter as usize].as_ref().map_or(0.0, |source| time(source, at))
        })),
    };
    curves.iter().flat_map(|curve| (0..len).map(move |at| value(curve, at))).collect()
}

/// What any curve says of a number that is no time.
fn not_a_time(t: f64) -> Error {
    let any = epochal_core::Schedule::constant(1.0, "1ba".parse().expect("a time"));
    let run = epochal_core::Run::new("1ba".parse().expect("a time"), Default::default(), 1.0);
    let curve = any.and_then(|any| any.resolve(&run?)).expect("a curve");
    curve.at_number(t).expect_err("no time")
}

/// Evaluates at each level with so many threads, into both kinds of sink, and compares. `of` says
/// what is evaluated.
pub fn check(
    of: &dyn Display,
    curves: &[&Curve],
    sources: &Sources<'_>,
    len: usize,
    threads: Option<NonZeroUsize>,
) {
    const UNTOUCHED: f64 = -7.0;
    let alone = alone(curves, sources, len);
    for alpha in alone.iter().flatten() {
        assert!(alpha.is_finite() && *alpha >= 0.0, "α is {alpha:?}: {of}");
    }
    let size = len * curves.len();
    for level in Level::available() {
        Level::choose("level", level.name()).expect("a level of this CPU");
        let mut out = vec![UNTOUCHED; size];
        match (evaluate(curves, sources, Sink::F64(&mut out), threads), &alone) {
            (Ok(()), Ok(alone)) => {
                for (index, (together, alone)) in out.iter().zip(alone).enumerate() {
                    assert_eq!(
                        together.to_bits(),
                        alone.to_bits(),
                        "{together:?} instead of {alone:?} at {index} with {}: {of}",
                        level.name()
                    );
                }
            }
            (Err(together), Err(alone)) => {
                assert_eq!(together, *alone, "{of}");
                assert!(out.iter().all(|value| *value == UNTOUCHED), "half done: {together}: {of}");
            }
            (together, alone) => panic!("{together:?} instead of {alone:?}: {of}"),
        }
        let mut out = vec![UNTOUCHED as f32; size];
        if evaluate(curves, sources, Sink::F32(&mut out), threads).is_ok() {
            let rounded = alone.iter().flatten().map(|alpha| *alpha as f32);
            assert!(out.iter().map(|value| value.to_bits()).eq(rounded.map(f32::to_bits)), "{of}");
        }
    }
}
