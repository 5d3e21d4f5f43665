"""Faults that change nothing that is promised, each with the reason. They are not run."""

CORE = "rust/epochal-core/src"
BINDING = "rust/epochal-py/src"
BOUND = "of this bound only is asked whether it is finite"
SPEED = "the other way gives the same bits, in another time"
TYPES = "what is imported for type checkers alone is there, and takes its time only"

EXPLAINED = {
    f"{CORE}/bulk/dispatch.rs Level::is_available: "
    'is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avx512f") -> '
    'is_x86_feature_detected!("avx2") || is_x86_feature_detected!("avx512f")': (
        "no CPU has the second and lacks the first; one that has the first alone lacks avx512dq"
    ),
    f"{CORE}/bulk/share.rs share: return parts.into_iter().for_each(work); -> nothing": SPEED,
    f"{CORE}/bulk/share.rs threads_for: WORTH_A_THREAD -> WORTH_A_THREAD + 1": SPEED,
    f"{CORE}/curve/constant.rs Constant::most: 1.0 -> 2.0": BOUND,
    f"{CORE}/curve/cycle.rs Cycles::new: MOST -> MOST + 1": SPEED,
    f"{CORE}/curve/exponential.rs nodes::Exponential::resolve: self.gamma > 0.0 -> "
    "self.gamma >= 0.0": "of a curve whose γ is 0 nothing reads the slope",
    f"{CORE}/curve/exponential.rs nodes::Exponential::resolve: self.gamma > 1.0 -> "
    "self.gamma >= 1.0": BOUND,
    f"{CORE}/curve/inverse_square_root.rs InverseSquareRoot::most: 1.0 -> 2.0": BOUND,
    f"{CORE}/curve/ladder.rs Ladder::new: 2 -> 3": SPEED,
    f"{CORE}/curve/milestones.rs fill: 0 -> 1 #1": "the search writes all of them first",
    f"{CORE}/curve/milestones.rs nodes::MultiStep::main_time: nodes::MultiStep::main_time "
    "returns -> None": "that is what it returns",
    f"{CORE}/curve/node.rs Node::gains_by_order: false -> true #1": SPEED,
    f"{CORE}/curve/piece.rs Piece::is_rounded: self.from_low != 0.0 -> self.from_low == 0.0": (
        "a curve's pieces are asked together, and where one begins another ends"
    ),
    f"{CORE}/curve/piece.rs Piece::is_rounded: Piece::is_rounded returns -> true": SPEED,
    f"{CORE}/curve/step.rs Step::fill: high < EXACT -> high <= EXACT": SPEED,
    f"{CORE}/math/sine.rs Arch::part: 1.0 -> 2.0 #1": "only its sign is used",
    f"{CORE}/schedule/operations.rs Ending::check: 1.0 -> 2.0": (
        "it stands for a value above zero that is not known yet"
    ),
    f"{CORE}/view/mean.rs refined: 2.0 -> 3.0 #2": "a mean that is closer, in more time",
    f"{CORE}/view/mean.rs sampled: GOLDEN -> GOLDEN + 1": (
        "only the fractional parts of its multiples are used"
    ),
    f"{CORE}/view/phases.rs View::phase: 1.0 -> 2.0 #1": (
        "what counts as a turn is far from rounding, and half of it is too"
    ),
    f"{CORE}/view/phases.rs View::phase: last <= high * ((to - inner) / (to - from)) -> "
    "last < high * ((to - inner) / (to - from))": "where they are equal, by chance, either will do",
    f"{CORE}/view/trace.rs View::trace_column: 4.0 -> 5.0": SPEED,
    f"{BINDING}/composer.rs never_changes: object.is_none() || object.is_instance_of::<Time>() -> "
    "object.is_none() && object.is_instance_of::<Time>()": SPEED,
    f"{BINDING}/function.rs Leaf::equals: false -> true": "there is one type of functions only",
    f"{BINDING}/number.rs Number::extract: return Ok(Some(Self::Float(float.value()))); -> "
    "nothing": SPEED,
    f"{BINDING}/rates.rs version: return None; -> nothing": SPEED,
    f"{BINDING}/rates.rs Writer::put: special.element.is_some() || special.tensor.is_none() -> "
    "special.element.is_some() && special.tensor.is_none()": SPEED,
    f"{BINDING}/rates.rs Writer::__traverse__: visit.call(&tensor.fill)?; -> nothing": (
        "a method of a tensor holds the tensor alone, so no cycle goes through it"
    ),
    "python/epochal/config/_schema.py : False -> (True)": TYPES,
    "python/epochal/schedules/_tails.py : False -> (True)": TYPES,
    "python/epochal/torch/_guards.py StepGuard.start: 1 -> (2)": (
        "any number below zero is none that an optimizer counts"
    ),
    "python/epochal/trainer/_randomness.py : 3 -> (4)": (
        "the number that NumPy keeps is 0 where it keeps none"
    ),
    "python/epochal/trainer/_signals.py Signals.__init__: False -> (True)": (
        "it is set anew when a training is entered"
    ),
    "python/epochal/view/_lint.py Finding.__hash__: return hash(repr(self)) -> return True": SPEED,
    "python/epochal/view/_nominal.py : False -> (True)": TYPES,
    "python/epochal/view/_svg.py axes: 2.0 -> (3.0)": (
        "from which height on an axis is named in full is a matter of looks"
    ),
}
