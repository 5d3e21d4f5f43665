//! What can go wrong: a kind of failure, and the values that were wrong.

use crate::run::Run;
use crate::time::Time;
use crate::time::unit::Counter;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// The kinds of failure, for a caller that treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A time string is malformed or out of range.
    Parse,
    /// A time string gives a fraction of something that is counted, such as `"1.5ep"`.
    FractionalCount,
    /// Two units do not go together, or a conversion lacks a fact.
    Unit,
    /// A count leaves ±(2^63 − 1), or a fraction is no longer finite.
    Overflow,
    /// A division by zero.
    ZeroDivision,
    /// A value is of the right type but makes no sense.
    Value,
    /// A schedule, a run or a point of evaluation is not valid.
    Schedule,
    /// A saved state is not valid.
    State,
    /// A function failed.
    Function,
}

/// What went wrong, with the values that a caller needs to explain it in words of its own.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An argument does not have a value that it may have.
    Argument {
        /// The argument's name.
        name: String,
        /// What it must be.
        expected: String,
        /// The value that was given, quoted if it is text.
        got: String,
    },
    /// A text does not stand for a time.
    TimeString {
        /// The text.
        text: String,
        /// What is wrong with it, as a predicate.
        wrong: &'static str,
        /// What to write instead.
        mend: String,
    },
    /// The result of an expression is out of range.
    Overflow {
        /// The expression.
        expression: String,
    },
    /// An operation needs two times of one unit.
    Units {
        /// The operation, and the preposition before the second time.
        verb: [&'static str; 2],
        /// The times, in the order in which the operation names them.
        times: [Time; 2],
    },
    /// A time is divided by zero.
    DivisionByZero {
        /// The time.
        dividend: Time,
    },
    /// A count cannot be converted from one counter to another.
    Conversion {
        /// How many.
        count: i64,
        /// Of what.
        from: Counter,
        /// Into what.
        to: Counter,
        /// Why not.
        lack: Lack,
    },
    /// One counter does not tell all the counters that are read.
    Counters {
        /// The counters that are read.
        read: Vec<Counter>,
        /// The one that is known.
        told: Counter,
        /// Why it is not enough.
        lack: Lack,
    },
    /// What comes before the end of a phase takes longer than the phase.
    Phase {
        /// The arguments that come before the end, in order; none at the start of the run.
        before: Vec<Moment>,
        /// The argument that says when the phase ends.
        end: Moment,
        /// A time that would be late enough, if there is a simple one.
        enough: Option<Time>,
        /// What the places count.
        counter: Counter,
        /// The run.
        run: Run,
    },
    /// α is infinite or not a number.
    NotFinite {
        /// α.
        alpha: f64,
        /// The time, on every counter that is read.
        at: Vec<(f64, Counter)>,
        /// The run.
        run: Run,
    },
    /// Something cannot be told of a curve with a function in it, of which only values are known.
    Unknown {
        /// What cannot be told.
        what: &'static str,
    },
    /// A curve has more breakpoints than are listed.
    Breakpoints {
        /// As many are listed.
        most: usize,
    },
    /// A function failed.
    Function(Arc<dyn StdError + Send + Sync>),
}

/// Why a counter cannot be converted to or from batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The counter.
    pub counter: Counter,
    /// The fact of the run that would relate it to batches, if there is such a fact.
    pub fact: Option<&'static str>,
}

/// An argument that is a time, and where or how long that is in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The argument's name.
    pub argument: String,
    /// The time, as it was written.
    pub time: Time,
    /// The time in the run.
    pub place: f64,
}

/// A failure: its kind, and what went wrong. It prints as a lower-case sentence that quotes the
/// input.
///
/// It is one word long, so that what does not fail pays for one word only.
#[derive(Clone, Debug)]
pub struct Error(Box<(Kind, Fault)>);

impl Error {
    pub(crate) fn new(kind: Kind, fault: Fault) -> Self {
        Self(Box::new((kind, fault)))
    }

    /// A failure of a function. The function's error is the [`source`](StdError::source).
    pub fn foreign(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Function, Fault::Function(Arc::new(source)))
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.0.0
    }

    /// What went wrong.
    pub fn fault(&self) -> &Fault {
        &self.0.1
    }

    /// An argument that must be `expected`.
    pub(crate) fn argument(
        kind: Kind,
        name: impl Into<String>,
        expected: impl Into<String>,
        got: impl fmt::Display,
    ) -> Self {
        let (name, expected, got) = (name.into(), expected.into(), got.to_string());
        Self::new(kind, Fault::Argument { name, expected, got })
    }

    /// The same for an argument of a schedule, of a run, or of an evaluation.
    pub(crate) fn invalid(name: &str, expected: impl Into<String>, got: impl fmt::Display) -> Self {
        Self::argument(Kind::Schedule, name, expected, got)
    }

    /// An expression whose result no time can hold.
    pub(crate) fn overflow(expression: impl fmt::Display) -> Self {
        Self::new(Kind::Overflow, Fault::Overflow { expression: expression.to_string() })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault().fmt(f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument { name, expected, got } => {
                write!(f, "{name} must be {expected}, not {got}")
            }
            Self::TimeString { text, wrong, mend } => {
                write!(f, "time string {} {wrong}: {mend}", quote(text))
            }
            Self::Overflow { expression } => write!(f, "{expression} is out of range: {Range}"),
            Self::Units { verb: [verb, and], times: [one, other] } => {
                write!(f, "cannot {verb} '{one}' {and} '{other}': their units differ")
            }
            Self::DivisionByZero { dividend } => write!(f, "cannot divide '{dividend}' by zero"),
            Self::Conversion { count, from, to, lack } => {
                write!(f, "cannot convert '{count}{from}' to '{to}': {lack}")
            }
            Self::Counters { read, told, lack } => {
                let read = joined(read, |counter| format!("'{counter}'"));
                write!(f, "the curve reads {read}, which '{told}' alone does not tell: {lack}")
            }
            Self::Phase { before, end: Moment { argument, time, place }, enough, counter, run } => {
                let verb = match &before[..] {
                    [] => return write!(f, "{argument} '{time}' is before the start of the run"),
                    [only] if only.argument == "t_warmup" => "is longer than",
                    [_] => "is after",
                    _ => "together are longer than",
                };
                let written = joined(before, |part| format!("{} '{}'", part.argument, part.time));
                let sum: Vec<_> = before.iter().map(|part| format!("{:?}", part.place)).collect();
                write!(
                    f,
                    "{written} {verb} {argument} '{time}': {} > {place:?} '{counter}' in a {run}; \
                     give a later {argument}",
                    sum.join(" + ")
                )?;
                if let Some(enough) = enough {
                    write!(f, ", such as {argument}='{enough}'")?;
                }
                let length = |name: &&str| before.iter().any(|part| part.argument == *name);
                match ["t_decay", "t_warmup"].iter().find(|name| length(name)) {
                    Some(name) => write!(f, ", or a shorter {name}"),
                    None => Ok(()),
                }
            }
            Self::NotFinite { alpha, at, run } => {
                let at = joined(at, |(place, counter)| format!("{place:?}{counter}"));
                let at = if at.is_empty() { "any time" } else { &at };
                write!(f, "α is {alpha:?} at {at} of a {run}: α must stay finite")
            }
            Self::Unknown { what } => write!(
                f,
                "{what} of a curve with a function in it cannot be told: only the values of the \
                 function are known, at the times at which it is called"
            ),
            Self::Breakpoints { most } => {
                write!(f, "the curve has more than {most} breakpoints, too many for a list")
            }
            Self::Function(source) => source.fmt(f),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fact {
            Some(fact) => write!(f, "'{}' needs {fact}", self.counter),
            None => write!(f, "'{}' has no fixed relation to batches", self.counter),
        }
    }
}

/// Prints which values a time can have.
pub(crate) struct Range;

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counts lie within ±{}, and a fraction of the run is finite", i64::MAX)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.fault() {
            Fault::Function(source) => Some(&**source),
            _ => None,
        }
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

/// Items as a list in a sentence.
fn joined<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(" and ")
}

/// `text` in single quotes for a message: escaped, and cut after 64 characters.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    let mut characters = text.chars();
    for character in characters.by_ref().take(64) {
        match character {
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push('"'),
            other => quoted.extend(other.escape_debug()),
        }
    }
    if characters.next().is_some() {
        quoted.push('…');
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_equal_by_kind_and_text() {
        let error = |kind, what| Error::new(kind, Fault::Unknown { what });
        assert_eq!(error(Kind::Unit, "the mean"), error(Kind::Unit, "the mean"));
        assert_ne!(error(Kind::Unit, "the mean"), error(Kind::Unit, "the maximum"));
        assert_ne!(error(Kind::Unit, "the mean"), error(Kind::Schedule, "the mean"));
    }
}
