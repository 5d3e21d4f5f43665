//! Eases: how a value gets from the lower end of a piece to the higher one.

/// The way a piece of a curve goes.
///
/// x is the way from the piece's lower end to its higher one, in [0, 1], and so is f(x); α is
/// low + (high − low)·f(x). So a fall is the mirror image of a rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ease {
    /// x
    Linear,
    /// sin²(½πx)
    Cosine,
    /// √x
    Sqrt,
    /// 1 − √(1 − x)
    OneMinusSqrt,
    /// x²
    Square,
    /// x/(½ + ½x)
    Rex,
    /// 2^x − 1
    Exponential,
    /// α = low·(high/low)^x, of ends above 0
    Geometric,
    /// The value of the earlier end until the later one.
    Step,
}

impl Ease {
    /// Every ease, and the name by which it is chosen.
    pub const TABLE: [(Self, &'static str); 9] = [
        (Self::Linear, "linear"),
        (Self::Cosine, "cosine"),
        (Self::Sqrt, "sqrt"),
        (Self::OneMinusSqrt, "1-sqrt"),
        (Self::Square, "square"),
        (Self::Rex, "rex"),
        (Self::Exponential, "exponential"),
        (Self::Geometric, "geometric"),
        (Self::Step, "step"),
    ];

    /// The name by which it is chosen.
    pub fn name(self) -> &'static str {
        Self::TABLE[self as usize].1
    }

    /// The ease of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.into_iter().find(|(_, known)| *known == name).map(|(ease, _)| ease)
    }
}

/// 1 − √(1 − x) for the distances that add up to a span, x being passed/span: by a form that does
/// not cancel, and one division. Two roots, as their product would leave the range of floats.
#[inline(always)]
pub(crate) fn one_minus_sqrt((passed, left): (f64, f64), span: f64) -> f64 {
    passed / (span + span.sqrt() * left.sqrt())
}

/// x/(½ + ½x) for x = passed/span: by a form in which every step grows with x, or none does.
#[inline(always)]
pub(crate) fn rex(passed: f64, span: f64) -> f64 {
    2.0 / (1.0 + span / passed)
}
