#![doc = include_str!("../README.md")]
//!
//! # The way of the data
//!
//! The data flows one way:
//!
//! ```text
//! "0.3dur"  --parse-->  Time  --Schedule-->  --resolve(Run)-->  Curve  -->  alpha = f(t)
//! ```
//!
//! * [`Time`] is a value and a unit; it knows no run.
//! * [`Schedule`] is what the user wrote: an immutable tree of times and numbers.
//! * [`Run`] holds the facts without which `dur` and `ep` have no length.
//! * [`Curve`] is a schedule resolved for a run: numbers on named counters.
#![deny(unsafe_code)] // but in `bulk::dispatch`

mod bulk;
mod curve;
mod error;
mod math;
mod run;
mod schedule;
mod time;
mod view;

pub use bulk::dispatch::Level;
pub use bulk::share::set_default_threads;
pub use bulk::source::{Source, Sources};
pub use bulk::{Sink, counters_of, evaluate, grid_len};
pub use curve::reading::{Reading, Readings};
pub use curve::{Curve, Function};
pub use error::{Error, Fault, Kind, Lack, Moment, Result, quote};
pub use math::Ease;
pub use run::{Facts, Run};
pub use schedule::declare::{
    Argument, Declaration, Default, Eases, Form, Parameter, ParameterKind,
};
pub use schedule::print::Style;
pub use schedule::{NamedArgument, Schedule};
pub use time::timestamp::{Field, MICROSECONDS_PER_SECOND, Since, Timestamp};
pub use time::unit::{Counter, Unit};
pub use time::{Time, Whole};
pub use view::difference::Apart;
pub use view::moments::Written;
pub use view::outline::Course;
pub use view::phases::PhaseOfCurve;
pub use view::{Jump, MOST_BREAKPOINTS};
