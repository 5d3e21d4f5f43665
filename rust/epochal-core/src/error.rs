//! What can go wrong, as a kind and a sentence.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What values a time can have, for messages.
pub(crate) const RANGE: &str =
    "counts lie within ±(2**63 - 1), a fraction of the run is a finite float";

/// The kinds of failure; each is one exception class in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A time string is not understood or out of range.
    Parse,
    /// A time string gives a fraction of something that is counted, such as `"1.5ep"`.
    FractionalCount,
    /// Two units do not go together, or a conversion lacks a fact.
    Unit,
    /// A count leaves ±(2^63 − 1), or a fraction is no longer finite.
    Overflow,
    /// A division by zero.
    ZeroDivision,
    /// A value that its type allows but its meaning does not.
    Value,
    /// A schedule, a run or a point of evaluation is not valid.
    Schedule,
    /// A saved state is not valid.
    State,
    /// A function failed.
    Function,
}

/// A failure: its kind, and a lower-case sentence that quotes the input.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

/// Behind a pointer: what does not fail pays for one word only.
#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of a kind, in words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// A failure of a function, which is the source of the error.
    pub fn foreign(source: impl StdError + Send + Sync + 'static) -> Self {
        let (kind, message) = (Kind::Function, source.to_string());
        Self(Box::new(Inner { kind, message, source: Some(Arc::new(source)) }))
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// A count or a fraction that cannot be represented; `what` is the expression.
    pub(crate) fn overflow(what: impl fmt::Display) -> Self {
        Self::new(Kind::Overflow, format!("{what} is out of range: {RANGE}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.0.kind, &self.0.message) == (other.0.kind, &other.0.message)
    }
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
