//! What a text means as a time, by the rules of the documentation: from its end to its beginning,
//! in whole numbers of any size.

use num_bigint::BigUint;

/// What a text means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A whole number of a unit.
    Count(i64, &'static str),
    /// A fraction of the run: |its value| as a ratio, and whether there is a minus.
    Fraction { negative: bool, numerator: BigUint, denominator: BigUint },
    /// A number beyond all counts, or beyond all floats.
    OutOfRange,
    /// A fraction of something that is counted.
    NotWhole,
    /// No time.
    Nothing,
}

const UNITS: [&str; 7] = ["iter", "ep", "ba", "sp", "tok", "dur", "sec"];
const MULTIPLES: [(char, i64); 4] = [('K', 3), ('M', 6), ('B', 9), ('T', 12)];
const HMS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

pub fn meaning(text: &str) -> Meaning {
    if text.len() > 64 {
        return Meaning::Nothing;
    }
    let body = text.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    UNITS
        .into_iter()
        .find_map(|unit| in_unit(body, unit))
        .or_else(|| hms(body))
        .unwrap_or(Meaning::Nothing)
}

/// `number [multiple] [blank] unit`
fn in_unit(body: &str, unit: &'static str) -> Option<Meaning> {
    let at = body.len().checked_sub(unit.len())?;
    let rest = body.get(..at).filter(|_| body[at..].eq_ignore_ascii_case(unit))?;
    let rest = rest.strip_suffix(' ').unwrap_or(rest);
    let multiple = MULTIPLES
        .into_iter()
        .find_map(|(letter, power)| rest.strip_suffix(letter).map(|number| (number, power)));
    let (number, power) = multiple.unwrap_or((rest, 0));
    Some(decimal(number)?.times_power_of_ten(power).in_unit(unit))
}

/// ± digits × 10^power
struct Decimal {
    negative: bool,
    digits: BigUint,
    power: i64,
}

/// `[+|-] digits [. digits] [e[+|-]digits]`
fn decimal(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (digits(whole)?, digits(fraction)?),
        None => (digits(mantissa)?, String::new()),
    };
    let power = match exponent {
        None => 0,
        Some(exponent) => {
            let size = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
            let size: BigUint = size.parse().ok()?;
            // All powers beyond it are the same to 64 digits.
            let size = i64::try_from(size).unwrap_or(i64::MAX).min(1_000_000_000);
            if exponent.starts_with('-') { -size } else { size }
        }
    };
    Some(Decimal {
        negative: text.starts_with('-'),
        digits: format!("{whole}{fraction}").parse().ok()?,
        power: power - fraction.len() as i64,
    })
}

/// Digits with single underscores between them, without those.
fn digits(text: &str) -> Option<String> {
    let runs: Vec<&str> = text.split('_').collect();
    let is_run = |run: &&str| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit());
    runs.iter().all(is_run).then(|| runs.concat())
}

impl Decimal {
    fn times_power_of_ten(self, power: i64) -> Self {
        Self { power: self.power + power, ..self }
    }

    fn in_unit(self, unit: &'static str) -> Meaning {
        /// Beyond it 64 digits are beyond the range of floats, or nearer to 0 than any float.
        const FAR: i64 = 450;
        let Self { negative, digits, power } = self;
        let zero = BigUint::ZERO;
        let power_of_ten = |power: i64| BigUint::from(10_u8).pow(power as u32);
        let (numerator, denominator) = match power {
            _ if digits == zero => (zero.clone(), power_of_ten(0)),
            ..=-1 => (digits, power_of_ten((-power).min(FAR))),
            _ => (digits * power_of_ten(power.min(FAR)), power_of_ten(0)),
        };
        if unit == "dur" {
            return Meaning::Fraction { negative, numerator, denominator };
        }
        let magnitude = &numerator / &denominator;
        if &magnitude * &denominator != numerator {
            return Meaning::NotWhole;
        }
        match i64::try_from(magnitude) {
            Ok(count) => Meaning::Count(if negative { -count } else { count }, unit),
            Err(_) => Meaning::OutOfRange,
        }
    }
}

/// `[n d][n h][n m][n s]`, at least one.
fn hms(body: &str) -> Option<Meaning> {
    let (mut rest, mut total) = (body, BigUint::ZERO);
    for (letter, seconds) in HMS {
        if let Some((number, after)) = rest.split_once(letter)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            total += number.parse::<BigUint>().ok()? * seconds;
            rest = after;
        }
    }
    let is_all = rest.is_empty() && !body.is_empty();
    is_all.then(|| i64::try_from(total).map_or(Meaning::OutOfRange, |n| Meaning::Count(n, "sec")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_have_their_examples() {
        for (text, expected) in [
            ("5ep", Meaning::Count(5, "ep")),
            (" +1_000 ba\n", Meaning::Count(1_000, "ba")),
            ("1.5e3tok", Meaning::Count(1_500, "tok")),
            ("15Ttok", Meaning::Count(15_000_000_000_000, "tok")),
            ("5TOK", Meaning::Count(5, "tok")),
            ("1h20m40s", Meaning::Count(4_840, "sec")),
            ("-9223372036854775807sp", Meaning::Count(-i64::MAX, "sp")),
            ("9223372036854775808ba", Meaning::OutOfRange),
            ("1.5ep", Meaning::NotWhole),
            ("1e-999999999999ep", Meaning::NotWhole),
            ("0e999999999999ba", Meaning::Count(0, "ba")),
            ("1__0ba", Meaning::Nothing),
            ("15 Ttok", Meaning::Nothing),
            ("5  ep", Meaning::Nothing),
            ("40s1h", Meaning::Nothing),
            ("5", Meaning::Nothing),
            ("", Meaning::Nothing),
        ] {
            assert_eq!(meaning(text), expected, "{text:?}");
        }
    }
}
