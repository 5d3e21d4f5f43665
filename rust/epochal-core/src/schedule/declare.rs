//! Declarations: the arguments of each node, what values they may have, and how it is built.
//!
//! A node is declared once, by the macro `nodes`. That gives its struct, its checked constructor,
//! its name, its printed form, and the facts about its arguments that a binding needs.

use crate::error::{Error, Result};
use crate::math::Ease;
use crate::schedule::Schedule;
use crate::time::Time;
use std::cmp::Ordering;

/// An argument of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A time.
    Time(Time),
    /// Several times.
    Times(Vec<Time>),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// The shape of a piece.
    Ease(Ease),
    /// The shapes of several pieces.
    Eases(Vec<Ease>),
    /// Times with the value at each.
    Points(Vec<(Time, f64)>),
    /// Another schedule.
    Schedule(Schedule),
    /// Several schedules.
    Schedules(Vec<Schedule>),
    /// An argument that was left out.
    Nothing,
}

/// What an argument may be, for a caller that converts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the variants of [`Argument`]
pub enum ParameterKind {
    Time,
    Times,
    Number,
    /// A number or [`Argument::Nothing`].
    Limit,
    Flag,
    Ease,
    /// One shape for all pieces, or one for each.
    Eases,
    Points,
    Schedule,
    Schedules,
}

/// The value of an argument that is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A shape.
    Ease(Ease),
    /// A time, as it is written.
    Time(&'static str),
    /// Nothing.
    Nothing,
}

/// An argument that a node takes.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParameterKind,
    /// Its value where it is left out, unless it must be given.
    pub default: Option<Default>,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Name(a=…, b=…)`
    Class,
    /// `schedule.name(…)`, the schedule being the first argument.
    Method,
    /// `a * b * …`
    Product,
    /// `schedule * number`
    Scale,
    /// `schedule + number`
    Lift,
}

/// Everything about a node but its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Its name, such as `CosineAnnealing` or `after_warmup`.
    pub name: &'static str,
    /// How it is written.
    pub form: Form,
    /// Its arguments, in order.
    pub parameters: &'static [Parameter],
    /// Builds the node from its arguments, which are checked. Errors call them by the names that
    /// are given here, or else by their own.
    pub build: fn(Vec<Argument>, &[&str]) -> Result<Schedule>,
}

impl Declaration {
    /// Every declared node.
    pub const ALL: &'static [Self] = crate::schedule::nodes::DECLARATIONS;

    /// The node of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|declaration| declaration.name == name)
    }
}

impl From<Default> for Argument {
    fn from(default: Default) -> Self {
        match default {
            Default::Number(number) => Self::Number(number),
            Default::Flag(flag) => Self::Flag(flag),
            Default::Ease(ease) => Self::Ease(ease),
            Default::Time(text) => text.parse().map_or(Self::Nothing, Self::Time),
            Default::Nothing => Self::Nothing,
        }
    }
}

/// A kind of argument: the type of its value, and which values are valid.
#[allow(unreachable_pub)] // public constructors take its values
pub trait Kind {
    /// The type of its value.
    type Value;

    /// The kind, for a caller that converts arguments.
    const KIND: ParameterKind;

    /// The value, if it is valid; −0.0 becomes 0.0, so that equal values are the same.
    fn check(name: &str, value: Self::Value) -> Result<Self::Value>;

    /// The value of an argument of this kind.
    fn from_argument(argument: Argument) -> Option<Self::Value>;

    /// The argument of a value.
    fn to_argument(value: &Self::Value) -> Argument;

    /// The next of some arguments, checked.
    fn take(name: &str, arguments: &mut std::vec::IntoIter<Argument>) -> Result<Self::Value> {
        let value = arguments.next().and_then(Self::from_argument).ok_or_else(|| {
            Error::invalid(name, format!("given as {:?}", Self::KIND), "something else or nothing")
        });
        Self::check(name, value?)
    }
}

/// Kinds that are one variant of [`Argument`], and their checks.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $Kind:ident: $Variant:ident($Value:ty), |$name:pat_param, $value:ident| $check:expr;
    )*) => {$(
        $(#[$doc])*
        #[allow(unreachable_pub)]
        pub enum $Kind {}

        impl Kind for $Kind {
            type Value = $Value;
            const KIND: ParameterKind = ParameterKind::$Variant;

            fn check($name: &str, $value: $Value) -> Result<$Value> {
                $check
            }

            fn from_argument(argument: Argument) -> Option<$Value> {
                if let Argument::$Variant(value) = argument { Some(value) } else { None }
            }

            fn to_argument(value: &$Value) -> Argument {
                Argument::$Variant(value.clone())
            }
        }
    )*};
}

kinds! {
    /// A time above zero.
    PositiveTime: Time(Time), |name, time| match time.sign() {
        Ordering::Greater => Ok(time),
        _ => Err(Error::invalid(name, "above zero", format_args!("'{time}'"))),
    };
    /// A time that is zero or above.
    AnyTime: Time(Time), |name, time| not_negative_time(name, time);
    /// Times that are zero or above.
    AnyTimes: Times(Vec<Time>), |name, times| {
        times.into_iter().map(|time| not_negative_time(name, time)).collect()
    };
    /// A number that is zero or above.
    NotNegative: Number(f64), |name, value| finite(name, value, "zero or above", |v| v >= 0.0);
    /// A number above zero.
    Positive: Number(f64), |name, value| finite(name, value, "above zero", |v| v > 0.0);
    /// A number from 1 on.
    AtLeastOne: Number(f64), |name, value| finite(name, value, "at least 1", |v| v >= 1.0);
    /// Yes or no.
    YesNo: Flag(bool), |_, flag| Ok(flag);
    /// The shape of a piece.
    Shape: Ease(Ease), |_, ease| Ok(ease);
    /// Points in order, the values zero or above.
    Points: Points(Vec<(Time, f64)>), |name, points| in_order(name, points);
    /// A schedule.
    Of: Schedule(Schedule), |_, schedule| Ok(schedule);
    /// At least two schedules, none of them a product.
    Factors: Schedules(Vec<Schedule>), |name, factors| several(name, factors);
}

/// A bound that may be left out.
#[allow(unreachable_pub)]
pub enum Limit {}

impl Kind for Limit {
    type Value = Option<f64>;
    const KIND: ParameterKind = ParameterKind::Limit;

    fn check(name: &str, value: Option<f64>) -> Result<Option<f64>> {
        value.map(|value| NotNegative::check(name, value)).transpose()
    }

    fn from_argument(argument: Argument) -> Option<Option<f64>> {
        match argument {
            Argument::Number(number) => Some(Some(number)),
            Argument::Nothing => Some(None),
            _ => None,
        }
    }

    fn to_argument(value: &Option<f64>) -> Argument {
        value.map_or(Argument::Nothing, Argument::Number)
    }
}

/// The shapes of pieces.
#[derive(Clone, Debug, PartialEq)]
pub enum Eases {
    /// One for all of them.
    All(Ease),
    /// One for each.
    Each(Vec<Ease>),
}

impl Eases {
    /// The shape of each of some pieces, if there are as many.
    pub(crate) fn of_pieces(&self, pieces: usize) -> Option<Vec<Ease>> {
        match self {
            Self::All(ease) => Some(vec![*ease; pieces]),
            Self::Each(eases) => (eases.len() == pieces).then(|| eases.clone()),
        }
    }
}

/// The shapes of pieces: one for all of them, or one for each.
#[allow(unreachable_pub)]
pub enum Shapes {}

impl Kind for Shapes {
    type Value = Eases;
    const KIND: ParameterKind = ParameterKind::Eases;

    fn check(_: &str, eases: Eases) -> Result<Eases> {
        Ok(eases)
    }

    fn from_argument(argument: Argument) -> Option<Eases> {
        match argument {
            Argument::Ease(ease) => Some(Eases::All(ease)),
            Argument::Eases(eases) => Some(Eases::Each(eases)),
            _ => None,
        }
    }

    fn to_argument(eases: &Eases) -> Argument {
        match eases {
            Eases::All(ease) => Argument::Ease(*ease),
            Eases::Each(eases) => Argument::Eases(eases.clone()),
        }
    }
}

fn not_negative_time(name: &str, time: Time) -> Result<Time> {
    match time.sign() {
        Ordering::Less => Err(Error::invalid(name, "zero or above", format_args!("'{time}'"))),
        Ordering::Equal => Ok(time.abs()),
        Ordering::Greater => Ok(time),
    }
}

/// The factors of a product, those of products among them.
fn several(name: &str, factors: Vec<Schedule>) -> Result<Vec<Schedule>> {
    let factors: Vec<_> = factors.into_iter().flat_map(Schedule::into_factors).collect();
    match factors.len() {
        0 | 1 => Err(Error::invalid(name, "at least two schedules", factors.len())),
        _ => Ok(factors),
    }
}

fn in_order(name: &str, points: Vec<(Time, f64)>) -> Result<Vec<(Time, f64)>> {
    let Some((first, _)) = points.first() else {
        return Err(Error::invalid(name, "at least one pair of a time and a number", "none"));
    };
    let mut last = *first;
    let mut checked = Vec::with_capacity(points.len());
    for (time, value) in points {
        let time = not_negative_time(name, time)?;
        // Times of several units get their order when the schedule is resolved.
        if time.unit() == last.unit() && time.compare(last)? == Ordering::Less {
            let order = format_args!("'{time}' after '{last}'").to_string();
            return Err(Error::invalid(name, "in the order of their times", order));
        }
        last = time;
        checked.push((time, NotNegative::check(name, value)?));
    }
    Ok(checked)
}

fn finite(name: &str, value: f64, bound: &str, holds: impl Fn(f64) -> bool) -> Result<f64> {
    if value.is_finite() && holds(value) {
        Ok(value + 0.0)
    } else {
        Err(Error::invalid(name, format!("finite and {bound}"), format_args!("{value:?}")))
    }
}

/// Declares nodes. `constructor -> Name, "name", form { argument: kind = default, … }`.
macro_rules! nodes {
    ($(
        $(#[$doc:meta])*
        $constructor:ident -> $Name:ident, $text:literal, $form:ident {
            $($argument:ident: $kind:ident $(= $default:expr)?),* $(,)?
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub(crate) struct $Name {
                $(pub(crate) $argument: <$kind as Kind>::Value,)*
            }

            impl $Name {
                const DECLARATION: Declaration = Declaration {
                    name: $text,
                    form: Form::$form,
                    parameters: &[$(Parameter {
                        name: stringify!($argument),
                        kind: <$kind as Kind>::KIND,
                        default: nodes!(@default $($default)?),
                    },)*],
                    build: |arguments, names| {
                        let mut arguments = arguments.into_iter();
                        let mut names = names.iter().copied();
                        $(let $argument = <$kind as Kind>::take(
                            names.next().unwrap_or(stringify!($argument)),
                            &mut arguments,
                        )?;)*
                        Schedule::new($Name { $($argument),* })
                    },
                };
            }

            impl Declared for $Name {
                fn declaration(&self) -> &'static Declaration {
                    &Self::DECLARATION
                }

                fn arguments(&self) -> Vec<Argument> {
                    vec![$(<$kind as Kind>::to_argument(&self.$argument)),*]
                }
            }

            impl Schedule {
                $(#[$doc])*
                pub fn $constructor($($argument: <$kind as Kind>::Value),*) -> Result<Self> {
                    $(let $argument = <$kind as Kind>::check(stringify!($argument), $argument)?;)*
                    Self::new($Name { $($argument),* })
                }
            }
        )*

        pub(crate) const DECLARATIONS: &[Declaration] = &[$($Name::DECLARATION),*];
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
}
pub(crate) use nodes;
