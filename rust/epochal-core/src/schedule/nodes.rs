//! The nodes of a schedule, each declared once. Their meaning is where they are resolved: formulas
//! are in `curve`, one file each, and operations in `operations.rs`.

use crate::error::Result;
use crate::math::Ease;
use crate::schedule::declare::{
    AnyTime, AnyTimes, Argument, AtLeastOne, Declaration, Default, Factors, Form, Kind, Limit,
    NotNegative, Of, Parameter, Points, Positive, PositiveTime, Shape, Shapes, YesNo, nodes,
};
use crate::schedule::{Declared, Schedule};

nodes! {
    /// γ^⌊t'/ρ⌋, where t' is the time since the phase began and ρ is `step_size`.
    step -> Step, "Step", Class { step_size: PositiveTime, gamma: NotNegative }

    /// γ^(milestones reached). They may be in any order.
    multi_step -> MultiStep, "MultiStep", Class { milestones: AnyTimes, gamma: NotNegative }

    /// `alpha` while t < T, then 1.
    constant -> Constant, "Constant", Class { alpha: NotNegative, t_max: PositiveTime }

    /// A straight line from `alpha_i` to `alpha_f`.
    linear -> Linear, "Linear", Class {
        alpha_i: NotNegative, alpha_f: NotNegative, t_max: PositiveTime,
    }

    /// γ^(t'/ρ), where ρ is `decay_period`.
    exponential -> Exponential, "Exponential", Class {
        gamma: NotNegative, decay_period: PositiveTime,
    }

    /// Half a cosine from 1 to `alpha_f`.
    cosine_annealing -> CosineAnnealing, "CosineAnnealing", Class {
        t_max: PositiveTime, alpha_f: NotNegative,
    }

    /// Half cosines that start again, cycle i lasting t_0·t_mult^i.
    cosine_annealing_warm_restarts -> CosineAnnealingWarmRestarts,
        "CosineAnnealingWarmRestarts", Class {
        t_0: PositiveTime, t_mult: AtLeastOne, alpha_f: NotNegative,
    }

    /// From 1 to `alpha_f` along u^power.
    polynomial -> Polynomial, "Polynomial", Class {
        power: Positive, t_max: PositiveTime, alpha_f: NotNegative,
    }

    /// α_f + (1 − α_f)·√(τ/(τ + t')), where τ is `t_scale`. With `scale`, σ multiplies τ.
    inverse_square_root -> InverseSquareRoot, "InverseSquareRoot", Class {
        t_scale: PositiveTime, alpha_f: NotNegative, scale: YesNo = Default::Flag(true),
    }

    /// Through points in order, along a shape between each two of them.
    piecewise -> Piecewise, "Piecewise", Class { points: Points, shape: Shapes }

    /// A rise from `start` × top to top, the value with which `of` begins; then `of`.
    after_warmup -> AfterWarmup, "after_warmup", Method {
        of: Of,
        t_warmup: AnyTime,
        start: NotNegative = Default::Number(0.0),
        shape: Shape = Default::Ease(Ease::Linear),
        scale: YesNo = Default::Flag(false),
    }

    /// `of` before t, and from t on `then`, whose phase begins at t. With `carry`, `then` is
    /// multiplied by the value of `of` at t.
    until -> Until, "until", Method {
        of: Of, t: AnyTime, then: Of, carry: YesNo = Default::Flag(false),
    }

    /// `of` before t, then a decay from its value at t to `alpha_f` at T.
    cooldown -> Cooldown, "cooldown", Method {
        of: Of,
        t: AnyTime,
        t_max: PositiveTime = Default::Time("1dur"),
        alpha_f: NotNegative = Default::Number(0.0),
        shape: Shape = Default::Ease(Ease::Linear),
    }

    /// `of` before T − `t_decay`, then a decay of length `t_decay` from its value there to `alpha_f`.
    /// A phase that begins later than that is refused; with `late`, its decay begins at once.
    ending -> Ending, "ending", Method {
        of: Of,
        t_decay: AnyTime,
        t_max: PositiveTime,
        alpha_f: NotNegative,
        shape: Shape,
        late: YesNo,
    }

    /// `of` within bounds.
    clip -> Clip, "clip", Method {
        of: Of, low: NotNegative = Default::Number(0.0), high: Limit = Default::Nothing,
    }

    /// `of` in cycles, each of which is a run of its own.
    repeat -> Repeat, "repeat", Method { of: Of, every: PositiveTime }

    /// `of` moved to an earlier time: its value at t + `by`.
    advance -> Advance, "advance", Method {
        of: Of, by: AnyTime, scale: YesNo = Default::Flag(false),
    }

    /// `of` moved to a later time: its value at t − `by`.
    delay -> Delay, "delay", Method { of: Of, by: AnyTime, scale: YesNo = Default::Flag(false) }

    /// Schedules whose values are multiplied, left to right.
    product -> Product, "product", Product { factors: Factors }

    /// `of` times a number.
    scale -> Scale, "scale", Scale { of: Of, by: NotNegative }

    /// `of` plus a number.
    lift -> Lift, "lift", Lift { of: Of, by: NotNegative }
}
