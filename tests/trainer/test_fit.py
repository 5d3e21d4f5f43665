"""The Trainer's loop: where it stops and goes on, and its callbacks."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from epochal import LinearScheduler, Timestamp, Trainer, UnitError
from torch import nn
from torch.nn.functional import cross_entropy
from training import BATCHES, History, evaluation, loader, make_trainer, model, stream, weights


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(map(torch.equal, weights(left), weights(right)))


# What it does to a model


def test_it_trains_as_one_would_by_hand() -> None:
    ours, theirs, history = model(), model(), History()
    make_trainer(model=ours, callbacks=history).fit()

    torch.manual_seed(5)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5, momentum=0.9)
    batches, losses = loader(), []
    theirs.train()
    for _ in range(3):
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = cross_entropy(theirs(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert history.losses == losses
    assert equal(ours, theirs)


def test_a_model_is_trained_in_training_mode() -> None:
    """But for the parts that a callback has put in another mode at the start."""

    class Freeze:
        def fit_start(self, trainer: Trainer) -> None:
            assert module.training
            module[2].eval()

        def batch_end(self, trainer: Trainer) -> None:
            assert module.training
            assert not module[2].training

    module = model()
    module.eval()
    make_trainer(
        model=module, callbacks=Freeze(), eval_dataloader=loader(), eval_interval="1ba"
    ).fit("2ba")


def test_all_optimizers_make_a_step() -> None:
    module, reference = model(), model()
    optimizers = [torch.optim.SGD([p], lr=0.5, momentum=0.9) for p in module.parameters()]
    make_trainer(model=module, optimizers=optimizers).fit()
    make_trainer(model=reference).fit()
    assert equal(module, reference)


def test_the_seed_decides() -> None:
    histories = []
    for seed in (1, 1, 2, np.int64(1)):
        history = History()
        make_trainer(seed=seed, callbacks=history).fit()
        histories.append(history.rows)
    assert histories[0] == histories[1] == histories[3] != histories[2]


def test_the_seed_is_for_all_sources_of_random_numbers() -> None:
    import random

    def draw() -> tuple[float, float, float]:
        # The global generators are what is seeded.
        return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002

    make_trainer(seed=3)
    first = draw()
    make_trainer(seed=None)
    second = draw()
    make_trainer(seed=3)
    assert first == draw()
    assert second == draw()
    make_trainer(seed=-(2**40))


def test_what_is_told_after_a_batch() -> None:
    trainer = make_trainer(schedulers=LinearScheduler())
    assert (trainer.loss, trainer.lr, trainer.eval_loss) == (None, [], None)
    trainer.fit("1ba")
    inputs, targets = next(iter(loader()))
    assert trainer.loss is not None
    assert trainer.lr == [0.5]
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.0
    assert trainer.device == inputs.device == targets.device


# Where it stops


@pytest.mark.parametrize(
    ("max_duration", "end"),
    [
        ("2ep", Timestamp(epoch=2, batch=6, sample=40, token=400)),
        ("7ba", Timestamp(epoch=2, batch=7, sample=48, token=480)),
        ("6ba", Timestamp(epoch=2, batch=6, sample=40, token=400)),
        ("1ba", Timestamp(batch=1, sample=8, token=80)),
        # 8, 16, 20, 28, 36, 40 samples: the first that is enough.
        ("16sp", Timestamp(batch=2, sample=16, token=160)),
        ("17sp", Timestamp(epoch=1, batch=3, sample=20, token=200)),
        ("20sp", Timestamp(epoch=1, batch=3, sample=20, token=200)),
        ("21sp", Timestamp(epoch=1, batch=4, sample=28, token=280)),
        ("200tok", Timestamp(epoch=1, batch=3, sample=20, token=200)),
        ("0.3Ktok", Timestamp(epoch=1, batch=5, sample=36, token=360)),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_it_stops_at_the_duration(max_duration: str, end: Timestamp, sized: bool) -> None:
    calls = History()
    trainer = make_trainer(
        train_dataloader=loader() if sized else stream(),
        max_duration=max_duration,
        get_num_tokens=lambda batch: 10 * len(batch[0]),
        callbacks=calls,
    )
    trainer.fit()
    now = trainer.clock.timestamp
    # Without a length the end of an epoch shows only when there is no further batch.
    open_end = not sized and end.batch.value % BATCHES == 0 and not max_duration.endswith("ep")
    assert now.epoch == end.epoch.value - open_end
    assert (now.batch, now.sample, now.token) == (end.batch, end.sample, end.token)
    assert now.batch_in_epoch == (BATCHES if open_end else end.batch.value % BATCHES)
    assert len(calls.rows) == now.batch


def test_it_stops_after_a_time() -> None:
    trainer = make_trainer(max_duration="1sec", callbacks=lambda trainer: sleep(0.15))
    trainer.fit()
    now = trainer.clock.timestamp
    assert timedelta(seconds=1) <= now.total_wct < timedelta(seconds=5)
    assert 1 < now.batch <= 8  # that of a batch that is waited for counts, too


def test_a_list_of_batches_will_do() -> None:
    history, same = History(), History()
    make_trainer(train_dataloader=list(loader(shuffle=False)), callbacks=history).fit()
    generator = torch.Generator()  # so that it takes no random number of the training's
    batches = loader(shuffle=False, generator=generator)
    make_trainer(train_dataloader=batches, callbacks=same).fit()
    assert history.rows == same.rows


def test_a_dataloader_that_says_too_much() -> None:
    """The epoch ends where there is no further batch."""

    class Shorter:
        def __len__(self) -> int:
            return 5

        def __iter__(self) -> Iterator[Any]:
            return iter(loader())

    trainer = make_trainer(train_dataloader=Shorter(), max_duration="2ep")
    with pytest.warns(UserWarning, match="has the length 5, .* gave 3 batches") as warned:
        trainer.fit()
    assert {warning.filename for warning in warned} == {__file__}
    assert trainer.clock.timestamp.epoch == "2ep"
    assert trainer.clock.timestamp.batch == "6ba"


def test_a_dataloader_that_says_too_little() -> None:
    class Longer:
        def __len__(self) -> int:
            return 2

        def __iter__(self) -> Iterator[Any]:
            return iter(loader())

    trainer = make_trainer(train_dataloader=Longer(), max_duration="2ep")
    with pytest.warns(UserWarning, match="has the length 2, .* gave more batches") as warned:
        trainer.fit()
    assert {warning.filename for warning in warned} == {__file__}
    assert trainer.clock.timestamp.batch == "4ba"


def test_a_dataloader_ends_its_epochs() -> None:
    """It is read to its end, as by `for`: some do their counting there."""

    class Counting:
        ended = 0

        def __len__(self) -> int:
            return BATCHES

        def __iter__(self) -> Iterator[Any]:
            yield from loader()
            self.ended += 1

    counting = Counting()
    trainer = make_trainer(train_dataloader=counting, max_duration="2ep")
    trainer.fit()
    assert counting.ended == 2
    trainer.fit("10ba")
    assert counting.ended == 3


def test_samplers_are_told_the_epoch() -> None:
    batches = loader()
    told: list[int] = []
    batches.sampler.set_epoch = told.append  # type: ignore[attr-defined]
    trainer = make_trainer(train_dataloader=batches, max_duration="4ba")
    trainer.fit()
    trainer.fit("3ep")
    assert told == [0, 1, 1, 2]


# Going on


@pytest.mark.parametrize(
    "stops", [["4ba"], ["3ba"], ["1ep"], ["2ba", "3ba", "2ep", "7ba"], ["17sp"]]
)
@pytest.mark.parametrize("kind", ["sized", "without length", "own generator"])
def test_a_second_fit_goes_on(stops: list[str], kind: str) -> None:
    def run(durations: list[str]) -> tuple[History, nn.Module, Timestamp]:
        history, module = History(), model(dropout=0.5)
        makes: dict[str, Callable[[], Any]] = {
            "sized": loader,
            "without length": stream,
            "own generator": lambda: loader(generator=torch.Generator().manual_seed(3)),
        }
        trainer = make_trainer(
            model=module,
            train_dataloader=makes[kind](),
            max_duration=durations[0],
            callbacks=history,
        )
        trainer.fit()
        for duration in durations[1:]:
            torch.manual_seed(99)  # what happens between does not matter
            trainer.fit(duration)
            trainer.fit()  # there is nothing left
        now = trainer.clock.timestamp
        zero = timedelta(0)
        return (
            history,
            module,
            now.copy(total_wct=zero, iteration_wct=zero, epoch_wct=zero, batch_wct=zero),
        )

    several, one = run([*stops, "3ep"]), run(["3ep"])
    assert several[0].rows == one[0].rows
    assert equal(several[1], one[1])
    assert several[2] == one[2]


def test_a_shorter_duration_trains_nothing() -> None:
    trainer = make_trainer(max_duration="6ba")
    trainer.fit()
    before = weights(trainer.model)
    trainer.fit("2ba")
    assert trainer.clock.timestamp.batch == 6
    assert all(map(torch.equal, before, weights(trainer.model)))


def test_it_goes_on_after_an_interruption() -> None:
    """Whoever stops it between two batches, loses nothing."""

    def stop(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch in (2, 6) and trainer.clock.timestamp.batch not in stopped:
            stopped.append(trainer.clock.timestamp.batch)
            raise KeyboardInterrupt

    stopped: list[Any] = []
    interrupted, reference = History(), History()
    trainer = make_trainer(callbacks=[interrupted, stop])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            trainer.fit()
        torch.rand(1)
    trainer.fit()
    make_trainer(callbacks=reference).fit()
    assert interrupted.rows == reference.rows


# Callbacks


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def _note(self, name: str, trainer: Trainer) -> None:
        now = trainer.clock.timestamp
        self.calls.append((name, int(now.epoch), int(now.batch)))

    def fit_start(self, trainer: Trainer) -> None:
        self._note("fit_start", trainer)

    def batch_end(self, trainer: Trainer) -> None:
        self._note("batch_end", trainer)

    def epoch_end(self, trainer: Trainer) -> None:
        self._note("epoch_end", trainer)

    def eval_end(self, trainer: Trainer) -> None:
        self._note("eval_end", trainer)

    def fit_end(self, trainer: Trainer) -> None:
        self._note("fit_end", trainer)


def test_when_callbacks_are_called() -> None:
    recorder, batches = Recorder(), []
    trainer = make_trainer(
        callbacks=[recorder, lambda trainer: batches.append(trainer.clock.timestamp.batch)],
        eval_dataloader=evaluation(),
        max_duration="4ba",
    )
    trainer.fit()
    assert recorder.calls == [
        ("fit_start", 0, 0),
        ("batch_end", 0, 1),
        ("batch_end", 0, 2),
        ("eval_end", 1, 3),
        ("batch_end", 1, 3),
        ("epoch_end", 1, 3),
        ("batch_end", 1, 4),
        ("fit_end", 1, 4),
    ]
    assert batches == [1, 2, 3, 4]
    recorder.calls.clear()
    trainer.fit()
    assert recorder.calls == [("fit_start", 1, 4), ("fit_end", 1, 4)]


def test_when_callbacks_are_called_without_a_length() -> None:
    recorder = Recorder()
    make_trainer(train_dataloader=stream(), callbacks=recorder, max_duration="1ep").fit()
    assert recorder.calls == [
        ("fit_start", 0, 0),
        ("batch_end", 0, 1),
        ("batch_end", 0, 2),
        ("batch_end", 0, 3),
        ("epoch_end", 1, 3),
        ("fit_end", 1, 3),
    ]


def test_callbacks_find_the_rates_of_the_next_batch_set() -> None:
    seen = []

    def callback(trainer: Trainer) -> None:
        seen.append((trainer.lr[0], trainer.optimizers[0].param_groups[0]["lr"]))

    make_trainer(schedulers=LinearScheduler(), callbacks=callback, max_duration="4ba").fit()
    assert seen == [(0.5, 0.375), (0.375, 0.25), (0.25, 0.125), (0.125, 0.0)]


# A dataloader without length


def test_without_a_length_what_needs_it_is_refused() -> None:
    makes: list[Callable[[], Trainer]] = [
        lambda: make_trainer(train_dataloader=stream(), scale_schedule_ratio=0.5),
        lambda: make_trainer(
            train_dataloader=stream(), eval_dataloader=evaluation(), eval_interval="0.5dur"
        ),
    ]
    for make in makes:
        with pytest.raises(UnitError, match="batches_per_epoch.*train_dataloader has no length"):
            make()


@pytest.mark.parametrize("t_max", ["1dur", "4ep", "2ep"])
def test_without_a_length_rates_move_at_the_end_of_each_epoch(t_max: str) -> None:
    history = History()
    make_trainer(
        train_dataloader=stream(),
        schedulers=LinearScheduler(t_max=t_max),
        max_duration="4ep",
        callbacks=history,
    ).fit()
    epochs = 2 if t_max == "2ep" else 4
    assert history.rates == [0.5 * max(0, 1 - k // BATCHES / epochs) for k in range(4 * BATCHES)]


def test_without_a_length_schedules_follow_the_other_clocks() -> None:
    for max_duration, t_max in (("6ba", "1dur"), ("40sp", "1dur"), ("2ep", "40sp")):
        history = History()
        make_trainer(
            train_dataloader=stream(),
            schedulers=LinearScheduler(t_max=t_max),
            max_duration=max_duration,
            callbacks=history,
        ).fit()
        by_batch = [0, 1, 2, 3, 4, 5] if max_duration == "6ba" else [0, 8, 16, 20, 28, 36]
        length = 6 if max_duration == "6ba" else 40
        assert history.rates == [0.5 * ((length - done) / length) for done in by_batch]
