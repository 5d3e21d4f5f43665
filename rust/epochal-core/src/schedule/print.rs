//! Schedules as text.

use crate::schedule::Schedule;
use crate::schedule::declare::{Argument, Form};
use crate::time::Time;
use std::fmt;

/// The words that differ between languages.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The ending of the names of classes.
    pub suffix: &'static str,
    /// Yes.
    pub yes: &'static str,
    /// No.
    pub no: &'static str,
    /// An argument that was left out.
    pub nothing: &'static str,
    /// Whether to write trees in place of the names that they were given, so that equal schedules
    /// have equal texts.
    pub expanded: bool,
}

/// The core's own words.
const PLAIN: Style =
    Style { suffix: "", yes: "true", no: "false", nothing: "none", expanded: false };

impl Schedule {
    /// The text that rebuilds this schedule, in the words of a language.
    pub fn written(&self, style: &Style) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = Writer { style, out: &mut text }.schedule(self);
        text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer { style: &PLAIN, out: f }.schedule(self)
    }
}

struct Writer<'a, W> {
    style: &'a Style,
    out: &'a mut W,
}

impl<W: fmt::Write> Writer<'_, W> {
    fn schedule(&mut self, schedule: &Schedule) -> fmt::Result {
        let schedule = if self.style.expanded { schedule.tree() } else { schedule };
        if let Some(function) = schedule.as_function() {
            return self.out.write_str(&function.text());
        }
        let arguments = schedule.arguments();
        let name = schedule.name().unwrap_or_default();
        let mut given = arguments.iter().map(|argument| &argument.value);
        match (schedule.form(), given.next()) {
            (Form::Method, Some(Argument::Schedule(of))) => {
                self.bracketed(of, &[Form::Product, Form::Scale, Form::Lift])?;
                write!(self.out, ".{name}(")?;
                let mut separator = "";
                for argument in &arguments[1..] {
                    if argument.default.as_ref() == Some(&argument.value) {
                        continue;
                    }
                    self.out.write_str(separator)?;
                    separator = ", ";
                    if argument.default.is_some() {
                        write!(self.out, "{}=", argument.name)?;
                    }
                    self.argument(&argument.value)?;
                }
                self.out.write_str(")")
            }
            (Form::Product, Some(Argument::Schedules(factors))) => {
                for (index, factor) in factors.iter().enumerate() {
                    match index {
                        0 => self.bracketed(factor, &[Form::Lift])?,
                        _ => {
                            self.out.write_str(" * ")?;
                            self.bracketed(factor, &[Form::Scale, Form::Lift])?;
                        }
                    }
                }
                Ok(())
            }
            (Form::Scale, Some(Argument::Schedule(of))) => {
                self.bracketed(of, &[Form::Lift])?;
                self.out.write_str(" * ")?;
                given.try_for_each(|by| self.argument(by))
            }
            (Form::Lift, Some(Argument::Schedule(of))) => {
                self.schedule(of)?;
                self.out.write_str(" + ")?;
                given.try_for_each(|by| self.argument(by))
            }
            _ => {
                write!(self.out, "{name}{}(", self.style.suffix)?;
                let mut separator = "";
                for argument in &arguments {
                    if argument.default.as_ref() == Some(&argument.value) {
                        continue;
                    }
                    write!(self.out, "{separator}{}=", argument.name)?;
                    separator = ", ";
                    self.argument(&argument.value)?;
                }
                self.out.write_str(")")
            }
        }
    }

    /// A schedule in brackets, if it is written in one of some forms.
    fn bracketed(&mut self, schedule: &Schedule, forms: &[Form]) -> fmt::Result {
        let shown = if self.style.expanded { schedule.tree() } else { schedule };
        if !forms.contains(&shown.form()) {
            return self.schedule(shown);
        }
        self.out.write_str("(")?;
        self.schedule(shown)?;
        self.out.write_str(")")
    }

    fn argument(&mut self, argument: &Argument) -> fmt::Result {
        match argument {
            Argument::Time(time) => self.time(*time),
            Argument::Times(times) => self.list(times, |writer, time| writer.time(*time)),
            Argument::Number(number) => write!(self.out, "{number:?}"),
            Argument::Flag(true) => self.out.write_str(self.style.yes),
            Argument::Flag(false) => self.out.write_str(self.style.no),
            Argument::Ease(ease) => write!(self.out, "'{}'", ease.name()),
            Argument::Eases(eases) => {
                self.list(eases, |writer, ease| write!(writer.out, "'{}'", ease.name()))
            }
            Argument::Points(points) => self.list(points, |writer, (time, value)| {
                writer.out.write_str("(")?;
                writer.time(*time)?;
                write!(writer.out, ", {value:?})")
            }),
            Argument::Schedule(schedule) => self.schedule(schedule),
            Argument::Schedules(schedules) => {
                self.list(schedules, |writer, schedule| writer.schedule(schedule))
            }
            Argument::Nothing => self.out.write_str(self.style.nothing),
        }
    }

    fn time(&mut self, time: Time) -> fmt::Result {
        write!(self.out, "'{time}'")
    }

    fn list<T>(
        &mut self,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T) -> fmt::Result,
    ) -> fmt::Result {
        self.out.write_str("[")?;
        for (index, item) in items.iter().enumerate() {
            self.out.write_str(if index > 0 { ", " } else { "" })?;
            write(self, item)?;
        }
        self.out.write_str("]")
    }
}
