"""`on_change="cooldown"`: the rates go on from where they are, and fall to zero."""

from pathlib import Path
from typing import Any

import pytest
from changes import K, cosine, epochal_schedule, one_cycle, program, rates_of, saved, stop_at
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    LinearScheduler,
    Schedule,
    StateError,
    Trainer,
)
from torch.optim import SGD
from training import History, loader, make_trainer, model, stream


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
