//! Time strings.
//!
//! ```text
//! time     = number [multiple] [blank] unit | hms     blanks around it are ignored
//! number   = [+|-] digits [. digits] [e [+|-] digits] single "_" between digits
//! multiple = K | M | B | T                            upper case
//! unit     = iter | ep | ba | sp | tok | dur | sec    any case
//! hms      = [n d][n h][n m][n s]                     at least one; whole seconds
//! ```

use crate::error::{Error, Fault, Kind, Range, Result};
use crate::time::Time;
use crate::time::unit::{Counter, Unit};
use std::str::FromStr;

/// The longest time string in bytes.
const LONGEST: usize = 64;

/// Parts of an `hms` time with their length in seconds, in the order in which they are written.
const HMS_SECONDS: [(u8, i64); 4] = [(b'd', 86_400), (b'h', 3_600), (b'm', 60), (b's', 1)];

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(malformed(text, "is longer than 64 bytes", &expected()));
        }
        let body = text.as_bytes().trim_ascii();
        match Number::read(body) {
            Some((number, rest)) if !rest.is_empty() => match suffix(rest) {
                Some((power, unit)) => number.with_unit(power, unit, text),
                None => hms(body, text),
            },
            Some(_) => Err(malformed(text, "has no unit", "give a unit, e.g. '5ep'")),
            None => Err(malformed(text, "does not start with a number", &expected())),
        }
    }
}

/// A decimal number as written: its digits without leading zeros, and a power of ten.
struct Number {
    negative: bool,
    digits: [u8; LONGEST],
    len: usize,
    exponent: i32,
}

impl Number {
    /// Reads a number from the front; what follows it comes back too.
    fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let (negative, mut rest) = sign(text);
        let mut number = Self { negative, digits: [0; LONGEST], len: 0, exponent: 0 };
        rest = number.digits(rest)?;
        if let [b'.', fraction @ ..] = rest {
            let after = number.digits(fraction)?;
            let places = fraction[..fraction.len() - after.len()].iter().filter(|b| **b != b'_');
            number.exponent -= places.count() as i32;
            rest = after;
        }
        if let [b'e', exponent @ ..] = rest {
            let (negative, exponent) = sign(exponent);
            let mut power = 0_i32;
            // "5ep": an "e" without digits belongs to the unit.
            if let Some(after) = each_digit(exponent, |digit| {
                // Any power beyond a million is out of range already.
                power = (power * 10 + i32::from(digit)).min(1_000_000);
            }) {
                number.exponent += if negative { -power } else { power };
                rest = after;
            }
        }
        Some((number, rest))
    }

    /// Appends a run of digits.
    fn digits<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        each_digit(text, |digit| {
            if self.len > 0 || digit > 0 {
                self.digits[self.len] = digit;
                self.len += 1;
            }
        })
    }

    /// The number times 10^power, in a unit. `text` is the input, for messages.
    fn with_unit(mut self, power: i32, unit: Unit, text: &str) -> Result<Time> {
        self.exponent += power;
        let Unit::Counter(counter) = unit else {
            return Time::from_fraction(self.fraction()).map_err(|_| out_of_range(text));
        };
        while self.len > 0 && self.digits[self.len - 1] == 0 {
            self.len -= 1;
            self.exponent += 1;
        }
        if self.len == 0 {
            return Ok(Time::of_count(0, counter));
        }
        if self.exponent < 0 {
            return Err(not_whole(text, counter));
        }
        let value = self.whole().ok_or_else(|| out_of_range(text))?;
        Ok(Time::of_count(if self.negative { -value } else { value }, counter))
    }

    /// The magnitude as an integer, if it fits. The exponent is not negative.
    fn whole(&self) -> Option<i64> {
        let digits = self.digits[..self.len].iter();
        let mantissa = digits
            .copied()
            .try_fold(0_i64, |value, digit| value.checked_mul(10)?.checked_add(i64::from(digit)))?;
        mantissa.checked_mul(10_i64.checked_pow(self.exponent as u32)?)
    }

    /// The nearest float; infinite if there is none.
    fn fraction(&self) -> f64 {
        let digits: String = self.digits[..self.len].iter().map(|d| char::from(b'0' + d)).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{digits}e{}", self.exponent).parse().unwrap_or(f64::INFINITY)
    }
}

/// An optional sign: whether it is a minus, and what follows.
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// Hands over the digits at the front, skipping single underscores between two of them; returns
/// what follows, or nothing if there is no digit.
fn each_digit(text: &[u8], mut take: impl FnMut(u8)) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        match rest {
            [digit @ b'0'..=b'9', after @ ..] => {
                take(digit - b'0');
                rest = after;
            }
            [b'_', b'0'..=b'9', ..] if rest.len() < text.len() => rest = &rest[1..],
            _ => break,
        }
    }
    (rest.len() < text.len()).then_some(rest)
}

/// A whole suffix `[multiple] [blank] unit`: the multiple's power of ten, and the unit.
fn suffix(text: &[u8]) -> Option<(i32, Unit)> {
    // The unit first: "5TOK" is five tokens.
    if let Some(unit) = spaced_unit(text) {
        return Some((0, unit));
    }
    let power = match text.first()? {
        b'K' => 3,
        b'M' => 6,
        b'B' => 9,
        b'T' => 12,
        _ => return None,
    };
    Some((power, spaced_unit(&text[1..])?))
}

fn spaced_unit(text: &[u8]) -> Option<Unit> {
    Unit::lookup(text.strip_prefix(b" ").unwrap_or(text))
}

/// Days, hours, minutes and seconds, such as `1h20m40s`.
fn hms(body: &[u8], text: &str) -> Result<Time> {
    let mut rest = body;
    let mut total = 0_i64;
    for (letter, seconds) in HMS_SECONDS {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || rest.get(digits) != Some(&letter) {
            continue;
        }
        total = Number::read(&rest[..digits])
            .and_then(|(number, _)| number.whole()?.checked_mul(seconds)?.checked_add(total))
            .ok_or_else(|| out_of_range(text))?;
        rest = &rest[digits + 1..];
    }
    if rest.is_empty() {
        Ok(Time::of_count(total, Counter::Second))
    } else {
        Err(unknown_unit(body, text))
    }
}

/// What people write for a unit, and the suffix that they mean. A plural counts as its singular.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("iteration", "iter"),
    ("epoch", "ep"),
    ("batch", "ba"),
    ("step", "ba"),
    ("sample", "sp"),
    ("token", "tok"),
    ("duration", "dur"),
    ("second", "sec"),
    ("s", "sec"),
    ("min", "m"),
    ("minute", "m"),
    ("hr", "h"),
    ("hour", "h"),
    ("day", "d"),
];

/// The suffix that a word stands for, if it is one or means one.
fn suffix_meant(word: &str) -> Option<&'static str> {
    if let Some(unit) = Unit::lookup(word.as_bytes()) {
        return Some(unit.suffix());
    }
    let word = word.to_ascii_lowercase();
    let singulars = ["", "s", "es"].map(|ending| word.strip_suffix(ending));
    OTHER_WORDS.into_iter().find(|(other, _)| singulars.contains(&Some(other))).map(|row| row.1)
}

/// The time string that was probably meant, which is a valid one.
fn meant(number: &str, rest: &str) -> Option<String> {
    let mut letters = rest.chars();
    let multiple = match letters.next()?.to_ascii_uppercase() {
        'G' => "B",
        'K' => "K",
        'M' => "M",
        'B' => "B",
        'T' => "T",
        _ => "",
    };
    let with_multiple = || Some((multiple, suffix_meant(letters.as_str().trim_start())?));
    let (multiple, suffix) = suffix_meant(rest)
        .map(|suffix| ("", suffix))
        .or_else(|| with_multiple().filter(|_| !multiple.is_empty()))?;
    let text = format!("{number}{multiple}{suffix}");
    text.parse::<Time>().is_ok().then_some(text)
}

#[cold]
fn unknown_unit(body: &[u8], text: &str) -> Error {
    let rest = Number::read(body).map_or(0, |(_, rest)| rest.len());
    // Both are parts of a text, cut behind an ASCII digit.
    let part = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    let (number, rest) = (part(&body[..body.len() - rest]), part(&body[body.len() - rest..]));
    if let Some(meant) = meant(number, rest.trim_start()) {
        return malformed(text, "is not understood", &format!("write '{meant}'"));
    }
    // A multiple alone.
    match meant(number, &format!("{}ba", rest.trim_start())) {
        Some(example) => malformed(text, "has no unit", &format!("give a unit, e.g. '{example}'")),
        None => malformed(text, "has a unit that is not known", &expected()),
    }
}

#[cold]
fn not_whole(text: &str, counter: Counter) -> Error {
    let (wrong, mend) = match counter {
        Counter::Iteration | Counter::Epoch => (
            "is a fraction of something that is counted",
            "write it in batches, e.g. '150ba', or as a fraction of the run, e.g. '0.3dur'",
        ),
        _ => (
            "is a fraction of something that is counted",
            "write a whole number, or a fraction of the run, e.g. '0.3dur'",
        ),
    };
    string_error(Kind::FractionalCount, text, wrong, mend)
}

#[cold]
fn out_of_range(text: &str) -> Error {
    string_error(Kind::Parse, text, "is out of range", &Range.to_string())
}

#[cold]
fn malformed(text: &str, wrong: &'static str, mend: &str) -> Error {
    string_error(Kind::Parse, text, wrong, mend)
}

fn string_error(kind: Kind, text: &str, wrong: &'static str, mend: &str) -> Error {
    Error::new(kind, Fault::TimeString { text: text.into(), wrong, mend: mend.into() })
}

fn expected() -> String {
    format!(
        "expected a number and a unit ({}), e.g. '5ep', '1.5e3tok' or '0.3dur', or hours and \
         minutes, e.g. '1h30m'",
        Unit::list()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::quote;

    #[test]
    fn counts_are_exact() {
        for (text, value, counter) in [
            ("5ep", 5, Counter::Epoch),
            (" +1_000 ba\n", 1_000, Counter::Batch),
            ("1.5e3tok", 1_500, Counter::Token),
            ("15Ttok", 15_000_000_000_000, Counter::Token),
            ("5TOK", 5, Counter::Token),
            ("5BBA", 5_000_000_000, Counter::Batch),
            ("9007199254740993tok", 9_007_199_254_740_993, Counter::Token),
            ("-9223372036854775807sp", -i64::MAX, Counter::Sample),
            ("1000000000000000000000000e-20iter", 10_000, Counter::Iteration),
            ("0e999999999999ba", 0, Counter::Batch),
            ("36h", 129_600, Counter::Second),
            ("1h20m40s", 4_840, Counter::Second),
            ("2d1s", 172_801, Counter::Second),
        ] {
            assert_eq!(text.parse(), Ok(Time::of_count(value, counter)), "{text:?}");
        }
        assert_eq!("0.3dur".parse(), Ok(Time::of_fraction(0.3)));
        assert_eq!("1Kdur".parse(), Ok(Time::of_fraction(1000.0)));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for (text, kind) in [
            ("", Kind::Parse),
            ("5", Kind::Parse),
            ("5epp", Kind::Parse),
            ("5  ep", Kind::Parse),
            ("15 Ttok", Kind::Parse),
            ("1__0ba", Kind::Parse),
            (".5dur", Kind::Parse),
            ("nandur", Kind::Parse),
            ("infdur", Kind::Parse),
            ("1e400dur", Kind::Parse),
            ("٣ep", Kind::Parse),
            ("40s1h", Kind::Parse),
            ("9223372036854775808ba", Kind::Parse),
            ("99999999999999999999d", Kind::Parse),
            ("1.5ep", Kind::FractionalCount),
            ("1e-3sec", Kind::FractionalCount),
        ] {
            let error = text.parse::<Time>().unwrap_err();
            assert_eq!(error.kind(), kind, "{text:?}");
            assert!(error.to_string().contains(&quote(text)), "{error}");
        }
    }

    #[test]
    fn what_was_meant_is_said() {
        for (text, mend) in [
            ("1kba", "write '1Kba'"),
            ("2Gtok", "write '2Btok'"),
            ("2gtokens", "write '2Btok'"),
            ("10min", "write '10m'"),
            ("100steps", "write '100ba'"),
            ("5 Epochs", "write '5ep'"),
            ("3hours", "write '3h'"),
            ("7batches", "write '7ba'"),
            ("5  ep", "write '5ep'"),
            ("15 Ttok", "write '15Ttok'"),
            ("10k", "give a unit, e.g. '10Kba'"),
            ("1.5M", "give a unit, e.g. '1.5Mba'"),
            ("5", "give a unit, e.g. '5ep'"),
            (
                "1.5ep",
                "write it in batches, e.g. '150ba', or as a fraction of the run, e.g. '0.3dur'",
            ),
        ] {
            let error = text.parse::<Time>().unwrap_err().to_string();
            assert!(error.ends_with(&format!(": {mend}")), "{error}");
        }
        // Nothing is offered that would be refused in turn.
        for text in ["1.5hours", "1Mhours", "5epp", "3x", "1.5kx", "5 é", "5Ké"] {
            let error = text.parse::<Time>().unwrap_err().to_string();
            assert!(error.contains("has a unit that is not known: expected"), "{error}");
        }
    }
}
