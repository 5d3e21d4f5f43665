"""Cuts beside a schedule: by hand, and by a metric that no longer improves."""

import copy
import json
from typing import Any

import pytest
import torch
from epochal import ConstantScheduler, LinearScheduler, ScheduleError, StateError
from epochal.torch import EpochalLR, Plateau, bind
from hypothesis import given
from hypothesis import strategies as st
from optimizers import field, lrs, sgd, through_a_file, train_step
from torch.optim.lr_scheduler import ReduceLROnPlateau, SequentialLR

# By hand


@pytest.mark.parametrize("rate", [0.5, torch.tensor(0.5)])
def test_a_factor_multiplies_all_rates_from_now_on(rate: Any) -> None:
    optimizer = sgd(rate, 0.25)
    scheduler = bind(LinearScheduler(), optimizer, "8ba", fields={"momentum": LinearScheduler()})
    assert scheduler.factor == 1.0
    for k in range(8):
        if k == 3:
            scheduler.factor = 0.5
        factor = 1.0 if k < 3 else 0.5
        expected = [0.5 * ((8 - k) / 8) * factor, 0.25 * ((8 - k) / 8) * factor]
        assert lrs(optimizer) == scheduler.get_lr() == scheduler.get_last_lr() == expected
        assert field(optimizer, "momentum") == [0.9 * ((8 - k) / 8)] * 2
        train_step(optimizer, k)
        scheduler.step()


@pytest.mark.parametrize("factor", [-0.5, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_factors_that_are_none(factor: Any) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, "8ba")
    with pytest.raises(ScheduleError, match="factor must be a finite number, 0 or above, not"):
        scheduler.factor = factor
    assert scheduler.factor == 1.0
    with pytest.raises(StateError, match="factor"):
        scheduler.load_state_dict({"last_epoch": 3, "factor": factor})
    assert lrs(optimizer) == [0.5]


def test_a_factor_is_a_part_of_the_state() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, "8ba")
    train_step(optimizer, 0)
    scheduler.step()
    scheduler.factor = 0.25
    state = through_a_file(scheduler.state_dict())
    assert state["factor"] == 0.25
    other = sgd(0.5)
    later = bind(LinearScheduler(), other, "8ba")
    later.load_state_dict(state)
    assert later.factor == 0.25
    assert lrs(other) == [0.5 * (7 / 8) * 0.25]
    # A state that says nothing of it changes nothing of it.
    later.load_state_dict({"last_epoch": 4})
    assert lrs(other) == [0.5 * (4 / 8) * 0.25]
    assert copy.deepcopy(later).factor == 0.25


def test_a_factor_of_a_stage_whose_turn_has_not_come() -> None:
    optimizer = sgd(1.0)
    stages = [bind(ConstantScheduler(alpha), optimizer, "8ba") for alpha in (0.5, 0.25)]
    scheduler = SequentialLR(optimizer, stages, [2])  # type: ignore[arg-type]
    stages[1].factor = 0.5
    seen = []
    for k in range(4):
        seen += lrs(optimizer)
        train_step(optimizer, k)
        scheduler.step()
    assert seen == [0.5, 0.5, 0.125, 0.125]


# By a metric


METRICS = st.lists(
    st.one_of(
        st.floats(-10, 10),
        st.sampled_from([0.0, 1.0, 1.0001, 1.0002, -1.0, float("nan"), float("inf")]),
    ),
    max_size=40,
)


@given(
    metrics=METRICS,
    mode=st.sampled_from(["min", "max"]),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    threshold=st.sampled_from([0.0, 1e-4, 0.5]),
    patience=st.integers(0, 4),
    cooldown=st.integers(0, 4),
    factor=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    min_lr=st.sampled_from([0.0, 0.01, 0.3]),
    eps=st.sampled_from([0.0, 1e-8, 0.1]),
)
def test_it_decides_as_pytorchs(metrics: list[float], min_lr: float, **arguments: Any) -> None:
    theirs, ours = sgd(1.0), sgd(1.0)
    peer = ReduceLROnPlateau(theirs, min_lr=min_lr, **arguments)
    scheduler = bind(ConstantScheduler(), ours, "1000ba")
    plateau = Plateau(scheduler, min_lr=min_lr, **arguments)
    ours.step()
    for metric in metrics:
        peer.step(metric)
        plateau.step(metric)
        assert lrs(ours) == lrs(theirs)
        scheduler.step()
        ours.step()
        assert lrs(ours) == lrs(theirs)
        seen = ("num_bad_epochs", "cooldown_counter", "in_cooldown", "last_epoch")
        assert [getattr(plateau, name) for name in seen] == [getattr(peer, n) for n in seen]
        assert plateau.best == peer.best


def test_the_cuts_add_to_the_schedule() -> None:
    """What ReduceLROnPlateau would lose: each of its cuts is overwritten."""
    optimizer = sgd(1.0, 0.5)
    scheduler = bind(ConstantScheduler().after_warmup("2ba"), optimizer, "10ba")
    plateau = Plateau(scheduler, factor=0.5, patience=0)
    seen = []
    for k in range(6):
        seen.append(lrs(optimizer)[0])
        train_step(optimizer, k)
        scheduler.step()
        plateau.step(torch.tensor(1.0))
    assert seen == [0.0, 0.5, 0.5, 0.25, 0.125, 0.0625]
    assert lrs(optimizer)[1] == 0.5 * lrs(optimizer)[0]


def test_the_least_rate_of_any_group() -> None:
    optimizer = sgd(1.0, 0.25, 0.0)
    scheduler = bind(ConstantScheduler(), optimizer, "10ba")
    plateau = Plateau(scheduler, factor=0.5, patience=0, min_lr=[0.1, 0.1, 0.0])
    rates = []
    for _ in range(4):
        plateau.step(1.0)
        rates.append(lrs(optimizer))
    assert rates == [[1.0, 0.25, 0.0], [0.5, 0.125, 0.0], [0.4, 0.1, 0.0], [0.4, 0.1, 0.0]]


def test_its_state() -> None:
    def make() -> tuple[Plateau, EpochalLR]:
        scheduler = bind(ConstantScheduler(), sgd(1.0), "100ba")
        return Plateau(scheduler, factor=0.5, patience=2, cooldown=1), scheduler

    metrics = [5.0, 4.0, 4.0, 4.0, 4.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    plateau, scheduler = make()
    factors, states = [], []
    for metric in metrics:
        states.append(through_a_file([plateau.state_dict(), scheduler.state_dict()]))
        assert json.loads(json.dumps(plateau.state_dict())) == plateau.state_dict()
        plateau.step(metric)
        factors.append(scheduler.factor)
    assert set(factors) == {1.0, 0.5, 0.25}
    for start, (seen, state) in enumerate(states):
        plateau, scheduler = make()
        plateau.load_state_dict(seen)
        scheduler.load_state_dict(state)
        for metric, factor in zip(metrics[start:], factors[start:], strict=True):
            plateau.step(metric)
            assert scheduler.factor == factor
        copied = copy.deepcopy(plateau)
        copied.step(9.0)
        assert copied.scheduler is not scheduler
    # That of PyTorch's will do.
    peer = ReduceLROnPlateau(sgd(1.0))
    peer.step(3.0)
    peer.step(4.0)
    plateau.load_state_dict(peer.state_dict())
    assert (plateau.best, plateau.num_bad_epochs, plateau.patience) == (3.0, 1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"best": None},
        {"best": "1"},
        {"best": True},
        {"num_bad_epochs": 1.5},
        {"cooldown_counter": -1},
        {"last_epoch": None},
    ],
)
def test_bad_states(changes: dict[str, Any]) -> None:
    plateau = Plateau(bind(ConstantScheduler(), sgd(1.0), "100ba"))
    plateau.step(3.0)
    state = plateau.state_dict()
    with pytest.raises(StateError, match=next(iter(changes))):
        plateau.load_state_dict({**state, "best": 1.0, **changes})
    assert plateau.state_dict() == state
    with pytest.raises(TypeError, match="state_dict must be a dict"):
        plateau.load_state_dict(5)  # type: ignore[arg-type]


def test_what_it_does_not_take() -> None:
    scheduler = bind(ConstantScheduler(), sgd(1.0), "100ba")
    optimizer: Any = sgd(1.0)
    with pytest.raises(TypeError, match="scheduler must be one that bind gave, not SGD"):
        Plateau(optimizer)
    for factor in (1.0, 1.5, -0.1, float("nan")):
        with pytest.raises(ScheduleError, match="factor must be"):
            Plateau(scheduler, factor=factor)
    with pytest.raises(ValueError, match="mode"):
        Plateau(scheduler, mode="average")  # type: ignore[arg-type]
