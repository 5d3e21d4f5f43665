//! Printed schedules, read back: a small reader of what the core writes in its own words.

use crate::grow::Steps;
use epochal_core::{Argument, Declaration, Ease, Form, Parameter, ParameterKind, Schedule, Time};
use std::sync::Arc;

/// The schedule that a text stands for. The text is the core's: anything else is a finding.
pub fn read(text: &str) -> Schedule {
    let mut reader = Reader { rest: text };
    let schedule = reader.schedule();
    assert_eq!(reader.rest, "", "{text}");
    schedule
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    #[track_caller]
    fn expect(&mut self, text: &str) {
        assert!(self.skip(text), "no {text:?} before {:?}", self.rest);
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let at = self.rest.find(ends).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(at);
        self.rest = rest;
        text
    }

    /// `product + number + …`
    fn schedule(&mut self) -> Schedule {
        let mut of = self.product();
        while self.skip(" + ") {
            of = Schedule::lift(of, self.number()).expect("a sum");
        }
        of
    }

    /// `factor * factor * number * …`, from left to right
    fn product(&mut self) -> Schedule {
        let mut of = self.factor();
        while self.skip(" * ") {
            of = match self.rest.starts_with(|first: char| first.is_ascii_digit()) {
                true => Schedule::scale(of, self.number()).expect("a scaled schedule"),
                false => of.times(&self.factor()).expect("a product"),
            };
        }
        of
    }

    /// `Name(…)` or `(schedule)`, and methods of it
    fn factor(&mut self) -> Schedule {
        let mut of = if self.skip("(") {
            let inner = self.schedule();
            self.expect(")");
            inner
        } else if self.skip("steps") {
            let place: usize = self.until(|c| !c.is_ascii_digit()).parse().expect("a number");
            Schedule::function(Arc::new(Steps::ALL[place])).expect("a leaf")
        } else {
            let node = self.node(Form::Class);
            self.call(node, None)
        };
        while self.skip(".") {
            let node = self.node(Form::Method);
            of = self.call(node, Some(Argument::Schedule(of)));
        }
        of
    }

    fn node(&mut self, form: Form) -> &'static Declaration {
        let name = self.until(|c| c == '(');
        let node = Declaration::find(name).unwrap_or_else(|| panic!("no {name:?}"));
        assert_eq!(node.form, form, "{name}");
        node
    }

    /// Arguments by place or by name; those that are left out have their defaults.
    fn call(&mut self, node: &Declaration, first: Option<Argument>) -> Schedule {
        let mut given: Vec<Option<Argument>> = vec![None; node.parameters.len()];
        let mut place = usize::from(first.is_some());
        given[0] = first;
        self.expect("(");
        while !self.skip(")") {
            let named = node.parameters.iter().position(|p| self.skip(&format!("{}=", p.name)));
            let at = named.unwrap_or(place);
            given[at] = Some(self.argument(&node.parameters[at]));
            place = at + 1;
            self.skip(", ");
        }
        let arguments = given.into_iter().zip(node.parameters).map(|(argument, parameter)| {
            let default = || parameter.default.expect("an argument that is needed").into();
            argument.unwrap_or_else(default)
        });
        (node.build)(arguments.collect(), &[]).unwrap_or_else(|error| panic!("{error}"))
    }

    fn argument(&mut self, parameter: &Parameter) -> Argument {
        match parameter.kind {
            ParameterKind::Time => Argument::Time(self.time()),
            ParameterKind::Times => Argument::Times(self.list(Self::time)),
            ParameterKind::Limit if self.skip("none") => Argument::Nothing,
            ParameterKind::Number | ParameterKind::Limit => Argument::Number(self.number()),
            ParameterKind::Flag if self.skip("true") => Argument::Flag(true),
            ParameterKind::Flag => {
                self.expect("false");
                Argument::Flag(false)
            }
            ParameterKind::Eases if self.rest.starts_with('[') => {
                Argument::Eases(self.list(Self::ease))
            }
            ParameterKind::Ease | ParameterKind::Eases => Argument::Ease(self.ease()),
            ParameterKind::Points => Argument::Points(self.list(|reader| {
                reader.expect("(");
                let time = reader.time();
                reader.expect(", ");
                let value = reader.number();
                reader.expect(")");
                (time, value)
            })),
            ParameterKind::Schedule => Argument::Schedule(self.schedule()),
            ParameterKind::Schedules => Argument::Schedules(self.list(Self::schedule)),
        }
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.expect("[");
        while !self.skip("]") {
            items.push(one(self));
            self.skip(", ");
        }
        items
    }

    fn quoted(&mut self) -> &'a str {
        self.expect("'");
        let text = self.until(|c| c == '\'');
        self.expect("'");
        text
    }

    fn time(&mut self) -> Time {
        self.quoted().parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn ease(&mut self) -> Ease {
        let name = self.quoted();
        Ease::from_name(name).unwrap_or_else(|| panic!("no shape {name:?}"))
    }

    fn number(&mut self) -> f64 {
        let text = self.until(|c| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | '-')));
        text.parse().unwrap_or_else(|_| panic!("no number: {text:?}"))
    }
}
