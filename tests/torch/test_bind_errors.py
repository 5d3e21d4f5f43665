"""Errors at bind and in a step: nothing is left half done."""

from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    EpochalError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    Run,
    ScheduleError,
    Time,
    TimeParseError,
    Timestamp,
    UnitError,
)
from epochal._functions import State
from epochal.torch import bind
from optimizers import (
    RUN,
    failing_at_3,
    lrs,
    parameter,
    settings,
    sgd,
    train_step,
)

# Errors at bind


def failing(state: State) -> float:
    raise RuntimeError("no")


def none(state: State) -> Any:
    return None


@pytest.mark.parametrize(
    ("schedule", "run", "error", "text"),
    [
        (LinearScheduler(t_max="9tok"), Run("9ba"), UnitError, "'tok' needs tokens_per_batch"),
        (LinearScheduler(t_max="9sp"), Run("9ba"), UnitError, "'sp' needs samples_per_batch"),
        (LinearScheduler(t_max="9ep"), Run("9ba"), UnitError, "'ep' needs batches_per_epoch"),
        (LinearScheduler(), Run("9tok"), UnitError, "'tok' needs tokens_per_batch"),
        (LinearScheduler(t_max="9sec"), RUN, UnitError, "'sec'.*clock"),
        (LinearScheduler(), Run("9h"), UnitError, "'sec'.*clock"),
        (LinearScheduler(t_max="9iter"), RUN, UnitError, "'iter'.*clock"),
        (MultiStepScheduler(["1ba", "9tok"]), Run("9ba"), UnitError, "tokens_per_batch"),
        (LinearScheduler(t_max="9tok") * none, Run("9ba"), UnitError, "tokens_per_batch"),
        (LinearWithWarmupScheduler("9ba", t_max="8ba"), RUN, ScheduleError, "9.*8|8.*9"),
        ([], RUN, TypeError, "not a list of 0"),
        ({}, RUN, ScheduleError, "empty"),
        (failing, RUN, RuntimeError, "no"),
        (none, RUN, ScheduleError, "none returned None at 0ba"),
        (failing, Run("9ba", scale_schedule_ratio=2.0), ScheduleError, "failing.*ratio"),
        (5, RUN, TypeError, "5"),
        ("linear", RUN, TypeError, "^schedule must be .* not 'linear': epochal.parse"),
        ({"name": "linear"}, RUN, TypeError, r"not {'name': 'linear'}: epochal.from_config\("),
        ({0: {"name": "linear"}}, RUN, TypeError, r"'linear'}: epochal.from_config\("),
        (None, RUN, TypeError, "None"),
        ([LinearScheduler(), LinearScheduler()], RUN, TypeError, "product a \\* b.*{0: a, 1: b}"),
        ({None: LinearScheduler(), 0: 5}, RUN, TypeError, "5"),
        (LinearScheduler, RUN, TypeError, r"LinearScheduler'>: call it, LinearScheduler\(...\)"),
        (LinearScheduler().resolve(RUN), RUN, TypeError, "resolve.*: give its schedule, curve.sch"),
        (int, RUN, TypeError, "not <class 'int'>$"),
        (lambda: 1.0, RUN, TypeError, "^schedule: a schedule function is called as"),
        (LinearScheduler(), "9ep", UnitError, "batches_per_epoch"),
        (LinearScheduler(), "9", TimeParseError, "'9'"),
        (LinearScheduler(), 9, TypeError, "run .*'90ep'.* not 9"),
        (LinearScheduler(), Clock, TypeError, "run .* a Clock, not"),
        (LinearScheduler(), Timestamp(batch=5), TypeError, "run .*Timestamp"),
    ],
)
def test_errors_at_bind_leave_the_optimizer_alone(
    schedule: Any, run: Any, error: type[Exception], text: str
) -> None:
    optimizer = sgd(0.5, torch.tensor(0.1))
    attributes, before = set(vars(optimizer)), settings(optimizer)
    with pytest.raises(error, match=text):
        bind(schedule, optimizer, run)
    assert set(vars(optimizer)) == attributes
    assert settings(optimizer) == before
    bind(LinearScheduler(), optimizer, RUN)
    assert set(vars(optimizer)) != attributes
    assert settings(optimizer) != before


@pytest.mark.parametrize("optimizer", [None, [parameter()], torch.nn.Linear(1, 1)])
def test_what_is_no_optimizer(optimizer: Any) -> None:
    with pytest.raises(TypeError, match="optimizer"):
        bind(LinearScheduler(), optimizer, RUN)


# Errors in a step


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (TypeError("no"), ScheduleError),
        (ZeroDivisionError("no"), ZeroDivisionError),
        (KeyError("no"), KeyError),
    ],
)
def test_a_step_that_fails_changes_nothing(error: Exception, seen: type[Exception]) -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind(failing_at_3(error), optimizer, RUN)
    for k in range(2):
        train_step(optimizer, k)
        scheduler.step()
    optimizer.add_param_group({"params": [parameter()], "lr": 0.125})
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(seen, match="no") as raised:
        scheduler.step()
    assert not isinstance(raised.value, TypeError)
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state
    # The next attempt goes well.
    scheduler.step()
    assert lrs(optimizer) == [0.125, 0.0625, 0.03125]
    assert scheduler.last_epoch == 3


@pytest.mark.parametrize("epoch", [-1, 1.5, 2.0, "3", True, [], 2**63, Time("3ba"), object()])
def test_a_jump_to_nowhere(epoch: Any) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(EpochalError) as error:
        scheduler.step(epoch)
    assert not isinstance(error.value, TypeError)
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_no_type_error_out_of_a_broken_optimizer() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    optimizer.param_groups[0]["initial_lr"] = None
    with pytest.raises(ScheduleError):
        scheduler.step()
    optimizer.param_groups[0]["initial_lr"] = 0.5
    scheduler.last_epoch = "2"  # type: ignore[assignment]
    with pytest.raises(ScheduleError):
        scheduler.step()


@pytest.mark.parametrize("groups", [({"lr": 0.5},), [0.5], None, {"lr": 0.5}])
def test_groups_that_are_no_list_of_dicts(groups: Any) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    optimizer.param_groups = groups
    with pytest.raises(ScheduleError, match="param_groups must be a list of dicts, not"):
        scheduler.step()


def inference_tensor() -> torch.Tensor:
    with torch.inference_mode():
        return torch.tensor(0.5)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor(1), "must hold one float, not tensor.1."),
        (torch.tensor(0.5, requires_grad=True), "must be filled in place.*lr.detach"),
        (inference_tensor(), "must be filled in place.*lr.detach"),
    ],
)
def test_tensors_that_cannot_be_filled(tensor: torch.Tensor, message: str) -> None:
    run = Run("8ba")
    optimizer = sgd(0.5, 0.25)
    optimizer.param_groups[1]["lr"] = tensor
    before = settings(optimizer)
    with pytest.raises(ScheduleError, match=message):
        bind(LinearScheduler(), optimizer, run)
    assert settings(optimizer) == before

    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind(LinearScheduler(), optimizer, run)
    optimizer.step()
    optimizer.param_groups[1]["lr"] = tensor
    before = settings(optimizer)
    with pytest.raises(ScheduleError, match=message):
        scheduler.step()
    assert settings(optimizer) == before
    assert scheduler.last_epoch == 0
