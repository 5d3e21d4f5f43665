//! Eases: how a value gets from the lower end of a piece to the higher one.

use super::{Arch, exp2_minus_1, square};

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

/// f(x) for x = passed/span, where `passed` and `left` add up to the span; but not for
/// [`Ease::Geometric`], which depends on both ends, and [`Ease::Step`], which has no way.
///
/// What is small is looked at itself, not as a difference: √(1 − x) would lose every digit of what
/// is left. No step but the last of a cosine subtracts, and each is a rounded monotone function of
/// the one before, so values come out in the order of their times. Exact for x = 0 and x = 1.
#[inline(always)]
pub(crate) fn eased(ease: Ease, (passed, left): (f64, f64), span: f64) -> f64 {
    match ease {
        Ease::Linear | Ease::Geometric | Ease::Step => passed / span,
        Ease::Cosine => {
            let arch = Arch::over(span);
            arch.at(arch.part((passed, left)))
        }
        Ease::Sqrt => (passed / span).sqrt(),
        // x/(1 + √(1 − x)), by one division. Two roots, as span·left might overflow.
        Ease::OneMinusSqrt => passed / (span + span.sqrt() * left.sqrt()),
        Ease::Square => square(passed / span),
        // x/(½ + ½x), without a numerator and a denominator that both grow.
        Ease::Rex => 2.0 / (1.0 + span / passed),
        Ease::Exponential => exp2_minus_1(passed / span),
    }
}
