"""What is likely to be a mistake in a schedule and its run."""

from __future__ import annotations

from epochal._core import (
    Curve,
    EpochalError,
    Run,
    Schedule,
    arguments,
    has_functions,
    moments,
    name,
    phases,
    seams,
)
from epochal._functions import as_schedule
from epochal.config._entries import arguments_of, entry_of, parts_of
from epochal.view._words import base_rate, short, units, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, SupportsFloat

    from epochal._core import Time
    from epochal._types import AnySchedule, TimeLike

# Parts of a run: what is longer than a warmup should be, and where a decay should not be over yet.
LONG_WARMUP = 1 / 3
EARLY_END = 0.9
# How many times lower a rate may get at once.
LARGE_JUMP = 10.0
# By so much of the run a time may differ from its length, as if by a last batch that is short.
ABOUT = 0.001
# A multiplier that may have been meant as a rate: at most so large and, as rates that a schedule
# comes down to, at least so much of the base rate. If it is a multiplier, the rate is below what
# anybody trains with.
LARGEST_RATE = 1e-3
LEAST_PART = 1e-3
LEAST_RATE = 1e-6


class Finding:
    """Something that is likely to be a mistake. It prints as one line.

    `code` names the kind for good, `severity` is "error", "warning" or "note", `sentence` says what
    was found, and `mend` what to write instead.
    """

    __slots__ = ("code", "mend", "sentence", "severity")

    def __init__(self, code: str, severity: str, sentence: str, mend: str) -> None:
        self.code = code
        self.severity = severity
        self.sentence = sentence
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.severity} {self.code}: {self.sentence}; {self.mend}"

    def __repr__(self) -> str:
        return f"Finding({self.code!r}, {self.severity!r}, {self.sentence!r}, {self.mend!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Finding) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Case:
    """A curve, what its run tells, and the times that are written in its schedule."""

    def __init__(self, schedule: Schedule, curve: Curve, base: float | None) -> None:
        self.schedule, self.curve, self.run, self.base = schedule, curve, curve.run, base
        self.unit, self.end, self.known = units(curve)
        self.phases: list[tuple[Any, ...]] = phases(curve)
        self.moments = moments(schedule, self.run, self.unit)
        self.has_functions = has_functions(curve)
        # How many optimizer steps are one of what the curve counts, if that is known.
        self.steps = self.known.get("ba")

    def at(self, t: float) -> str:
        return f"{short(t)} {self.unit}"

    def rate(self, alpha: float) -> str:
        """α, and the rate that it is."""
        return (
            value(alpha)
            if self.base is None
            else f"{value(alpha)} (rate {value(alpha * self.base)})"
        )

    def written(self, *names: str) -> Iterator[tuple[str, str, Time, float, float]]:
        """The times of some arguments whose places are known."""
        for node, argument, time, place, start in self.moments:
            if argument in names and place is not None and start is not None:
                yield node, argument, time, place, start


def lint(
    schedule: AnySchedule, run: Run | TimeLike, base_lr: SupportsFloat | None = None
) -> list[Finding]:
    """What is likely to be a mistake in a schedule and its run: a list of `Finding`.

    | code | what it finds |
    | --- | --- |
    | `unresolved` | the schedule has no curve in this run |
    | `clock-untold` | it reads a clock that the run does not tell |
    | `rates-disagree` | a sample would have no whole number of tokens |
    | `zero-start` | the rate is 0 in the first steps |
    | `warmup-short`, `warmup-long` | a warmup below one batch; longer than a third of the run |
    | `decay-unfinished` | α still falls when the run ends; a note if the schedule has no end |
    | `decay-early` | a decay is over before nine tenths of the run |
    | `t-max-unlike-run` | a `t_max` that is written as a count is not the run's length |
    | `milestone-never` | a milestone that the run does not reach |
    | `milestone-in-warmup` | a milestone that fires before its warmup is over |
    | `jump-up` | α jumps up, and no step, milestone or restart says so |
    | `jump-large` | α jumps down to less than a tenth, and nothing says so |
    | `phase-below-a-step` | a phase, or what repeats in it, is shorter than a step |
    | `rate-as-fraction` | an α that looks like a rate: times `base_lr` it is next to nothing |
    | `above-base` | the rate exceeds the base rate |
    | `zero-end` | the rate is 0 for more than one step at the end |

    `base_lr` is the base rate, for sentences that tell rates and for `rate-as-fraction`: that is
    an `alpha_f`, `alpha` or bound of `clip` of at most 1e-3, between a thousandth of the base rate
    and all of it, which makes a rate below 1e-6. Where the default is as small, as that of
    `OneCycleScheduler`, so may be what is written. What cannot be told of a curve that
    holds a function is not looked for.

    >>> (finding,) = lint(MultiStepScheduler(["30ep", "120ep"]), "90ep")
    >>> finding.severity, finding.code, finding.sentence
    ('warning', 'milestone-never', "milestone '120ep' is not reached: the run ends at 90 ep")
    >>> finding.mend
    'remove it, or give it an earlier time'
    """
    schedule, base = as_schedule(schedule), base_rate(base_lr)
    try:
        curve = schedule.resolve(run)
    except EpochalError as error:
        sentence = str(error)
        return [Finding("unresolved", "error", sentence, "mend the schedule or the run")]
    findings = list(rates_disagree(curve.run))
    untold = list(clock_untold(curve))
    if untold:
        return findings + untold
    case = Case(schedule, curve, base)
    for check in CHECKS:
        findings += check(case)
    if not case.has_functions:
        for check in CHECKS_OF_VALUES:
            findings += check(case)
    # A time may stand in several parts of one tree.
    return list(dict.fromkeys(findings))


def rates_disagree(run: Run) -> Iterator[Finding]:
    samples, tokens = run.samples_per_batch, run.tokens_per_batch
    if samples is not None and tokens is not None and tokens % samples:
        yield Finding(
            "rates-disagree",
            "warning",
            f"{tokens} tokens and {samples} samples a batch make {value(tokens / samples)} tokens "
            "a sample",
            "give a tokens_per_batch that is a multiple of samples_per_batch",
        )


def clock_untold(curve: Curve) -> Iterator[Finding]:
    """A clock that neither the run's length nor its rates tell."""
    for unit in curve.units:
        try:
            curve.run.convert(curve.run.duration, unit)
            # A curve of several clocks is shown by batches.
            units(curve)
        except EpochalError as error:
            yield Finding(
                "clock-untold",
                "warning",
                f"the schedule reads '{unit}', which {curve.run} does not tell: {error}",
                "declare the rate in the run, or drive the schedule by a Clock that counts it",
            )


def zero_start(case: Case) -> Iterator[Finding]:
    if case.curve(0.0) > 0.0:
        return
    first = case.curve.first_above(0.0)
    if first is None:
        yield Finding(
            "zero-start", "error", "the rate is 0 in the whole run", "give a schedule above zero"
        )
        return
    steps = first if case.steps is None else first * case.steps
    # Whatever a step is: the second one begins later than at time 0.
    many = "the first step"
    if steps > 1.0:
        many = f"the first {case.at(first) if case.steps is None else f'{short(steps)} steps'}"
    yield Finding(
        "zero-start",
        "note" if steps <= 1.0 else "warning",
        f"the rate is 0 in {many}, so that nothing is learnt then",
        "start a warmup above zero (warmup_start=, or start= of after_warmup), or take the rate of "
        "the next step with .advance('1ba')",
    )


def warmups(case: Case) -> Iterator[Finding]:
    for _, _, time, length, _ in case.written("t_warmup"):
        steps = None if case.steps is None else length * case.steps
        if steps is not None and 0.0 < steps < 1.0:
            yield Finding(
                "warmup-short",
                "warning",
                f"the warmup of '{time}' is {value(steps)} of a batch, so no step is in it",
                "give a longer t_warmup",
            )
        if length > case.end * LONG_WARMUP:
            yield Finding(
                "warmup-long",
                "warning",
                f"the warmup of '{time}' takes {value(length / case.end * 100)} % of the run",
                "give a shorter t_warmup, or a longer run",
            )


def lengths(case: Case) -> Iterator[Finding]:
    for _, argument, time, place, _ in case.written("t_max"):
        if time.unit != "dur" and abs(place - case.end) > case.end * ABOUT:
            yield Finding(
                "t-max-unlike-run",
                "note",
                f"{argument} '{time}' is at {case.at(place)}, but the run ends at "
                f"{case.at(case.end)}",
                f"write {argument}='1dur', if the run's end is meant",
            )


def milestones(case: Case) -> Iterator[Finding]:
    for _, _, time, place, start in case.written("milestones"):
        if place >= case.end:
            yield Finding(
                "milestone-never",
                "warning",
                f"milestone '{time}' is not reached: the run ends at {case.at(case.end)}",
                "remove it, or give it an earlier time",
            )
        elif start > 0.0 and place <= start:
            yield Finding(
                "milestone-in-warmup",
                "warning",
                f"milestone '{time}' is at {case.at(place)}, and the warmup is over at "
                f"{case.at(start)}: α falls at once when that ends",
                "give a later milestone, or a shorter warmup",
            )


def rates_as_fractions(case: Case) -> Iterator[Finding]:
    base = case.base
    if not base:
        return
    for argument, alpha in levels(case.schedule):
        looks_like_a_rate = base * LEAST_PART <= alpha <= min(base, LARGEST_RATE)
        if looks_like_a_rate and alpha * base < LEAST_RATE:
            yield Finding(
                "rate-as-fraction",
                "warning",
                f"{argument} is a fraction of the base rate: {value(alpha)} × {value(base)} = "
                f"{value(alpha * base)}",
                f"for a rate of {value(alpha)} write {argument}={value(alpha / base)}",
            )


def levels(schedule: Schedule) -> Iterator[tuple[str, float]]:
    """What the schedules in a tree stay at or come down to, by the names of arguments; but not what
    they rise from, which may be as low as anybody likes."""
    entry, given = entry_of(schedule), arguments_of(schedule)
    for argument, alpha in given.items():
        if argument.startswith("alpha_f") or argument in ("alpha", "low", "high"):
            assert entry is not None  # it has arguments
            default = entry.fields[argument].default
            by_itself = isinstance(default, float) and 0.0 < default <= LARGEST_RATE
            if alpha is not None and not by_itself:
                yield argument, alpha
        elif argument == "alpha_i" and alpha >= given.get("alpha_f", 1.0):
            yield argument, alpha
    for part in parts_of(tuple(given.values())):
        yield from levels(part)


def decays(case: Case) -> Iterator[Finding]:
    # What the last step is near to: at the end itself another cycle may begin.
    course, start, _, _, last, *_ = case.phases[-1]
    end = case.end
    # Twice as far, α has gone on falling, if nothing ended it.
    if course in ("decay", "steps") and case.curve(end * 2.0) < last:
        ends_later = case.curve(end * 2.0) == case.curve(end * 4.0) or any(
            place > end for *_, place, _ in case.written("t_max")
        )
        yield Finding(
            "decay-unfinished",
            "warning" if ends_later else "note",
            f"α still falls when the run ends, and is {case.rate(last)} then",
            "give a t_max within the run"
            if ends_later
            else "end it with .cooldown(t), if it is to come to an end",
        )
    before = [phase[0] for phase in case.phases[:-1]][-1:]
    if (
        course == "plateau"
        and before == ["decay"]
        and start < end * EARLY_END
        and not ends_at_a_bound(case.schedule, last)
    ):
        yield Finding(
            "decay-early",
            "warning",
            f"the decay is over at {case.at(start)}, after {value(start / end * 100)} % of "
            f"the run, and α stays {case.rate(last)}",
            "give a later t_max, such as '1dur'",
        )


def ends_at_a_bound(schedule: Schedule, last: float) -> bool:
    """Whether what the schedule ends with is the least that it may be, by its last operation."""
    return name(schedule) == "clip" and arguments(schedule)["low"] == last


def jumps(case: Case) -> Iterator[Finding]:
    for at, before, after in seams(case.curve):
        if after > before:
            yield Finding(
                "jump-up",
                "warning",
                f"α jumps up from {case.rate(before)} to {case.rate(after)} at {case.at(at)}",
                "let both parts meet, as until(..., carry=True) does",
            )
        elif before > after * LARGE_JUMP:
            yield Finding(
                "jump-large",
                "warning",
                f"α jumps from {case.rate(before)} down to {case.rate(after)} at {case.at(at)}",
                "let both parts meet, as until(..., carry=True) does, or use a cooldown",
            )


def short_phases(case: Case) -> Iterator[Finding]:
    if case.steps is None:
        return
    for course, start, end, *_, parts in case.phases:
        steps = (end - start) / parts * case.steps
        if steps < 1.0:
            ratio = case.run.scale_schedule_ratio
            scaled = f" with a scale schedule ratio of {ratio}" if ratio != 1.0 else ""
            what = f"a {course}" if parts == 1.0 else f"what repeats in the {course}"
            yield Finding(
                "phase-below-a-step",
                "warning",
                f"{what} from {case.at(start)} on lasts {value(steps)} of a step{scaled}",
                "give it a longer time, or a scale schedule ratio nearer to 1",
            )


def above_base(case: Case) -> Iterator[Finding]:
    most = case.curve.maximum()
    if most > 1.0:
        yield Finding(
            "above-base",
            "note",
            f"α gets up to {case.rate(most)}, above the base rate",
            "raise the base rate and lower α, if the optimizer's rate is meant to be the peak",
        )


def zero_end(case: Case) -> Iterator[Finding]:
    start = case.end
    for phase in reversed(case.phases):
        if phase[6] != 0.0:  # its largest α
            break
        start = phase[1]
    length = case.end - start
    if start == 0.0 or length * (case.steps or 1.0) <= 1.0:
        return
    yield Finding(
        "zero-end",
        "warning",
        f"the rate is 0 from {case.at(start)} to the end of the run at {case.at(case.end)}",
        "give a later end to the decay, or an alpha_f above zero",
    )


CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    warmups,
    lengths,
    milestones,
    rates_as_fractions,
)
CHECKS_OF_VALUES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    zero_start,
    decays,
    jumps,
    short_phases,
    above_base,
    zero_end,
)
