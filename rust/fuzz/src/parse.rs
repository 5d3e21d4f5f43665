//! Any bytes as the text of a time.

use crate::exact::is_nearest;
use crate::rules::{Meaning, meaning};
use epochal_core::{Fault, Kind, Time, Unit, quote};

/// A text is read as the rules say; what is read prints as a text that is read as the same; what is
/// refused is quoted, and a mend is one.
pub fn parse(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let read = text.parse::<Time>();
    let kind = read.as_ref().err().map(|error| error.kind());
    match meaning(text) {
        Meaning::Count(count, suffix) => {
            let time = read.as_ref().expect("a count");
            assert_eq!(time.count().map(|(count, _)| count), Some(count), "{text:?}");
            assert_eq!(time.unit().suffix(), suffix, "{text:?}");
        }
        Meaning::Fraction { negative, numerator, denominator } => match &read {
            Ok(time) => {
                let fraction = time.fraction().expect("a fraction");
                assert_eq!(fraction.is_sign_negative(), negative, "{text:?}");
                assert!(is_nearest(&numerator, &denominator, fraction), "{text:?}: {fraction:?}");
            }
            Err(_) => {
                assert_eq!(kind, Some(Kind::Parse), "{text:?}");
                assert!(is_nearest(&numerator, &denominator, f64::INFINITY), "{text:?}");
            }
        },
        Meaning::NotWhole => assert_eq!(kind, Some(Kind::FractionalCount), "{text:?}"),
        Meaning::OutOfRange | Meaning::Nothing => {
            assert_eq!(kind, Some(Kind::Parse), "{text:?}: {read:?}");
        }
    }
    match read {
        Ok(time) => prints_as_itself(time),
        Err(error) => {
            let Fault::TimeString { text: said, mend, .. } = error.fault() else {
                panic!("{error:?}")
            };
            assert_eq!(said, text);
            // Words take longer than all else.
            if data.len().is_multiple_of(8) {
                assert!(error.to_string().contains(&quote(text)), "{error}");
            }
            if let Some(meant) = mend.strip_prefix("write '") {
                let meant = meant.strip_suffix('\'').expect("a quoted time");
                assert!(meant.parse::<Time>().is_ok(), "{error}");
            }
        }
    }
}

/// It is printed in few words, by which it is found again, to the sign of a zero.
fn prints_as_itself(time: Time) {
    let printed = time.to_string();
    let again: Time = printed.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, time);
    assert_eq!(again.fraction().map(f64::to_bits), time.fraction().map(f64::to_bits));
    assert_eq!(again.to_string(), printed);
    assert_eq!(Unit::from_suffix(time.unit().suffix()), Ok(time.unit()));
}
