//! What the targets draw from the bytes of an input: numbers and times, hostile ones among them.

use arbitrary::{Result, Unstructured};
use epochal_core::{Counter, Ease, Facts, Run, Time, Unit};

/// Bytes that are used up one after the other.
pub type Bytes<'a> = Unstructured<'a>;

/// One of a few.
pub fn one_of<T: Copy>(bytes: &mut Bytes<'_>, all: &[T]) -> Result<T> {
    bytes.choose(all).copied()
}

/// A whole number: often small or near an end of a range.
pub fn whole(bytes: &mut Bytes<'_>) -> Result<i64> {
    let small = i64::from(bytes.arbitrary::<u8>()?);
    Ok(match bytes.int_in_range(0..=8)? {
        0 => small % 8,
        1 => small,
        2 => i64::from(bytes.arbitrary::<i16>()?),
        3 => i64::from(bytes.arbitrary::<i32>()?),
        4 => bytes.arbitrary()?,
        5 => (1 << (small % 63)) + i64::from(bytes.int_in_range(-2..=2)?),
        6 => 10_i64.pow((small % 19) as u32) + i64::from(bytes.int_in_range(-1..=1)?),
        7 => i64::MAX - small,
        _ => i64::MIN + small,
    })
}

/// A float: often a short decimal, a ratio of counts, or one of those that are easily forgotten.
pub fn float(bytes: &mut Bytes<'_>) -> Result<f64> {
    const SPECIAL: [f64; 16] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        1e300,
        9_007_199_254_740_993.0,
        9.223_372_036_854_776e18,
    ];
    let value = match bytes.int_in_range(0..=6)? {
        0 => one_of(bytes, &SPECIAL)?,
        1 => f64::from(bytes.arbitrary::<u8>()?) / 100.0,
        2 => f64::from(bytes.arbitrary::<u16>()?) / f64::from(bytes.arbitrary::<u16>()?),
        3 => whole(bytes)? as f64 / whole(bytes)? as f64,
        4 => f64::from(bytes.arbitrary::<i16>()?) * 10_f64.powi(bytes.int_in_range(-20..=20)?),
        5 => bytes.arbitrary::<f32>()?.into(),
        _ => bytes.arbitrary()?,
    };
    Ok(match bytes.int_in_range(0..=3)? {
        0 => value.next_up(),
        1 => value.next_down(),
        _ => value,
    })
}

pub fn unit(bytes: &mut Bytes<'_>) -> Result<Unit> {
    one_of(bytes, &Unit::TABLE.map(|row| row.0))
}

pub fn counter(bytes: &mut Bytes<'_>) -> Result<Counter> {
    one_of(bytes, &Counter::ALL)
}

pub fn ease(bytes: &mut Bytes<'_>) -> Result<Ease> {
    one_of(bytes, &Ease::TABLE.map(|row| row.0))
}

/// A time that can be had, of any unit.
pub fn time(bytes: &mut Bytes<'_>) -> Result<Time> {
    let unit = unit(bytes)?;
    time_in(bytes, unit)
}

pub fn time_in(bytes: &mut Bytes<'_>, unit: Unit) -> Result<Time> {
    let time = match unit {
        Unit::Duration => Time::from_fraction(float(bytes)?),
        counted => Time::from_int(whole(bytes)?, counted),
    };
    time.map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// A number of batches or the like that people write; seldom any other.
pub fn tame_whole(bytes: &mut Bytes<'_>) -> Result<i64> {
    Ok(match bytes.int_in_range(0..=9)? {
        0..=3 => i64::from(bytes.int_in_range(1..=40)?),
        4..=6 => i64::from(bytes.arbitrary::<u16>()?),
        7 => i64::from(bytes.arbitrary::<u32>()?),
        8 => 0,
        _ => whole(bytes)?,
    })
}

/// A multiplier that people write; seldom any other.
pub fn tame_float(bytes: &mut Bytes<'_>) -> Result<f64> {
    Ok(match bytes.int_in_range(0..=9)? {
        0..=5 => f64::from(bytes.arbitrary::<u8>()?) / 100.0,
        6 => 0.0,
        7 => 1.0,
        8 => f64::from(bytes.arbitrary::<u16>()?) / f64::from(bytes.arbitrary::<u16>()?),
        _ => float(bytes)?,
    })
}

/// A time that people write; seldom any other.
pub fn tame_time(bytes: &mut Bytes<'_>) -> Result<Time> {
    let unit = match bytes.int_in_range(0..=7)? {
        0..=2 => Counter::Batch.unit(),
        3 => Counter::Epoch.unit(),
        4 | 5 => Unit::Duration,
        6 => Counter::Token.unit(),
        _ => unit(bytes)?,
    };
    let time = match unit {
        Unit::Duration => Time::from_fraction(tame_float(bytes)?),
        counted => Time::from_int(tame_whole(bytes)?, counted),
    };
    time.map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// The rates of a run, each of which may be missing.
pub fn facts(
    bytes: &mut Bytes<'_>,
    mut number: impl FnMut(&mut Bytes<'_>) -> Result<i64>,
) -> Result<Facts> {
    let mut fact = || match bytes.ratio(4_u8, 5_u8)? {
        true => number(bytes).map(Some),
        false => Ok(None),
    };
    Ok(Facts { batches_per_epoch: fact()?, samples_per_batch: fact()?, tokens_per_batch: fact()? })
}

/// A run that can be had.
pub fn run(bytes: &mut Bytes<'_>) -> Result<Run> {
    let counter = match bytes.int_in_range(0..=5)? {
        0..=2 => Counter::Batch,
        3 => Counter::Epoch,
        4 => Counter::Token,
        _ => counter(bytes)?,
    };
    let length = Time::from_int(tame_whole(bytes)?, counter.unit());
    let facts = facts(bytes, tame_whole)?;
    let ratio = if bytes.arbitrary()? { 1.0 } else { tame_float(bytes)? };
    length
        .and_then(|length| Run::new(length, facts, ratio))
        .map_err(|_| arbitrary::Error::IncorrectFormat)
}
