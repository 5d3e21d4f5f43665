//! Timestamps, step by step, against counters that have no end.

use crate::draw::{self, Bytes};
use arbitrary::Result;
use epochal_core::{
    Counter, Field, Kind, MICROSECONDS_PER_SECOND, Run, Since, Time, Timestamp, Unit,
};

/// The fields as whole numbers that do not overflow.
type Fields = [i128; Field::COUNT];

/// The fields after all of a counter have advanced, and what begins has begun.
fn after(
    fields: &Fields,
    begins: Option<Since>,
    by: &[(Counter, i64)],
    then: Option<Since>,
) -> Fields {
    let mut fields = *fields;
    let begin = |fields: &mut Fields, begun: Option<Since>| {
        for (field, _, _, since) in Field::TABLE {
            if begun.is_some_and(|begun| since >= begun) {
                fields[field as usize] = 0;
            }
        }
    };
    begin(&mut fields, begins);
    for (counter, by) in by {
        for (field, _, counted, _) in Field::TABLE {
            if counted == *counter {
                fields[field as usize] += i128::from(*by);
            }
        }
    }
    begin(&mut fields, then);
    fields
}

/// A timestamp moves as its counters do: whole or not at all.
pub fn stamps(bytes: &mut Bytes<'_>) -> Result<()> {
    let mut stamp = Timestamp::default();
    for _ in 0..bytes.int_in_range(1..=12)? {
        let fields: Fields = Field::TABLE.map(|row| i128::from(stamp.value(row.0)));
        let (a, b, c) = (draw::whole(bytes)?, draw::whole(bytes)?, draw::whole(bytes)?);
        let (given, moved, expected) = match bytes.int_in_range(0..=4)? {
            0 | 1 => {
                let by = [
                    (Counter::Batch, 1),
                    (Counter::Sample, a),
                    (Counter::Token, b),
                    (Counter::Second, c),
                ];
                let next = after(&fields, Some(Since::Batch), &by, None);
                (vec![a, b, c], stamp.to_next_batch(a, b, c), next)
            }
            2 => {
                let by = [(Counter::Second, a), (Counter::Epoch, 1)];
                let next = after(&fields, None, &by, Some(Since::Epoch));
                (vec![a], stamp.to_next_epoch(a), next)
            }
            3 => {
                let by = [(Counter::Second, a), (Counter::Iteration, 1)];
                let next = after(&fields, None, &by, Some(Since::Iteration));
                (vec![a], stamp.to_next_iteration(a), next)
            }
            _ => {
                let field = draw::one_of(bytes, &Field::TABLE)?.0;
                let mut next = fields;
                next[field as usize] = a.into();
                (vec![a], stamp.with(field, a), next)
            }
        };
        if given.iter().any(|value| *value < 0) {
            assert_eq!(moved.unwrap_err().kind(), Kind::Value);
        } else if let Ok(moved) = moved {
            let values = Field::TABLE.map(|row| i128::from(moved.value(row.0)));
            assert_eq!(values, expected, "{stamp} to {moved}");
            stamp = moved;
        } else {
            assert_eq!(moved.unwrap_err().kind(), Kind::Overflow);
            // Of what begins anew, too: it had no room left before.
            let most = i128::from(i64::MAX);
            let passed = Field::TABLE.iter().any(|(field, _, counter, _)| {
                let by = match counter {
                    Counter::Second => given.last().copied().unwrap_or_default(),
                    _ => 1,
                };
                expected[*field as usize] > most || fields[*field as usize] + i128::from(by) > most
            });
            assert!(passed, "{stamp}");
        }
    }
    reads(&stamp, draw::time(bytes)?);
    Ok(())
}

/// A timestamp is read by the total of a unit's counter, the wall clock to the microsecond.
fn reads(stamp: &Timestamp, time: Time) {
    match (time.count(), stamp.get(time.unit())) {
        (Some((count, counter)), Ok(total)) => {
            let value = i128::from(stamp.value(Field::total(counter)));
            let parts = match counter {
                Counter::Second => i128::from(MICROSECONDS_PER_SECOND),
                _ => 1,
            };
            let order = value.cmp(&(i128::from(count) * parts));
            assert_eq!(stamp.compare(time), Ok(order), "{stamp} {time}");
            assert_eq!(total.count().map(|row| i128::from(row.0)), Some(value / parts));
            assert_eq!(total.unit(), Unit::Counter(counter));
        }
        (None, Err(error)) => {
            assert_eq!(error.kind(), Kind::Unit);
            assert_eq!(stamp.compare(time).unwrap_err().kind(), Kind::Unit);
        }
        (_, total) => panic!("{total:?} of {time}"),
    }
}

/// The counters when a batch begins, as far as the rates tell them.
pub fn at_batch(run: &Run, batch: i64) {
    let facts = run.facts();
    let stamp = run.at_batch(batch);
    if batch < 0 {
        assert_eq!(stamp.unwrap_err().kind(), Kind::Value);
        return;
    }
    let [samples, tokens] = [facts.samples_per_batch, facts.tokens_per_batch]
        .map(|rate| i128::from(batch) * i128::from(rate.unwrap_or(0)));
    let most = i128::from(i64::MAX);
    let Ok(stamp) = stamp else {
        assert_eq!(stamp.unwrap_err().kind(), Kind::Overflow);
        return assert!(samples > most || tokens > most);
    };
    let value = |field| i128::from(stamp.value(field));
    let epoch = facts.batches_per_epoch.map_or(0, |batches| batch / batches);
    let in_epoch = batch - epoch * facts.batches_per_epoch.unwrap_or(0);
    assert_eq!(value(Field::Epoch), i128::from(epoch));
    assert_eq!(value(Field::BatchInEpoch), i128::from(in_epoch));
    assert_eq!(value(Field::Batch), i128::from(batch));
    assert_eq!((value(Field::Sample), value(Field::Token)), (samples, tokens));
    let at_once = |rate: Option<i64>| i128::from(in_epoch) * i128::from(rate.unwrap_or(0));
    assert_eq!(value(Field::SampleInEpoch), at_once(facts.samples_per_batch));
    assert_eq!(value(Field::TokenInEpoch), at_once(facts.tokens_per_batch));
    assert_eq!(value(Field::Iteration), 0);
}
