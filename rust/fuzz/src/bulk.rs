//! Arrays of every type, and ranges.

use crate::draw::{self, Bytes};
use crate::grow;
use crate::same::{self, is_time};
use arbitrary::Result;
use epochal_core::{
    Counter, Curve, Kind, Schedule, Sink, Source, Sources, counters_of, evaluate, grid_len,
};
use num_bigint::BigInt;
use std::fmt;
use std::num::NonZeroUsize;

/// Arrays have, at each level and with any number of threads, the values that their times have one
/// by one, or the same error and nothing written; where lengths do not fit, that is said.
pub fn bulk(data: &[u8]) {
    // Bytes that make no run are no finding.
    let _ = of_bytes(&mut Bytes::new(data));
}

fn of_bytes(bytes: &mut Bytes<'_>) -> Result<()> {
    if bytes.ratio(1_u8, 8_u8)? {
        grids(draw::float(bytes)?, draw::float(bytes)?, draw::float(bytes)?);
        return Ok(());
    }
    let mut grown = vec![grow::curve(bytes)?];
    if bytes.ratio(1_u8, 4_u8)? {
        grown.push(grow::curve(bytes)?);
    }
    let curves: Vec<&Curve> = grown.iter().map(|(_, curve)| curve).collect();
    let first = curves[0];
    // Below a block, about as long as one or several, and enough for some threads.
    let len = match bytes.int_in_range(0..=7)? {
        0..=3 => bytes.int_in_range(0..=40)?,
        4 => 64 * bytes.int_in_range(1..=9)? + bytes.int_in_range(0..=2)? - 1,
        5 | 6 => bytes.int_in_range(200..=600)?,
        _ => bytes.int_in_range(600..=2100)?,
    };
    let threads = NonZeroUsize::new(if len < 512 { 1 } else { bytes.int_in_range(0..=4)? });
    // One counter, that of numbers, or each that is read, and perhaps one that is not.
    let counters = match first.counter() {
        Ok(counter) if bytes.ratio(3_u8, 4_u8)? => vec![counter],
        _ => counters_of(&curves),
    };
    let mut arrays = Vec::new();
    for counter in &counters {
        arrays.push((*counter, array(bytes, first, *counter, len)?));
    }
    let mut sources: Sources<'_> = [None; Counter::COUNT];
    for (counter, array) in &arrays {
        sources[*counter as usize] = Some(array.source());
    }
    if bytes.ratio(1_u8, 8_u8)? {
        does_not_fit(&curves, &sources, len + bytes.int_in_range(1..=300)?);
    }
    let tells_all = |curve: &&Curve| match counters[..] {
        [counter] if curve.counter() == Ok(counter) => true,
        _ => curve.counters().iter().all(|counter| counters.contains(counter)),
    };
    let told: Vec<&Curve> = curves.into_iter().filter(tells_all).collect();
    same::check(&Shown(&grown), &told, &sources, len, threads);
    Ok(())
}

/// What is evaluated, in words.
struct Shown<'a>(&'a [(Schedule, Curve)]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(of, curve)| write!(f, "{of} in a {}; ", curve.run()))
    }
}

/// More values than times, or fewer: refused, and nothing is written.
fn does_not_fit(curves: &[&Curve], sources: &Sources<'_>, len: usize) {
    let mut out = vec![-7.0; len * curves.len()];
    let refused = evaluate(curves, sources, Sink::F64(&mut out), None);
    if sources.iter().any(Option::is_some) {
        assert_eq!(refused.map_err(|error| error.kind()), Err(Kind::Schedule));
        assert!(out.iter().all(|value| *value == -7.0));
    }
}

/// The times of a counter, in an array of one type.
enum Array {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    U32(Vec<u32>),
    Grid { start: f64, step: f64, len: usize },
}

impl Array {
    fn source(&self) -> Source<'_> {
        match self {
            Self::F64(times) => Source::F64(times),
            Self::F32(times) => Source::F32(times),
            Self::I64(times) => Source::I64(times),
            Self::I32(times) => Source::I32(times),
            Self::U64(times) => Source::U64(times),
            Self::U32(times) => Source::U32(times),
            Self::Grid { start, step, len } => {
                Source::Grid { start: *start, step: *step, len: *len }
            }
        }
    }
}

/// Times in order or not, many of them the same or none, one of them perhaps no time.
fn array(bytes: &mut Bytes<'_>, curve: &Curve, counter: Counter, len: usize) -> Result<Array> {
    let length = curve.length(counter).unwrap_or(1000.0);
    if bytes.ratio(1_u8, 6_u8)? {
        let start = length * draw::tame_float(bytes)?;
        return Ok(Array::Grid { start, step: draw::tame_float(bytes)?, len });
    }
    let reach = length * if bytes.arbitrary()? { 1.25 } else { draw::tame_float(bytes)? };
    let mut random = bytes.arbitrary::<u64>()? | 1;
    let mut fraction = || {
        // Xorshift: few bytes have to make many numbers.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as f64 / u64::MAX as f64
    };
    let mut times: Vec<f64> = (0..len).map(|_| reach * fraction()).collect();
    match bytes.int_in_range(0..=4)? {
        0 => times.sort_by(f64::total_cmp),
        1 => times.iter_mut().for_each(|t| *t = t.floor()),
        2 => {
            times.iter_mut().for_each(|t| *t = t.floor());
            times.sort_by(f64::total_cmp);
        }
        3 => times.fill(reach),
        _ => {}
    }
    let odd = match bytes.int_in_range(0..=3)? {
        0 => Some(draw::float(bytes)?),
        1 => Some(draw::whole(bytes)? as f64),
        _ => None,
    };
    if let (Some(odd), Some(last)) = (odd, len.checked_sub(1)) {
        times[bytes.int_in_range(0..=last)?] = odd;
    }
    let times = times.into_iter();
    Ok(match bytes.int_in_range(0..=6)? {
        0 | 1 => Array::F64(times.collect()),
        2 => Array::F32(times.map(|t| t as f32).collect()),
        3 => Array::I64(times.map(|t| t as i64).collect()),
        4 => Array::I32(times.map(|t| t as i32).collect()),
        5 => Array::U64(times.map(|t| t as u64).collect()),
        _ => Array::U32(times.map(|t| t as u32).collect()),
    })
}

/// How many times a range has: what is before its end begins no later, what is after it does.
fn grids(start: f64, stop: f64, step: f64) {
    let len = grid_len(start, stop, step);
    if !(is_time(start) && is_time(stop) && is_time(step) && step > 0.0) {
        return assert_eq!(len.unwrap_err().kind(), Kind::Schedule);
    }
    let len = len.expect("a length");
    let exactly = crate::exact::signed_units;
    let (span, step) = (exactly(stop) - exactly(start), exactly(step));
    // ⌈span / step⌉, unless a rounding of the floats decides otherwise.
    let whole: BigInt = ((span.clone().max(BigInt::ZERO)) + &step - 1) / &step;
    let off: BigInt = BigInt::from(len) - &whole;
    let off = off.magnitude();
    let bits = whole.bits();
    match bits {
        0..=50 => assert!(off.bits() <= 1, "{start} {stop}: {len} instead of {whole}"),
        51..=63 => assert!(off.bits() <= bits - 50, "{start} {stop}: {len} instead of {whole}"),
        _ => assert!(len > 1 << 62),
    }
    if span <= BigInt::ZERO {
        assert_eq!(len, 0);
    }
}
