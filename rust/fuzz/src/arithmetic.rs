//! Arithmetic of times, conversions over a run, and timestamps.

use crate::draw::{self, Bytes};
use crate::exact::{as_count, count_rule_product, count_rule_quotient, is_nearest, signed_units};
use crate::stamps;
use arbitrary::Result;
use epochal_core::{Counter, Error, Facts, Kind, Run, Time, Unit, Whole};
use num_bigint::BigInt;
use std::cmp::Ordering;

type Core<T> = epochal_core::Result<T>;

/// Each operation gives what exact arithmetic gives; what no count and no float can hold is an
/// overflow, and an overflow is nothing else.
pub fn arithmetic(data: &[u8]) {
    // Bytes that make no times are no finding.
    let _ = of_bytes(&mut Bytes::new(data));
}

fn of_bytes(bytes: &mut Bytes<'_>) -> Result<()> {
    match bytes.int_in_range(0..=9)? {
        0 => made(draw::whole(bytes)?, draw::float(bytes)?, draw::unit(bytes)?),
        1..=3 => {
            let a = draw::time(bytes)?;
            let same = bytes.ratio(7_u8, 8_u8)?;
            let b = if same { draw::time_in(bytes, a.unit())? } else { draw::time(bytes)? };
            sums(a, b);
            quotients(a, b);
        }
        4 => with_whole(draw::time(bytes)?, draw::whole(bytes)?),
        5 | 6 => with_float(draw::time(bytes)?, draw::float(bytes)?),
        7 => run(bytes)?,
        _ => stamps::stamps(bytes)?,
    }
    Ok(())
}

#[track_caller]
fn is_overflow<T: std::fmt::Debug>(result: Core<T>) {
    assert_eq!(result.map_err(|error| error.kind()).expect_err("no overflow"), Kind::Overflow);
}

/// The result is this whole number of the unit, or an overflow where no count is.
#[track_caller]
fn is_whole(result: Core<Time>, exact: &BigInt, unit: Unit) {
    match as_count(exact) {
        Some(count) => {
            let time = result.unwrap_or_else(|error| panic!("{exact}: {error}"));
            assert_eq!((time.count().map(|(n, _)| n), time.unit()), (Some(count), unit));
        }
        None => is_overflow(result),
    }
}

/// The result is this float, to the bit, or an overflow where it is not finite.
#[track_caller]
fn is_float(result: Core<Time>, float: f64) {
    match float.is_finite() {
        true => assert_eq!(
            result.map(|time| time.fraction().map(f64::to_bits)),
            Ok(Some(float.to_bits()))
        ),
        false => is_overflow(result),
    }
}

fn made(whole: i64, float: f64, unit: Unit) {
    match unit {
        Unit::Duration => is_float(Time::from_int(whole, unit), whole as f64),
        counted => is_whole(Time::from_int(whole, unit), &whole.into(), counted),
    }
    is_float(Time::from_fraction(float), float);
}

/// The exact order of two times of one unit.
fn order(a: Time, b: Time) -> Option<Ordering> {
    match (a.count(), b.count(), a.fraction(), b.fraction()) {
        (Some((a, x)), Some((b, y)), ..) if x == y => Some(a.cmp(&b)),
        (_, _, Some(a), Some(b)) => Some(signed_units(a).cmp(&signed_units(b))),
        _ => None,
    }
}

fn sums(a: Time, b: Time) {
    assert_eq!(a.compare(b).ok(), order(a, b));
    assert_eq!(a == b, order(a, b) == Some(Ordering::Equal), "{a} {b}");
    let (sum, difference, unit) = (a.checked_add(b), a.checked_sub(b), a.unit());
    if let (Some((m, x)), Some((n, y))) = (a.count(), b.count())
        && x == y
    {
        is_whole(sum, &(BigInt::from(m) + n), unit);
        is_whole(difference, &(BigInt::from(m) - n), unit);
    } else if let (Some(m), Some(n)) = (a.fraction(), b.fraction()) {
        is_float(sum, m + n);
        is_float(difference, m - n);
    } else {
        for error in [sum.unwrap_err(), difference.unwrap_err(), a.compare(b).unwrap_err()] {
            assert_eq!(error.kind(), Kind::Unit);
        }
    }
    // What has no second operand.
    let zero = Time::from_int(0, unit).expect("zero");
    assert_eq!(Some(a.sign()), order(a, zero));
    assert_eq!(order(a.negated(), zero), order(zero, a));
    assert_eq!(a.negated().negated(), a);
    let magnitude = if a.sign() == Ordering::Less { a.negated() } else { a };
    assert_eq!(a.abs(), magnitude);
    if let Some((count, _)) = a.count() {
        let one = 1_u8.into();
        assert!(is_nearest(BigInt::from(count).magnitude(), &one, a.as_f64()));
        assert_eq!(a.as_f64() < 0.0, count < 0);
    }
}

fn quotients(a: Time, b: Time) {
    let (ratio, floored, product) = (a.checked_div(b), a.div_rem(b), a.checked_mul(b));
    match (a.fraction(), b.fraction()) {
        (_, Some(factor)) => assert_eq!(product, a.mul_float(factor)),
        (Some(factor), None) => assert_eq!(product, b.mul_float(factor)),
        (None, None) => assert_eq!(product.unwrap_err().kind(), Kind::Unit),
    }
    if a.unit() != b.unit() {
        assert_eq!(ratio.unwrap_err().kind(), Kind::Unit);
        assert_eq!(floored.unwrap_err().kind(), Kind::Unit);
        return;
    }
    if b.sign() == Ordering::Equal {
        assert_eq!(ratio.unwrap_err().kind(), Kind::ZeroDivision);
        assert_eq!(floored.unwrap_err().kind(), Kind::ZeroDivision);
        return;
    }
    let exactly = |time: Time| match (time.count(), time.fraction()) {
        (Some((count, _)), _) => BigInt::from(count),
        (None, fraction) => signed_units(fraction.expect("a fraction")),
    };
    let (m, n) = (exactly(a), exactly(b));
    // Correctly rounded, or beyond the floats.
    match ratio {
        Ok(ratio) => {
            let ratio = ratio.fraction().expect("a fraction");
            assert!(is_nearest(m.magnitude(), n.magnitude(), ratio), "{a} / {b} = {ratio:?}");
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Overflow);
            assert!(is_nearest(m.magnitude(), n.magnitude(), f64::INFINITY), "{a} / {b}");
        }
    }
    // Rounded down, and what is left, with the sign of the divisor.
    let (toward_zero, left) = (&m / &n, &m % &n);
    let is_below = left != BigInt::ZERO && (left < BigInt::ZERO) != (n < BigInt::ZERO);
    let (whole, rest) = if is_below { (toward_zero - 1, left + &n) } else { (toward_zero, left) };
    let (quotient, remainder) = floored.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(remainder.unit(), a.unit());
    match quotient {
        Whole::Int(quotient) => {
            assert_eq!(BigInt::from(quotient), whole);
            assert_eq!(exactly(remainder), rest);
        }
        Whole::Float(quotient) => {
            let left = remainder.fraction().expect("a fraction");
            let units = num_bigint::BigUint::from(1_u8) << 1074_u32;
            assert!(is_nearest(rest.magnitude(), &units, left), "{a} % {b} = {left:?}");
            assert_eq!(left.is_sign_negative(), n < BigInt::ZERO, "{a} % {b} = {left:?}");
            is_about(quotient, &whole);
        }
    }
}

/// A quotient of floats, rounded down: exact while it is far from the last whole float, then within
/// the roundings of a difference and a quotient, which may end beyond the floats.
fn is_about(quotient: f64, whole: &BigInt) {
    if whole.bits() > 1020 {
        return assert!(quotient.abs() > 1e306);
    }
    assert_eq!(quotient, quotient.floor());
    let off = signed_units(quotient) - (whole << 1074_u32);
    match whole.bits() {
        ..=51 => assert_eq!(off, BigInt::ZERO, "{quotient:?} instead of {whole}"),
        bits => assert!(off.bits() <= 1074 + bits - 50, "{quotient:?} instead of {whole}"),
    }
}

fn with_whole(time: Time, factor: i64) {
    let (product, quotient) = (time.mul_int(factor), time.div_int(factor));
    let floored = time.floor_div_int(factor);
    if factor == 0 {
        for error in [quotient.unwrap_err(), floored.unwrap_err()] {
            assert_eq!(error.kind(), Kind::ZeroDivision);
        }
    } else if let Some((count, _)) = time.count() {
        let (count, unit) = (BigInt::from(count), time.unit());
        let toward_zero = &count / factor;
        let left: BigInt = &count % factor;
        let is_below = left != BigInt::ZERO && (left < BigInt::ZERO) != (factor < 0);
        is_whole(quotient, &toward_zero, unit);
        is_whole(floored, &if is_below { toward_zero - 1 } else { toward_zero }, unit);
    } else if let Some(fraction) = time.fraction() {
        is_float(quotient, fraction / factor as f64);
        if let Ok(floored) = floored {
            let whole = floored.fraction().expect("a fraction");
            assert_eq!(whole, whole.floor());
        }
    }
    match (time.count(), time.fraction()) {
        (Some((count, _)), _) => is_whole(product, &(BigInt::from(count) * factor), time.unit()),
        (None, fraction) => is_float(product, fraction.expect("a fraction") * factor as f64),
    }
}

fn with_float(time: Time, factor: f64) {
    let (product, quotient) = (time.mul_float(factor), time.div_float(factor));
    if factor == 0.0 {
        assert_eq!(quotient.as_ref().unwrap_err().kind(), Kind::ZeroDivision);
    } else if !factor.is_finite() {
        is_overflow(quotient);
    } else if let Some((count, _)) = time.count() {
        is_whole(quotient, &count_rule_quotient(count, factor), time.unit());
    } else if let Some(fraction) = time.fraction() {
        is_float(quotient, fraction / factor);
    }
    if !factor.is_finite() {
        is_overflow(product);
    } else if let Some((count, _)) = time.count() {
        is_whole(product, &count_rule_product(count, factor), time.unit());
    } else if let Some(fraction) = time.fraction() {
        is_float(product, fraction * factor);
    }
}

/// A run lasts as long as the count rule says, and converts by its rates.
fn run(bytes: &mut Bytes<'_>) -> Result<()> {
    let max_duration = draw::time(bytes)?;
    let number = if bytes.arbitrary()? { draw::whole } else { draw::tame_whole };
    let facts = draw::facts(bytes, number)?;
    let ratio = if bytes.arbitrary()? { 1.0 } else { draw::float(bytes)? };
    let run = Run::new(max_duration, facts, ratio);
    let Some((count, counter)) = max_duration.count() else {
        assert_eq!(run.unwrap_err().kind(), Kind::Unit);
        return Ok(());
    };
    let is_valid = count > 0
        && facts.named().iter().all(|(_, fact)| fact.is_none_or(|fact| fact >= 1))
        && ratio.is_finite()
        && ratio > 0.0;
    if !is_valid {
        assert_eq!(run.unwrap_err().kind(), Kind::Schedule);
        return Ok(());
    }
    let duration = lasts(count, counter, &facts, ratio);
    let run = match (run, duration) {
        (Ok(run), Ok((count, counter))) => {
            assert_eq!(run.duration().count(), Some((count, counter)));
            run
        }
        (Err(error), Err(kind)) => {
            assert_eq!(error.kind(), kind, "{error}");
            return Ok(());
        }
        (run, duration) => panic!("{run:?} instead of {duration:?}"),
    };
    let time = draw::time(bytes)?;
    converts(&run, time, draw::unit(bytes)?);
    let (length, counter) = run.duration().count().expect("a count");
    let batches = fraction(&facts, length.into(), counter, Counter::Batch);
    match (run.batches(), batches) {
        (Ok(batches), Ok((numerator, divisor))) => {
            assert_eq!(BigInt::from(batches), (numerator + &divisor - 1) / divisor);
        }
        (Err(error), Err(kind)) => assert_eq!(error.kind(), kind),
        (batches, exact) => panic!("{batches:?} instead of {exact:?}"),
    }
    stamps::at_batch(&run, draw::whole(bytes)?);
    Ok(())
}

/// The length of a run: whole epochs stay epochs, others become batches.
fn lasts(
    count: i64,
    counter: Counter,
    facts: &Facts,
    ratio: f64,
) -> std::result::Result<(i64, Counter), Kind> {
    let scaled = |count: i64| as_count(&count_rule_product(count, ratio)).ok_or(Kind::Overflow);
    let length = scaled(count)?;
    // Whole, within the precision of the factor: a longer way round than the rule itself.
    let (length, counter) = match counter {
        Counter::Epoch if !is_whole_product(count, ratio) => {
            let (batches, _) = fraction(facts, count.into(), counter, Counter::Batch)?;
            (scaled(as_count(&batches).ok_or(Kind::Overflow)?)?, Counter::Batch)
        }
        counter => (length, counter),
    };
    if length == 0 { Err(Kind::Schedule) } else { Ok((length, counter)) }
}

/// Whether N × f, to the precision of f, may be a whole number.
fn is_whole_product(count: i64, f: f64) -> bool {
    let (low, high) = (signed_units(f.next_down()), signed_units(f.next_up()));
    let f = signed_units(f);
    // N times the middles between a float and its neighbours, in halves of a unit; the lower
    // neighbour of a power of two is nearer than the last digit is wide.
    let width = (&high - &f).max(&f - &low);
    let (low, high) = ((&f * 2 - &width) * count, (&f * 2 + &width) * count);
    let unit = BigInt::from(1) << 1075_u32;
    (&high / &unit) * unit >= low
}

/// `count` on another counter as numerator and divisor, each of which a count has to hold.
fn fraction(
    facts: &Facts,
    count: BigInt,
    from: Counter,
    to: Counter,
) -> std::result::Result<(BigInt, BigInt), Kind> {
    if from == to {
        return Ok((count, 1.into()));
    }
    // So many of the unit are so many batches.
    let rate = |counter| match counter {
        Counter::Batch => Some((1, 1)),
        Counter::Epoch => facts.batches_per_epoch.map(|batches| (1, batches)),
        Counter::Sample => facts.samples_per_batch.map(|samples| (samples, 1)),
        Counter::Token => facts.tokens_per_batch.map(|tokens| (tokens, 1)),
        Counter::Iteration | Counter::Second => None,
    };
    let ((units, batches), (to_units, to_batches)) = rate(from).zip(rate(to)).ok_or(Kind::Unit)?;
    let (numerator, divisor) = (count * batches * to_units, BigInt::from(units) * to_batches);
    let fits = i64::try_from(&numerator).is_ok() && i64::try_from(&divisor).is_ok();
    if fits { Ok((numerator, divisor)) } else { Err(Kind::Overflow) }
}

fn converts(run: &Run, time: Time, unit: Unit) {
    let (length, length_counter) = run.duration().count().expect("a count");
    let facts = run.facts();
    let converted = run.convert(time, unit);
    let kind = |error: Error| error.kind();
    match (time.count(), unit) {
        (Some((count, from)), Unit::Counter(to)) => match fraction(facts, count.into(), from, to) {
            Ok((numerator, divisor)) => is_whole(converted, &(numerator / divisor), unit),
            Err(expected) => assert_eq!(converted.map_err(kind), Err(expected)),
        },
        (Some((count, from)), Unit::Duration) => {
            match fraction(facts, count.into(), from, length_counter) {
                Ok((part, divisor)) => {
                    let whole = BigInt::from(length) * divisor;
                    match i64::try_from(&whole) {
                        Ok(_) => {
                            let converted = converted.expect("a fraction").as_f64();
                            assert!(is_nearest(part.magnitude(), whole.magnitude(), converted));
                        }
                        Err(_) => is_overflow(converted),
                    }
                }
                Err(expected) => assert_eq!(converted.map_err(kind), Err(expected)),
            }
        }
        (None, Unit::Counter(to)) => {
            let fraction_of_run = time.as_f64();
            match fraction(facts, length.into(), length_counter, to) {
                // Where it is one count, the count rule alone.
                Ok((numerator, divisor)) if divisor == 1.into() => {
                    let count = as_count(&numerator).expect("it fits");
                    is_whole(converted, &count_rule_product(count, fraction_of_run), unit);
                }
                Ok((numerator, divisor)) => {
                    is_near(converted, &numerator, &divisor, fraction_of_run)
                }
                Err(expected) => assert_eq!(converted.map_err(kind), Err(expected)),
            }
        }
        (None, Unit::Duration) => assert_eq!(converted, Ok(time)),
    }
}

/// Truncated or rounded, a product is less than one off.
fn is_near(converted: Core<Time>, numerator: &BigInt, divisor: &BigInt, factor: f64) {
    let exact = numerator * signed_units(factor);
    let unit = divisor << 1074_u32;
    match converted {
        Ok(time) => {
            let (count, _) = time.count().expect("a count");
            assert!((BigInt::from(count) * &unit - exact).magnitude() < unit.magnitude());
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Overflow);
            assert!((exact / unit).bits() >= 63);
        }
    }
}
