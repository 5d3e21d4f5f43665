"""Each finding: a schedule that has it, one that does not."""

import re
from typing import Any

import pytest
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    CyclicScheduler,
    ExponentialScheduler,
    InverseSquareRootScheduler,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    Run,
    StepScheduler,
    WSDScheduler,
    lint,
)
from epochal.view import Finding

RUN = Run("90ep", batches_per_epoch=100)
CLEAN = CosineAnnealingWithWarmupScheduler("5ep", alpha_f=0.1, warmup_start=0.1)


def codes(schedule: Any, run: Any = RUN, base_lr: float | None = None) -> list[str]:
    return [finding.code for finding in lint(schedule, run, base_lr)]


def test_nothing_is_found_in_a_good_schedule() -> None:
    assert lint(CLEAN, RUN) == []
    assert lint(WSDScheduler("500ba", alpha_f=0.01, warmup_start=0.01), RUN) == []
    assert lint(MultiStepScheduler(["30ep", "60ep", "80ep"]), RUN) == []
    assert lint(CosineAnnealingWarmRestartsScheduler("10ep", alpha_f=0.1), RUN) == []


@pytest.mark.parametrize(
    ("code", "bad", "bad_run", "good", "good_run"),
    [
        ("unresolved", CosineAnnealingWithWarmupScheduler("100ep"), RUN, CLEAN, RUN),
        ("clock-untold", LinearScheduler(t_max="1Mtok"), RUN,
         LinearScheduler(t_max="1Mtok"), Run("90ep", batches_per_epoch=100, tokens_per_batch=10)),
        ("rates-disagree", CLEAN, Run("90ep", batches_per_epoch=100, samples_per_batch=8,
                                      tokens_per_batch=1001),
         CLEAN, Run("90ep", batches_per_epoch=100, samples_per_batch=8, tokens_per_batch=1000)),
        ("zero-start", CosineAnnealingWithWarmupScheduler("5ep"), RUN, CLEAN, RUN),
        ("zero-start", MultiStepScheduler(["10ep"], 0.0).repeat("20ep").advance("15ep"), RUN,
         CLEAN, RUN),
        ("zero-start", ConstantScheduler(0.0), RUN, ConstantScheduler(1.0), RUN),
        ("warmup-short", CosineAnnealingWithWarmupScheduler("0.0001dur"), RUN, CLEAN, RUN),
        ("warmup-long", CosineAnnealingWithWarmupScheduler("31ep"), RUN,
         CosineAnnealingWithWarmupScheduler("29ep"), RUN),
        ("decay-unfinished", CosineAnnealingScheduler("100ep"), RUN,
         CosineAnnealingScheduler(), RUN),
        ("decay-unfinished", ExponentialScheduler(0.9), RUN,
         ExponentialScheduler(0.9).cooldown("80ep", alpha_f=1e-6), RUN),
        ("decay-unfinished", StepScheduler("1ep", 0.9), RUN, StepScheduler("30ep"), RUN),
        ("decay-early", CosineAnnealingScheduler("80ep", alpha_f=0.1), RUN,
         CosineAnnealingScheduler("82ep", alpha_f=0.1), RUN),
        ("t-max-unlike-run", CosineAnnealingScheduler("85ep"), RUN,
         CosineAnnealingScheduler("9000ba"), RUN),
        ("milestone-never", MultiStepScheduler(["30ep", "90ep"]), RUN,
         MultiStepScheduler(["30ep", "89ep"]), RUN),
        ("milestone-in-warmup", MultiStepWithWarmupScheduler("5ep", ["5ep"]), RUN,
         MultiStepWithWarmupScheduler("5ep", ["6ep"]), RUN),
        ("jump-up", ConstantScheduler(0.5).until("10ep", LinearScheduler()), RUN,
         ConstantScheduler(0.5).until("10ep", LinearScheduler(), carry=True), RUN),
        ("jump-up", ConstantScheduler(0.5, "10ep"), RUN, ConstantScheduler(0.5), RUN),
        ("jump-up", PiecewiseScheduler([("10ep", 0.1), ("10ep", 1.0)]), RUN,
         PiecewiseScheduler([("10ep", 0.1), ("11ep", 1.0)]), RUN),
        ("jump-large", ConstantScheduler().until("10ep", ConstantScheduler(0.05)), RUN,
         ConstantScheduler().until("10ep", ConstantScheduler(0.2)), RUN),
        ("phase-below-a-step", WSDScheduler("9ba", "10ba"),
         Run("90ep", batches_per_epoch=100, scale_schedule_ratio=0.05), WSDScheduler("9ba", "10ba"),
         RUN),
        ("phase-below-a-step", StepScheduler("10ba"),
         Run("90ep", batches_per_epoch=100, scale_schedule_ratio=0.05), StepScheduler("10ba"), RUN),
        ("rate-as-fraction", CosineAnnealingScheduler(alpha_f=3e-5), RUN,
         CosineAnnealingScheduler(alpha_f=0.1), RUN),
        ("above-base", LinearScheduler(1.5), RUN, LinearScheduler(1.0), RUN),
        ("zero-end", CosineAnnealingScheduler("89ep"), RUN, CosineAnnealingScheduler(), RUN),
        ("zero-end", LinearScheduler(t_max="50ep") * MultiStepScheduler(["60ep"]), RUN,
         LinearScheduler() * MultiStepScheduler(["60ep"]), RUN),
    ],
)  # fmt: skip
def test_a_finding(code: str, bad: Any, bad_run: Any, good: Any, good_run: Any) -> None:
    findings = [finding for finding in lint(bad, bad_run, 3e-4) if finding.code == code]
    assert findings
    for finding in findings:
        assert finding.sentence
        assert finding.mend
        assert finding.severity in ("error", "warning", "note")
    assert code not in codes(good, good_run, 3e-4)


def test_every_finding_has_its_test() -> None:
    assert lint.__doc__ is not None
    rows = re.findall(r"^ *\| (`.*?) \|", lint.__doc__, re.MULTILINE)
    documented = set(re.findall(r"`([a-z-]+)`", " ".join(rows)))
    (mark,) = test_a_finding.pytestmark
    assert {case[0] for case in mark.args[1]} == documented


# Schedules of well-known trainings, and what is noted of them.
R, T = RUN, Run("15Ttok", tokens_per_batch=4_000_000)
KNOWN: list[tuple[Any, Any, list[str]]] = [
    (MultiStepWithWarmupScheduler("5ep", ["30ep", "60ep", "80ep"]), R, ["zero-start"]),
    (MultiStepWithWarmupScheduler("2000ba", ["0.8dur", "0.9dur"], 0.316), T, ["zero-start"]),
    (CosineAnnealingWithWarmupScheduler("2000ba", alpha_f=0.1), T, ["zero-start"]),
    (CosineAnnealingWithWarmupScheduler("2000ba", alpha_f=0.1).advance("1ba"), T, []),
    (WSDScheduler("2000ba", "0.2dur", decay_shape="1-sqrt"), T, ["zero-start"]),
    (LinearWithWarmupScheduler("0.06dur"), R, ["zero-start"]),
    (InverseSquareRootWithWarmupScheduler("500ba", t_cooldown="900ba"), R, ["zero-start"]),
    # It has no end, as "Attention Is All You Need" has none.
    (InverseSquareRootScheduler("500ba").after_warmup("500ba"), R,
     ["zero-start", "decay-unfinished"]),
    (ExponentialScheduler(0.94, "2ep"), R, ["decay-unfinished"]),
    (StepScheduler("240ba", 0.97), R, ["decay-unfinished"]),
    (OneCycleScheduler(), R, []),
    (CyclicScheduler("5ep"), R, []),
    # The run ends where another cycle would begin.
    (CosineAnnealingWarmRestartsScheduler("6ep", 2.0), R, []),
    (CosineAnnealingWarmRestartsScheduler("9ep") * ExponentialScheduler(0.98), R, []),
    (CosineAnnealingScheduler().repeat("30ep"), R, []),
    (CosineAnnealingScheduler().clip(low=0.05), R, []),
    (CosineAnnealingScheduler() * 0.95 + 0.05, R, []),
    (PolynomialScheduler(0.9), R, []),
    (ConstantScheduler().cooldown("72ep"), R, []),
]  # fmt: skip


@pytest.mark.parametrize("base_lr", [None, 3e-4, 1e-3, 0.1])
@pytest.mark.parametrize(("schedule", "run", "noted"), KNOWN, ids=str)
def test_no_warning_of_what_is_right(
    schedule: Any, run: Any, noted: list[str], base_lr: float | None
) -> None:
    findings = lint(schedule, run, base_lr)
    assert [finding.code for finding in findings] == noted
    assert {finding.severity for finding in findings} <= {"note"}


@pytest.mark.parametrize(
    ("schedule", "base_lr", "told"),
    [
        (CosineAnnealingScheduler(alpha_f=3e-5), 3e-4, "alpha_f=0.1"),
        (CosineAnnealingWithWarmupScheduler("5ep", alpha_f=6e-5), 6e-4, "alpha_f=0.1"),
        (WSDScheduler("5ep", alpha_f=1e-4), 1e-3, "alpha_f=0.1"),
        (LinearScheduler(alpha_i=3e-4, alpha_f=0.0), 3e-4, "alpha_i=1"),
        (ConstantScheduler(1e-4), 2e-4, "alpha=0.5"),
        (InverseSquareRootScheduler("5ep").cooldown("80ep", alpha_f=1e-5), 1e-3, "alpha_f=0.01"),
        (CosineAnnealingScheduler().clip(low=1e-5), 1e-3, "low=0.01"),
        (InverseSquareRootWithWarmupScheduler("5ep", t_cooldown="9ep", alpha_f_cooldown=1e-5), 5e-4,
         "alpha_f_cooldown=0.02"),
    ],
    ids=str,
)  # fmt: skip
def test_a_rate_where_a_fraction_is_meant(schedule: Any, base_lr: float, told: str) -> None:
    (finding,) = [f for f in lint(schedule, RUN, base_lr) if f.code == "rate-as-fraction"]
    assert finding.severity == "warning"
    assert finding.mend.endswith(f"write {told}")
    assert "rate-as-fraction" not in codes(schedule)


def test_the_sentence_on_a_rate_where_a_fraction_is_meant() -> None:
    (finding,) = lint(CosineAnnealingScheduler(alpha_f=3e-5), RUN, 3e-4)
    assert str(finding) == (
        "warning rate-as-fraction: alpha_f is a fraction of the base rate: 3e-05 × 0.0003 = 9e-09; "
        "for a rate of 3e-05 write alpha_f=0.1"
    )


@pytest.mark.parametrize(
    ("schedule", "base_lr"),
    [
        # Small parts of large base rates, and a thousandth of any.
        (CosineAnnealingScheduler(alpha_f=1e-4), 0.1),
        (CosineAnnealingScheduler(alpha_f=1e-3), 1e-3),
        (CosineAnnealingScheduler(alpha_f=1e-3), 0.1),
        (CosineAnnealingScheduler(alpha_f=0.01), 1e-5),
        # As good as zero, and no rate that anybody gives.
        (CosineAnnealingScheduler(alpha_f=1e-8), 3e-4),
        (CosineAnnealingScheduler(), 3e-4),
        (CosineAnnealingScheduler(), 0.0),
        # A rise from next to nothing.
        (CosineAnnealingWithWarmupScheduler("5ep", alpha_f=0.1, warmup_start=2e-4), 5e-4),
        (LinearScheduler(1e-4, 1.0), 1e-3),
        # Its policy ends orders of magnitude below all else: PyTorch's div_factor and
        # final_div_factor are 25 and 1e4 by default, and others are written like that.
        (OneCycleScheduler(), 1e-3),
        (OneCycleScheduler(alpha_f=4e-6), 1e-3),
        (OneCycleScheduler(alpha_f=4e-5), 1e-3),
    ],
    ids=str,
)
def test_a_small_fraction_is_none(schedule: Any, base_lr: float) -> None:
    assert "rate-as-fraction" not in codes(schedule, RUN, base_lr)


def test_a_decay_that_ends_after_the_run_is_more_than_one_without_an_end() -> None:
    for schedule in (
        CosineAnnealingScheduler("100ep"),
        CosineAnnealingScheduler("1000ep"),
        CosineAnnealingScheduler().delay("5ep"),
    ):
        assert [f.severity for f in lint(schedule, RUN) if f.code == "decay-unfinished"] == [
            "warning"
        ]


def test_a_finding_is_a_sentence() -> None:
    (finding,) = lint(LinearScheduler(1.5), RUN, base_lr=0.1)
    assert finding.code == "above-base"
    assert finding.severity == "note"
    assert finding.sentence == "α gets up to 1.5 (rate 0.15), above the base rate"
    assert str(finding) == f"note above-base: {finding.sentence}; {finding.mend}"
    assert finding == Finding(finding.code, finding.severity, finding.sentence, finding.mend)
    assert finding != Finding(finding.code, "warning", finding.sentence, finding.mend)
    assert len({finding, *lint(LinearScheduler(1.5), RUN, base_lr=0.1)}) == 1


def test_nothing_is_said_twice() -> None:
    product = CosineAnnealingScheduler("85ep") * LinearScheduler(t_max="85ep")
    for schedule in (WSDScheduler("500ba", t_max="85ep"), product):
        assert codes(schedule).count("t-max-unlike-run") == 1


def test_severities() -> None:
    found = lint(CosineAnnealingWithWarmupScheduler("100ep"), RUN)
    assert [finding.severity for finding in found] == ["error"]
    assert "t_warmup '100ep' is longer than t_max" in found[0].sentence


def test_one_zero_step_is_less_than_many() -> None:
    one, many = (lint(schedule, RUN)[0] for schedule in (
        ConstantWithWarmupScheduler("5ep"),
        LinearScheduler(0.0, 1.0).delay("10ep"),
    ))  # fmt: skip
    assert (one.severity, many.severity) == ("note", "warning")
    assert "the first step" in one.sentence
    assert "the first 1001 steps" in many.sentence


def test_functions_are_looked_at_where_that_is_possible() -> None:
    def f(state: Any) -> float:
        return 2.0

    assert codes(f) == []
    assert codes(LinearScheduler(t_max="40ep").until("50ep", f)) == ["t-max-unlike-run"]


def test_times_count_where_the_run_has_other_units() -> None:
    run = Run("1Mtok", tokens_per_batch=1000)
    assert "zero-end" in codes(CosineAnnealingScheduler("900ba"), run)
    assert "warmup-short" in codes(CosineAnnealingWithWarmupScheduler("500tok"), run)
