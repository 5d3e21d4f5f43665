"""What a scheduler is given holds whole, or it raises and nothing has changed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from epochal import ConstantScheduler, LinearScheduler, Run, ScheduleError, Timestamp
from epochal.torch import EpochalLR, Plateau, bind
from torch.optim import SGD


def optimizer(lrs: tuple[Any, ...] = (0.5, 0.25)) -> SGD:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in lrs]
    return SGD(groups, lr=0.1)


def held(scheduler: EpochalLR) -> Any:
    groups = scheduler.optimizer.param_groups
    numbers = [(float(group["lr"]), float(group["initial_lr"])) for group in groups]
    return scheduler.state_dict(), numbers


TOO_LARGE: dict[str, Callable[[EpochalLR], object]] = {
    "factor": lambda scheduler: setattr(scheduler, "factor", 1e300),
    "base_lrs": lambda scheduler: setattr(scheduler, "base_lrs", [1e308, 1e308]),
    "load_state_dict": lambda s: s.load_state_dict({"last_epoch": 3, "factor": 1e300}),
}


@pytest.mark.parametrize("kind", [float, torch.tensor])
@pytest.mark.parametrize("name", TOO_LARGE)
def test_numbers_that_are_too_large(name: str, kind: Callable[[float], Any]) -> None:
    """Beyond what a float holds, and what a tensor of float32 does."""
    scheduler = bind(ConstantScheduler(1e10), optimizer((kind(0.5), kind(0.25))), "100ba")
    before = held(scheduler)
    with pytest.raises(ScheduleError, match="'lr' of group 0 would be .* give a smaller base"):
        TOO_LARGE[name](scheduler)
    assert held(scheduler) == before


def test_a_step_that_is_too_large() -> None:
    """Found in the fast way of a step, too."""
    scheduler = bind(LinearScheduler(0.0, 1e10), optimizer((1e302, 1e302)), "100ba")
    for _ in range(2):
        scheduler.optimizer.step()
        with pytest.raises(ScheduleError, match=r"'lr' of group 0 would be inf"):
            scheduler.step()
    assert scheduler.last_epoch == 0
    assert [group["lr"] for group in scheduler.optimizer.param_groups] == [0.0, 0.0]


def test_bind_to_what_would_be_too_large() -> None:
    made = optimizer()
    before = [dict(group) for group in made.param_groups]
    with pytest.raises(ScheduleError, match="'lr' of group 0 would be inf"):
        bind(ConstantScheduler(1e10), made, "100ba", base_lr=1e300)
    assert made.param_groups == before
    del made.param_groups[1]["lr"]
    with pytest.raises(ScheduleError, match="group 1 has no 'lr'"):
        bind(ConstantScheduler(), made, "100ba", base_lr=0.5)


def test_assigned_bases_are_one_a_group() -> None:
    scheduler = bind(LinearScheduler(), optimizer(), "100ba")
    before = held(scheduler)
    for wrong in ([0.5], [0.5, 0.5, 0.5], 0.5, "ab", None):
        with pytest.raises(ScheduleError, match="base_lrs must be a list, one for each of 2"):
            scheduler.base_lrs = wrong  # type: ignore[assignment]
    scheduler.optimizer.param_groups[1]["lr"] = "fast"
    with pytest.raises(ScheduleError, match="'lr' of group 1 must be a finite number, not 'fast'"):
        scheduler.base_lrs = [1.0, 1.0]
    scheduler.optimizer.param_groups[1]["lr"] = 0.25
    assert held(scheduler) == before
    scheduler.optimizer.param_groups[1]["initial_lr"] = "fast"
    with pytest.raises(ScheduleError, match="the base of group 1 must be a finite number"):
        _ = scheduler.base_lrs


def test_other_arguments() -> None:
    scheduler = bind(LinearScheduler(), optimizer(), Run("100ba"))
    with pytest.raises(TypeError, match="timestamp must be a Timestamp, not 5"):
        scheduler.rates_at(5)  # type: ignore[arg-type]
    assert scheduler.rates_at(Timestamp(batch=50)) == [0.25, 0.125]
    for wrong in (torch.empty((), device="meta"), 10**400):
        with pytest.raises(ScheduleError, match="factor must be a finite number, 0 or above"):
            scheduler.factor = wrong  # type: ignore[assignment]
    plateau = Plateau(scheduler, patience=0)
    before = plateau.state_dict()
    for not_a_number in ("nonsense", "0.5", None, True, torch.zeros(2)):
        with pytest.raises(TypeError, match="metrics must be a number, not "):
            plateau.step(not_a_number)
    with pytest.raises(ScheduleError, match="epoch must be a whole number, 0 or above, not 'x'"):
        plateau.step(0.5, "x")  # type: ignore[arg-type]
    assert plateau.state_dict() == before
    plateau.step(torch.tensor(0.5))
    assert plateau.best == 0.5


def test_what_was_given_is_quoted_if_that_can_be() -> None:
    """A list that is too deep has no text, and a long one is shortened."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match=r"optimizer must be a torch.optim.Optimizer, not <list>"):
        bind(LinearScheduler(), deep, "100ba")
    while deep:  # by hand: freeing it at once would be as deep
        deep = deep[0]
    with pytest.raises(TypeError, match=r"run must be .*, not \[0, 0, 0.*…$"):
        bind(LinearScheduler(), optimizer(), [0] * 1000)  # type: ignore[arg-type]
