"""Checkpoints that were made under other settings."""

import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    LinearScheduler,
    Schedule,
    ScheduleError,
    StateError,
    StepScheduler,
    Trainer,
)
from torch.optim import SGD
from torch.optim import lr_scheduler as lrs
from training import History, loader, make_trainer, model, stream, weights

K = 5  # when the checkpoint is made: in the second epoch, before its last batch
Scheduler = Callable[[SGD], Any]


def epochal_schedule(_: SGD) -> Schedule:
    return LinearScheduler(1.0, 0.5)


def cosine(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.CosineAnnealingLR(optimizer, 4)


def one_cycle(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.OneCycleLR(optimizer, 0.9, 12)


def cyclic(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.CyclicLR(optimizer, 0.1, 0.5, 2, mode="exp_range", gamma=0.9)


def sequential(optimizer: SGD) -> lrs.LRScheduler:
    parts = [lrs.LinearLR(optimizer, 0.1, total_iters=2), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, parts, milestones=[2])


def program(scheduler: Scheduler, lr: float = 0.5, **changes: Any) -> Trainer:
    parts = model()
    optimizer = SGD(parts.parameters(), lr=lr, momentum=0.9)
    settings = {"schedulers": scheduler(optimizer), **changes}
    return make_trainer(model=parts, optimizers=optimizer, **settings)


def stop_at(batch: int, path: Path) -> Callable[[Trainer], None]:
    def stop(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == batch:
            trainer.save_checkpoint(path)
            raise KeyboardInterrupt

    return stop


def saved(path: Path, scheduler: Scheduler, batch: int = K, **changes: Any) -> Trainer:
    """A training that was stopped after a checkpoint."""
    trainer = program(scheduler, callbacks=stop_at(batch, path), **changes)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    return trainer


def edited(path: Path, **settings: str) -> None:
    state = torch.load(path)
    state["settings"] |= settings
    torch.save(state, path)


LINEAR = "schedule was LinearScheduler(alpha_i=1.0, alpha_f=0.5, t_max='1dur'), now it is "
RUN = "run was Run('3ep', batches_per_epoch=3), now it is Run("
RATE = 0.5 * (1 - 0.5 * K / 9)
# Scheduler then, what else was then, scheduler now, what else is now, what is said, and the rates.
CHANGES: dict[str, tuple[Scheduler, dict[str, Any], Scheduler, dict[str, Any], str, Any]] = {
    "schedule": (
        epochal_schedule,
        {},
        lambda _: StepScheduler("2ba"),
        {},
        LINEAR + "StepScheduler(step_size='2ba', gamma=0.1); "
        "α of lr differs most at 2 ba: 0.88889 and 0.1.",
        (RATE, 0.5 * 0.1 * 0.1),
    ),
    "product": (
        epochal_schedule,
        {},
        lambda _: [LinearScheduler(1.0, 0.5), StepScheduler("2ba")],
        {},
        LINEAR + "LinearScheduler(alpha_i=1.0, alpha_f=0.5, t_max='1dur') * StepScheduler(",
        (RATE, RATE * 0.01),
    ),
    "length": (
        epochal_schedule,
        {},
        epochal_schedule,
        {"max_duration": "6ep"},
        RUN + "'6ep', batches_per_epoch=3); α of lr differs most at 9 ba: 0.5 and 0.75.",
        (RATE, 0.5 * (1 - 0.5 * K / 18)),
    ),
    "ratio": (
        epochal_schedule,
        {},
        epochal_schedule,
        {"scale_schedule_ratio": 2.0},
        RUN + "'3ep', batches_per_epoch=3, scale_schedule_ratio=2.0); "
        "α of lr differs most at 9 ba: 0.5 and 0.75.",
        (RATE, 0.5 * (1 - 0.5 * K / 18)),
    ),
    "base": (
        epochal_schedule,
        {},
        epochal_schedule,
        {"lr": 0.25},
        "base learning rates was [0.5], now it is [0.25].",
        (RATE, RATE / 2),
    ),
    "batches": (
        epochal_schedule,
        {},
        epochal_schedule,
        {"train_dataloader": loader(batch_size=5)},
        RUN + "'3ep', batches_per_epoch=4); α of lr differs most at 9 ba: 0.5 and 0.625.",
        # In epochs it is at the third of 4 batches.
        (RATE, 0.5 * (1 - 0.5 * 6 / 12)),
    ),
    "every_batch": (
        cosine,
        {},
        cosine,
        {"step_schedulers_every_batch": True},
        "step_schedulers_every_batch was None, now it is True.",
        None,
    ),
    "every_epoch": (
        epochal_schedule,
        {},
        epochal_schedule,
        {"step_schedulers_every_batch": True},
        "step_schedulers_every_batch was None, now it is True.",
        (RATE, RATE),
    ),
    "every_epoch, with epochal's": (
        epochal_schedule,
        {"step_schedulers_every_batch": False},
        epochal_schedule,
        {"step_schedulers_every_batch": False, "lr": 0.25},
        "base learning rates was [0.5], now it is [0.25].",
        (0.5 * (1 - 0.5 * 3 / 9), 0.25 * (1 - 0.5 * 3 / 9)),  # those of the epoch
    ),
    "cyclic": (
        cosine,
        {},
        cyclic,
        {"step_schedulers_every_batch": True, "scale_schedule_ratio": 2.0},
        "now it is CyclicLR(",
        None,
    ),
    "sequential": (
        cosine,
        {},
        sequential,
        {"scale_schedule_ratio": 2.0},
        "now it is SequentialLR(",
        None,
    ),
    "argument": (
        cosine,
        {},
        lambda optimizer: lrs.CosineAnnealingLR(optimizer, 5),
        {},
        "schedulers was CosineAnnealingLR(T_max=4, eta_min=0.0), now it is CosineAnnealingLR(T_max",
        None,
    ),
    "ratio of PyTorch's": (
        cosine,
        {"scale_schedule_ratio": 2.0},
        cosine,
        {"scale_schedule_ratio": 1.25},
        "schedulers was CosineAnnealingLR(T_max=8, eta_min=0.0), now it is CosineAnnealingLR(T_max",
        None,
    ),
    "kind": (
        cosine,
        {},
        epochal_schedule,
        {},
        "schedule was none, now it is LinearScheduler(",
        None,
    ),
    "other kind": (
        epochal_schedule,
        {},
        one_cycle,
        {"step_schedulers_every_batch": True},
        "schedulers was none, now it is OneCycleLR(",
        None,
    ),
    "cycle": (
        one_cycle,
        {"step_schedulers_every_batch": True},
        epochal_schedule,
        {},
        "schedulers was OneCycleLR(",
        None,
    ),
}
each_change = pytest.mark.parametrize("name", CHANGES)


def rates_of(scheduler: Scheduler, **now: Any) -> list[float]:
    """Of a training under these settings from the start."""
    history = History()
    program(scheduler, callbacks=history, **now).fit()
    return history.rates


@each_change
def test_error(name: str, tmp_path: Path) -> None:
    """The default. Says what differs and what the rates would do, and changes nothing."""
    then, settings_then, now, settings, words, rates = CHANGES[name]
    path = tmp_path / "x.pt"
    was = saved(path, then, **settings_then)
    if rates is None:
        rates = was.optimizers[0].param_groups[0]["lr"], rates_of(now, **settings)[K]
    parts = model(seed=3)
    settings = dict(settings)
    optimizer = SGD(parts.parameters(), lr=settings.pop("lr", 0.5), momentum=0.9)
    schedulers = now(optimizer)
    pytorch = [schedulers, *getattr(schedulers, "_schedulers", ())]

    def everything() -> Any:
        states = [dict(getattr(part, "__dict__", {})) for part in pytorch]
        for state in states:
            for part in ("optimizer", "_schedulers"):
                state.pop(part, None)
            if "_scale_fn_ref" in state:
                state["_scale_fn_ref"] = state["_scale_fn_ref"].args
        return copy.deepcopy([optimizer.state_dict(), states])

    before = everything(), weights(parts), torch.get_rng_state()
    group = optimizer.param_groups[0]
    with pytest.raises(StateError) as raised:
        make_trainer(
            model=parts, optimizers=optimizer, schedulers=schedulers, resume=path, **settings
        )
    message = str(raised.value)
    assert message.startswith(f"{path} was made under other settings: ")
    assert words in message
    assert message.endswith(
        "Pass on_change='keep' to go on from there under what is now, 'cooldown' to let them fall "
        "from where they were to 0, or 'restart' to start its time from 0"
    )
    if name == "every_epoch":
        assert f"At batch {K} the learning rates would be the same." in message
    else:
        start, _, rest = message.partition(f"At batch {K} the learning rates would jump from [")
        assert start
        told = rest.split("]. Pass")[0].split("] to [")
        assert [float(rate) for rate in told] == pytest.approx(list(rates), rel=1e-15)
    after = everything(), weights(parts), torch.get_rng_state()
    assert before[0] == after[0]
    assert all(map(torch.equal, before[1], after[1]))
    assert torch.equal(before[2], after[2])
    assert optimizer.param_groups[0] is group


@each_change
def test_keep(name: str, tmp_path: Path) -> None:
    """The rates are those that a training under the new settings has at that time."""
    then, settings_then, now, settings, _, _ = CHANGES[name]
    path = tmp_path / "x.pt"
    stopped = saved(path, then, **settings_then)
    history = History()
    trainer = program(now, callbacks=history, resume=path, on_change="keep", **settings)
    assert trainer.clock.timestamp == stopped.clock.timestamp
    assert all(map(torch.equal, weights(trainer.model), weights(stopped.model)))
    momentum = [
        [state["momentum_buffer"] for state in each.optimizers[0].state.values()]
        for each in (trainer, stopped)
    ]
    assert all(map(torch.equal, *momentum))
    assert len(momentum[0]) == 4
    trainer.fit()
    rates = rates_of(now, **settings)
    if name == "batches":  # the rest of its second epoch, and the third
        rates = [*rates[:K], *rates[6:]]
    assert history.rates == rates[K:] != []
    assert [batch for batch, _, _ in history.rows] == list(range(K, len(rates)))
    alone = History()
    settings_then = {"max_duration": "3ep", **settings_then}
    program(then, callbacks=alone, **settings_then).fit()
    # The batch after the checkpoint: the same weights, sample and random numbers.
    if name != "batches":
        assert history.losses[0] == alone.losses[K]


@each_change
def test_restart(name: str, tmp_path: Path) -> None:
    """Time and rates from the start, with the weights and momentum as they were."""
    then, settings_then, now, settings, _, _ = CHANGES[name]
    path = tmp_path / "x.pt"
    stopped = saved(path, then, **settings_then)
    history = History()
    trainer = program(
        now,
        callbacks=history,
        resume=path,
        on_change="restart",
        save_folder=tmp_path / "new",
        **settings,
    )
    assert trainer.clock.timestamp.batch == 0
    assert all(map(torch.equal, weights(trainer.model), weights(stopped.model)))
    assert len(trainer.optimizers[0].state) == 4
    trainer.fit()
    assert history.rates == rates_of(now, **settings)
    assert (tmp_path / "new" / "ba3.pt").exists() or name == "batches"


def test_restart_keeps_away_from_its_old_checkpoints(tmp_path: Path) -> None:
    program(epochal_schedule, save_folder=tmp_path).fit()
    settings: dict[str, Any] = {"save_folder": tmp_path, "resume": True, "lr": 0.25}
    with pytest.raises(StateError, match=r"before the restart: pass resume='.*ba9.pt' and another"):
        program(epochal_schedule, on_change="restart", **settings)
    # Kept, it goes on.
    program(epochal_schedule, on_change="keep", max_duration="4ep", **settings).fit()
    assert (tmp_path / "ba12.pt").exists()


@pytest.mark.parametrize("on_change", ["error", "keep", "restart"])
def test_nothing_has_changed(on_change: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule)
    alone, resumed = History(), History()
    program(epochal_schedule, callbacks=alone).fit()
    program(epochal_schedule, callbacks=resumed, resume=path, on_change=on_change).fit()
    assert resumed.rows == alone.rows[K:]


def test_another_number_of_ranks(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule)
    edited(path, ranks="4")
    with pytest.raises(StateError, match=r"ranks was 4, now it is 1\. .* would be the same"):
        program(epochal_schedule, resume=path)
    program(epochal_schedule, resume=path, on_change="keep").fit()
    # This rank was not there before.
    state = torch.load(path)
    state["random"] = state["epoch_random"] = []
    torch.save(state, path)
    with pytest.raises(StateError, match="'?random'?: it must be there for each rank"):
        program(epochal_schedule, resume=path, on_change="keep")


def test_a_setting_that_was_not_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule)
    state = torch.load(path)
    del state["settings"]["ranks"]
    torch.save(state, path)
    with pytest.raises(StateError, match="ranks was not told, now it is 1"):
        program(epochal_schedule, resume=path)


def test_a_schedule_that_has_ended(tmp_path: Path) -> None:
    """The new one cannot be asked for its rates there."""
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule, batch=8)
    settings: dict[str, Any] = {"resume": path, "step_schedulers_every_batch": True}
    short = functools.partial(lrs.OneCycleLR, max_lr=0.9, total_steps=4)
    with pytest.raises(StateError, match=r"rates would not be known \(Tried to step"):
        program(short, **settings)
    with pytest.raises(StateError, match=r"cannot go on from .*x\.pt: Tried to step"):
        program(short, on_change="keep", **settings)
    program(short, on_change="restart", **settings)


def test_an_epoch_that_is_too_short(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule)
    settings: dict[str, Any] = {"train_dataloader": loader(batch_size=20), "resume": path}
    with pytest.raises(
        StateError, match="it is at batch 2 of an epoch, and train_dataloader has only 1"
    ):
        program(epochal_schedule, on_change="keep", max_duration="9ep", **settings)


def test_on_change_is_one_of_four() -> None:
    with pytest.raises(ScheduleError, match="on_change must be 'error', .* not 'ignore'"):
        program(epochal_schedule, on_change="ignore")


def test_a_rate_counts_without_a_scheduler_too(tmp_path: Path) -> None:
    path = tmp_path / "some.pt"
    saved(path, lambda _: None)
    message = r"base learning rates was \[0\.5\], now it is \[0\.25\]"
    with pytest.raises(StateError, match=message):
        program(lambda _: None, lr=0.25, resume=path)
    # Changed by hand in the training, it does not.
    trainer = program(lambda _: None, resume=path)
    trainer.optimizers[0].param_groups[0]["lr"] = 0.125
    trainer.save_checkpoint(path)
    again = program(lambda _: None, resume=path)
    assert again.optimizers[0].param_groups[0]["lr"] == 0.125


def test_killed_in_a_longer_fit(tmp_path: Path) -> None:
    """The program that calls `fit` twice starts with the shorter run."""
    whole = program(epochal_schedule, callbacks=(history := History()))
    whole.fit()
    whole.fit("5ep")

    path = tmp_path / "some.pt"
    killed = program(epochal_schedule, callbacks=stop_at(11, path))
    killed.fit()
    with pytest.raises(KeyboardInterrupt):
        killed.fit("5ep")
    with pytest.raises(StateError, match="run was Run\\('5ep'"):
        program(epochal_schedule, resume=path)
    later = History()
    resumed = program(epochal_schedule, resume=path, on_change="keep", callbacks=later)
    resumed.fit()
    resumed.fit("5ep")
    assert later.rows == history.rows[11:]
    assert all(map(torch.equal, weights(resumed.model), weights(whole.model)))


# Epochs of another length


@pytest.mark.parametrize("t_max", ["1dur", "10ep"])
def test_another_batch_size(t_max: str, tmp_path: Path) -> None:
    """A schedule in epochs goes by epochs: it ends with the run, not after as many batches."""
    path = tmp_path / "x.pt"
    schedule = lambda _: LinearScheduler(t_max=t_max)  # noqa: E731
    saved(path, schedule, batch=6, max_duration="10ep")
    history = History()
    settings: dict[str, Any] = {"train_dataloader": loader(batch_size=4), "max_duration": "10ep"}
    resumed = program(schedule, callbacks=history, resume=path, on_change="keep", **settings)
    assert resumed.optimizers[0].param_groups[0]["lr"] == 0.5 * ((50 - 10) / 50)
    resumed.fit()
    # 5 batches an epoch, as if there had been no others.
    assert history.rates == rates_of(schedule, **settings)[10:]
    assert len(history.rates) == 40


class Buckets:
    """Epochs of different lengths, of which it tells one."""

    def __init__(self, lengths: tuple[int, ...]) -> None:
        self.lengths = list(lengths)

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        batch = next(iter(loader(shuffle=False)))
        return iter([batch] * self.lengths.pop(0))


def test_epochs_that_are_shorter_than_declared() -> None:
    """Each begins with the rate of its number, and the run ends at 0."""
    history = History()
    trainer = program(
        lambda _: LinearScheduler(),
        train_dataloader=Buckets((3, 2, 1, 2)),
        max_duration="4ep",
        callbacks=history,
    )
    with pytest.warns(UserWarning, match="has the length 3, .* gave [12] batches"):
        trainer.fit()
    epochs = [[12, 11, 10], [9, 8], [6], [3, 2]]
    assert history.rates == [0.5 * (left / 12) for epoch in epochs for left in epoch]
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0


# Cooling down


def cooled(path: Path, **changes: Any) -> tuple[Trainer, History]:
    """Resumed with the same schedule, or another one, and cooled down from there."""
    history = History()
    schedule = changes.pop("schedule", LinearScheduler(1.0, 0.5))
    settings = {"resume": path, "on_change": "cooldown", "callbacks": history, **changes}
    return program(lambda _: schedule, **settings), history


def straight(first: float, steps: int) -> list[float]:
    """A straight line down to 0, which comes after so many steps."""
    return [first * ((steps - k) / steps) for k in range(steps)]


@pytest.mark.parametrize("max_duration", ["3ep", "8ba", "6ep", "50sp"])
@pytest.mark.parametrize(
    "schedule", [LinearScheduler(), CosineAnnealingScheduler("4ba"), lambda state: 0.25]
)
def test_cooldown(max_duration: str, schedule: Any, tmp_path: Path) -> None:
    """From the present rate in a straight line to 0 at the new end, whatever the schedule."""
    path = tmp_path / "x.pt"
    stopped = saved(path, epochal_schedule, max_duration="4ep")
    rate = 0.5 * (1 - 0.5 * K / 12)
    assert stopped.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate, rel=1e-15)
    trainer, history = cooled(path, schedule=schedule, max_duration=max_duration)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate, rel=1e-15)
    trainer.fit()
    # 8, 8 and 4 samples an epoch: batch 5 begins at 36.
    done = {"50sp": [36, 40, 48], "3ep": range(5, 9), "8ba": range(5, 8), "6ep": range(5, 18)}
    end = {"50sp": 50, "3ep": 9, "8ba": 8, "6ep": 18}[max_duration]
    first = done[max_duration][0]
    expected = [rate * (end - now) / (end - first) for now in done[max_duration]]
    assert history.rates == pytest.approx(expected, rel=1e-14)
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0


def test_a_cooldown_that_is_resumed_goes_on_falling(tmp_path: Path) -> None:
    """By the same program, killed again and again: the same bits."""
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule, max_duration="6ep")
    trainer, whole = cooled(path)
    trainer.fit()
    parts: list[Any] = []
    for stop in (6, 8):
        _, history = one = cooled(path, save_folder=tmp_path / "new")
        one[0]._hooks["batch_end"].append(stop_at(stop, tmp_path / f"{stop}.pt"))
        with pytest.raises(KeyboardInterrupt):
            one[0].fit()
        parts += history.rows
        path = tmp_path / f"{stop}.pt"
    last, history = cooled(path)
    last.fit()
    assert parts + history.rows == whole.rows
    # Without the word it is the same training, which goes on cooling down.
    again, history = cooled(path, on_change="error")
    again.fit()
    assert history.rows == whole.rows[8 - K :]
    # Another change, another cooldown: from where the first one had come to.
    longer, history = cooled(path, max_duration="10ba")
    longer.fit()
    rate = whole.rates[3]
    assert history.rates == pytest.approx(straight(rate, 2), rel=1e-14)
    # Kept, it is the schedule itself.
    kept, history = cooled(path, max_duration="10ba", on_change="keep")
    kept.fit()
    assert history.rates == rates_of(epochal_schedule, max_duration="10ba")[8:]


@pytest.mark.parametrize("on_change", ["keep", "restart"])
def test_a_function_that_changes_ends_a_cooldown(on_change: str, tmp_path: Path) -> None:
    """Nothing of the settings tells that it has changed."""

    def schedule(alpha: float) -> Any:
        def function(state: Any) -> float:
            return alpha

        return function

    path = tmp_path / "x.pt"
    saved(path, lambda _: schedule(0.5), max_duration="6ep")
    trainer, _ = cooled(path, schedule=schedule(0.5))
    trainer.fit("7ba")
    trainer.save_checkpoint(path)
    other, history = cooled(
        path,
        schedule=schedule(0.25),
        max_duration="8ba",
        on_change=on_change,
        save_folder=tmp_path / "new",
    )
    other.fit()
    assert history.rates == [0.125] * (1 if on_change == "keep" else 8)


@pytest.mark.parametrize(
    ("max_duration", "ratio", "end"),
    [("6ba", 1.5, 9), ("8ep", 1.5, 36), ("10ba", 0.7, 7), ("8ep", 0.7, 16)],
)
def test_cooldown_of_a_scaled_run(
    max_duration: str, ratio: float, end: int, tmp_path: Path
) -> None:
    """It begins where the checkpoint was made, which is no time to scale; and from the α that was
    there, whatever the base rate is now."""
    path = tmp_path / "x.pt"
    saved(path, lambda _: ConstantScheduler(0.5), max_duration="9ba")
    changes = {"max_duration": max_duration, "scale_schedule_ratio": ratio, "lr": 0.25}
    trainer, history = cooled(path, schedule=ConstantScheduler(), **changes)
    trainer.fit()
    assert history.rates == pytest.approx(straight(0.125, end - K), rel=1e-14)
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0


def test_cooldown_in_epochs_of_another_length(tmp_path: Path) -> None:
    """After two of four epochs the batches are larger; the rate falls over the last two."""
    path = tmp_path / "x.pt"
    saved(path, lambda _: ConstantScheduler(), batch=6, max_duration="9ep")
    trainer, history = cooled(
        path,
        schedule=ConstantScheduler(),
        max_duration="4ep",
        train_dataloader=loader(batch_size=10),
    )
    trainer.fit()
    assert history.rates == pytest.approx(straight(0.5, 4), rel=1e-14)
    assert trainer.clock.timestamp.epoch == 4


def test_cooldown_of_a_stream(tmp_path: Path) -> None:
    """Without a length of epochs the rate moves at their ends."""
    path = tmp_path / "x.pt"
    data: dict[str, Any] = {"train_dataloader": stream()}
    saved(path, lambda _: ConstantScheduler(), max_duration="9ep", **data)
    trainer, history = cooled(path, schedule=ConstantScheduler(), max_duration="4ep", **data)
    trainer.fit()
    assert history.rates == pytest.approx([0.5] + [0.5 * 2 / 3] * 3 + [0.5 / 3] * 3, rel=1e-14)


def test_cooldown_of_several_optimizers(tmp_path: Path) -> None:
    """Each from its own rate."""
    path = tmp_path / "x.pt"

    def trained(*schedules: Schedule, **changes: Any) -> tuple[Trainer, History]:
        parts, history = model(), History()
        optimizers = [SGD(parts[i].parameters(), lr=lr) for i, lr in ((0, 0.5), (3, 0.25))]
        trainer = make_trainer(
            model=parts,
            optimizers=optimizers,
            schedulers=dict(zip(optimizers, schedules, strict=True)),
            callbacks=history,
            **changes,
        )
        trainer.fit()
        return trainer, history

    schedules = ConstantScheduler(0.5, "9ba"), LinearScheduler(t_max="10ba")
    first, _ = trained(*schedules, max_duration="5ba")
    first.save_checkpoint(path)
    settings = {"resume": path, "on_change": "cooldown", "max_duration": "9ba"}
    _, history = trained(*schedules, **settings)
    falling = straight(1.0, 4)
    assert [lr for _, _, lr in history.rows] == [[0.25 * f, 0.125 * f] for f in falling]


def test_cooldown_is_for_schedules(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, cosine)
    text = "on_change='cooldown' is for schedules of epochal, and schedulers has {}: pass"
    for scheduler, name in ((one_cycle, "OneCycleLR"), (lambda _: None, "none")):
        with pytest.raises(StateError, match=text.format(name)):
            program(scheduler, resume=path, on_change="cooldown")
    # It knows the rate of PyTorch's, but no α of it.
    with pytest.raises(StateError, match="cannot go on from"):
        program(epochal_schedule, resume=path, on_change="cooldown")


def test_a_cooldown_that_would_begin_after_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    saved(path, epochal_schedule)
    with pytest.raises(StateError, match="cannot go on from .*t '5ba' is after t_max '1dur'"):
        program(epochal_schedule, resume=path, on_change="cooldown", max_duration="4ba")
