"""For those who make a `LambdaLR` of their own: curves, and α as a function of a step."""

import copy
import pickle
from typing import Any

import pytest
import torch
from epochal import Curve, LinearScheduler, Run, Schedule, Time, UnitError
from epochal._functions import State
from epochal.torch import lr_lambda
from optimizers import RUN, STEPS, each_schedule, lrs, sgd, through_a_file, train_step
from torch.optim.lr_scheduler import LambdaLR


def square(state: State) -> float:
    return 1 / (1 + state.timestamp.batch.value**2)


def functions(schedule: Schedule) -> list[Any]:
    curve = schedule.resolve(RUN)
    single = [curve] if [unit.value for unit in curve.units] == ["ba"] else []
    return [*single, curve.at_batch, lr_lambda(schedule, RUN)]


@each_schedule
def test_a_lambda_lr_of_ones_own(schedule: Schedule) -> None:
    curve = schedule.resolve(RUN)
    for function in functions(schedule):
        optimizer = sgd(0.5, 0.25)
        scheduler = LambdaLR(optimizer, function)
        for k in range(STEPS):
            if k == 7:
                saved = through_a_file([scheduler.state_dict(), optimizer.state_dict()])
            assert lrs(optimizer) == [0.5 * curve.at_batch(k), 0.25 * curve.at_batch(k)]
            train_step(optimizer, k)
            scheduler.step()
        later = sgd(0.5, 0.25)
        resumed = LambdaLR(later, function)
        later.load_state_dict(saved[1])
        resumed.load_state_dict(saved[0])
        train_step(later, 7)
        resumed.step()
        assert lrs(later) == [0.5 * curve.at_batch(8), 0.25 * curve.at_batch(8)]


@each_schedule
def test_copies(schedule: Schedule) -> None:
    function: Any = lr_lambda(schedule, RUN)
    for copied in (
        copy.copy(function),
        copy.deepcopy(function),
        pickle.loads(pickle.dumps(function)),
    ):
        assert copied == function
        assert hash(copied) == hash(function)
        assert [copied(k) for k in range(STEPS)] == [function(k) for k in range(STEPS)]
    assert function != lr_lambda(
        schedule, Run("4ep", batches_per_epoch=8, tokens_per_batch=7, samples_per_batch=1)
    )
    assert function != 5
    assert repr(function) == f"{schedule.resolve(RUN)!r}.at_batch"


def test_functions_and_lengths() -> None:
    assert [lr_lambda(square, "9ba")(k) for k in (0, 1, 3)] == [1.0, 0.5, 0.1]
    assert lr_lambda(LinearScheduler(), Time("8ba"))(2) == 0.75
    assert pickle.loads(pickle.dumps(lr_lambda(square, "9ba")))(3) == 0.1


@pytest.mark.parametrize(
    ("schedule", "run", "error", "text"),
    [
        (LinearScheduler(t_max="9tok"), "9ba", UnitError, "'tok' needs tokens_per_batch"),
        (LinearScheduler(), Run("9h"), UnitError, "'sec'.*Clock"),
        (lambda state: state.timestamp.token.value + 1, "9ba", UnitError, "tokens_per_batch"),
        (lambda state: state.timestamp.total_wct.seconds + 1, "9ba", UnitError, "'sec'"),
        ([LinearScheduler()], "9ba", TypeError, "schedule must be"),
        (LinearScheduler(), 9, TypeError, "run must be a Run, a length such as '90ep'"),
    ],
)
def test_what_does_not_fit(schedule: Any, run: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        lr_lambda(schedule, run)


def test_a_curve_has_no_state() -> None:
    curve: Curve = LinearScheduler().resolve(RUN)
    for value in (curve, curve.at_batch):
        assert value.__dict__ == {}
        value.__dict__["more"] = 1
        assert value.__dict__ == {}
    assert torch.tensor(curve.at_batch(12)).item() == 0.5
