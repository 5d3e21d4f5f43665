//! What the user wrote: a tree that knows no run.

pub(crate) mod declare;
pub(crate) mod nodes;
mod operations;
pub(crate) mod phase;
pub(crate) mod print;

use crate::curve::{self, Curve, Function};
use crate::error::{Error, Result};
use crate::run::Run;
use crate::schedule::declare::{Argument, Declaration, Form};
use crate::schedule::phase::Phase;
use crate::time::Time;
use std::fmt::Debug;
use std::slice;
use std::sync::Arc;

/// A schedule: an immutable tree, whose leaves are formulas and functions.
///
/// Two schedules are equal if their trees are, whatever names they were given. A schedule prints as
/// the text that rebuilds it. A tree has at most 2000 parts, nested at most 64 levels deep.
#[derive(Clone, Debug)]
pub struct Schedule {
    node: Arc<dyn Node>,
    extent: Extent,
}

/// How large a tree is.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    levels: usize,
    /// A part that stands in several places is counted in each, as it is printed.
    parts: usize,
}

/// The deepest a tree may be: few enough levels for a stack of half a megabyte, more than people
/// write.
const DEEPEST: usize = 64;

/// The largest a tree may be. A product of so many factors can be read back; and a tree that holds
/// another twice, and so on, soon has more parts than any memory.
const LARGEST: usize = 2000;

/// An argument by name, and the value with which it need not be printed.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArgument {
    /// The argument's name.
    pub name: String,
    /// Its value.
    pub value: Argument,
    /// Its value where it is left out, if it may be.
    pub default: Option<Argument>,
}

impl NamedArgument {
    /// Whether it has no default, or is that.
    pub fn is_default_or_needed(&self) -> bool {
        self.default.as_ref().is_none_or(|default| *default == self.value)
    }
}

/// A node as it is declared.
pub(crate) trait Declared: Debug + Send + Sync {
    fn declaration(&self) -> &'static Declaration;

    /// In the order of the declaration.
    fn arguments(&self) -> Vec<Argument>;
}

/// What a node means.
pub(crate) trait Resolve {
    /// The curve of the node in a phase.
    fn resolve(&self, phase: &Phase<'_>) -> Result<curve::Node>;

    /// The time whose counter the phase runs on, if there is one.
    fn main_time(&self) -> Option<Time>;

    /// Checks that its arguments go together.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A node of the tree.
trait Node: Resolve + Debug + Send + Sync {
    fn declaration(&self) -> Option<&'static Declaration> {
        None
    }

    fn arguments(&self) -> Vec<NamedArgument> {
        Vec::new()
    }

    fn as_named(&self) -> Option<&Named> {
        None
    }

    fn as_function(&self) -> Option<&Arc<dyn Function>> {
        None
    }
}

impl<T: Declared + Resolve> Node for T {
    fn declaration(&self) -> Option<&'static Declaration> {
        Some(Declared::declaration(self))
    }

    fn arguments(&self) -> Vec<NamedArgument> {
        let parameters = Declared::declaration(self).parameters.iter();
        let named = parameters.zip(Declared::arguments(self)).map(|(parameter, value)| {
            let default = parameter.default.map(Argument::from);
            NamedArgument { name: parameter.name.into(), value, default }
        });
        named.collect()
    }
}

/// A tree that is written, and printed, under a name of its own.
#[derive(Debug)]
struct Named {
    name: String,
    arguments: Vec<NamedArgument>,
    tree: Schedule,
}

impl Node for Named {
    fn arguments(&self) -> Vec<NamedArgument> {
        self.arguments.clone()
    }

    fn as_named(&self) -> Option<&Named> {
        Some(self)
    }
}

impl Resolve for Named {
    fn resolve(&self, phase: &Phase<'_>) -> Result<curve::Node> {
        self.tree.node(phase)
    }

    fn main_time(&self) -> Option<Time> {
        self.tree.main_time()
    }
}

impl Node for Arc<dyn Function> {
    fn as_function(&self) -> Option<&Arc<dyn Function>> {
        Some(self)
    }
}

impl Schedule {
    fn new(node: impl Node + 'static) -> Result<Self> {
        node.check()?;
        let below =
            Extent::of(node.arguments().iter().flat_map(|argument| argument.value.schedules()));
        Self::above(node, below)
    }

    fn above(node: impl Node + 'static, below: Extent) -> Result<Self> {
        let extent = Extent { levels: below.levels + 1, parts: below.parts.saturating_add(1) };
        if extent.levels > DEEPEST {
            let expected = format!("nested at most {DEEPEST} levels deep");
            return Err(Error::invalid("a schedule", expected, extent.levels));
        }
        if extent.parts > LARGEST {
            let expected = format!("made of at most {LARGEST} parts");
            return Err(Error::invalid("a schedule", expected, extent.parts));
        }
        Ok(Self { node: Arc::new(node), extent })
    }

    /// A function as a leaf.
    pub fn function(function: Arc<dyn Function>) -> Result<Self> {
        Self::above(function, Extent::default())
    }

    /// The tree under a name and arguments of its own, by which it is printed.
    pub fn named(&self, name: String, arguments: Vec<NamedArgument>) -> Result<Self> {
        Self::above(Named { name, arguments, tree: self.clone() }, self.extent)
    }

    /// The product of two schedules; never a product of products.
    pub fn times(&self, other: &Self) -> Result<Self> {
        Self::product(vec![self.clone(), other.clone()])
    }

    /// The curve of this schedule in a run.
    pub fn resolve(&self, run: &Run) -> Result<Curve> {
        Curve::new(self.node(&Phase::of(run))?, run)
    }

    /// The name that it was given, or that of its declaration. A function has none.
    pub fn name(&self) -> Option<&str> {
        match self.node.as_named() {
            Some(named) => Some(&named.name),
            None => self.node.declaration().map(|declaration| declaration.name),
        }
    }

    /// How it is written. A tree with a name of its own is written as a class.
    pub fn form(&self) -> Form {
        self.node.declaration().map_or(Form::Class, |declaration| declaration.form)
    }

    /// The arguments that rebuild it, in order.
    pub fn arguments(&self) -> Vec<NamedArgument> {
        self.node.arguments()
    }

    /// The function, if it is one.
    pub fn as_function(&self) -> Option<&Arc<dyn Function>> {
        self.node.as_function()
    }

    /// Whether it has a name of its own.
    pub fn is_named(&self) -> bool {
        self.node.as_named().is_some()
    }

    /// The tree itself, without the name that it may have been given.
    pub fn tree(&self) -> &Self {
        self.node.as_named().map_or(self, |named| named.tree.tree())
    }

    /// The factors of a product; of anything else, itself.
    fn into_factors(self) -> Vec<Self> {
        match self.arguments().pop().map(|argument| argument.value) {
            Some(Argument::Schedules(factors)) => factors,
            _ => vec![self],
        }
    }

    pub(crate) fn node(&self, phase: &Phase<'_>) -> Result<curve::Node> {
        self.node.resolve(phase)
    }

    pub(crate) fn main_time(&self) -> Option<Time> {
        self.node.main_time()
    }
}

impl Extent {
    /// Of schedules side by side.
    fn of<'a>(schedules: impl Iterator<Item = &'a Schedule>) -> Self {
        schedules.fold(Self::default(), |all, Schedule { extent, .. }| Self {
            levels: all.levels.max(extent.levels),
            parts: all.parts.saturating_add(extent.parts),
        })
    }
}

impl Argument {
    /// Those in it.
    fn schedules(&self) -> &[Schedule] {
        match self {
            Self::Schedule(schedule) => slice::from_ref(schedule),
            Self::Schedules(schedules) => schedules,
            _ => &[],
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.tree(), other.tree());
        match (one.as_function(), other.as_function()) {
            (None, None) => one.name() == other.name() && one.arguments() == other.arguments(),
            (Some(one), Some(other)) => one.equals(&**other),
            _ => false,
        }
    }
}
