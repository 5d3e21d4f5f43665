//! Learning-rate schedules written in training time.
//!
//! The data flows one way:
//!
//! ```text
//! "0.3dur"  --parse-->  Time  --Schedule-->  --resolve(Run)-->  Curve  -->  alpha = f(t)
//! ```
//!
//! * [`Time`] is a value and a unit; it knows no run.
//! * [`Schedule`] is what the user wrote: a small immutable tree of times and numbers.
//! * [`Run`] holds the facts without which `dur` and `ep` have no length.
//! * [`Curve`] is a schedule resolved for a run: numbers on named clocks, nothing that can fail.
//!
//! ```
//! use epochal_core::{Clock, Run, Schedule, Tail, Time};
//!
//! let run = Run::new("3ep".parse()?, Default::default(), 0.5);
//! assert!(run.is_err()); // 1.5 epochs have no length without batches_per_epoch
//!
//! let linear = Tail::linear(1.0, 0.0, "1dur".parse()?)?;
//! let curve = Schedule::from(linear).resolve(&Run::new("100ba".parse()?, Default::default(), 1.0)?)?;
//! assert_eq!(curve.clocks(), [Clock::Batch]);
//! assert_eq!(curve.at(&[25.0; Clock::COUNT]), 0.75);
//! # Ok::<(), epochal_core::Error>(())
//! ```
#![deny(unsafe_code)] // but in `dispatch`

mod bulk;
mod count;
mod curve;
mod cycle;
mod decay;
mod dispatch;
mod error;
mod math;
mod milestones;
mod parse;
mod resolve;
mod run;
mod schedule;
mod shape;
mod share;
mod source;
mod span;
mod time;
mod timestamp;
mod unit;

pub use bulk::{Sink, clocks_of, evaluate, grid_len};
pub use curve::Curve;
pub use dispatch::Level;
pub use error::{Error, Kind, Result, quote};
pub use run::{Facts, Run};
pub use schedule::{Argument, Schedule, Tail, Warmup};
pub use share::set_default_threads;
pub use source::{Source, Sources};
pub use time::{Time, Whole};
pub use timestamp::{Field, MICROSECONDS_PER_SECOND, Timestamp};
pub use unit::{Clock, Unit};
