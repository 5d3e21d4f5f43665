"""Bad input to the Trainer: what is said, and that nothing has changed."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    EpochalError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    Run,
    ScheduleError,
    Time,
    TimeParseError,
    Trainer,
    UnitError,
)
from epochal._functions import State
from epochal.torch import bind
from optimizers import settings
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from training import History, dataset, evaluation, loader, make_trainer, model, stream, weights

NAN, INF = float("nan"), float("inf")


def random_numbers() -> Any:
    # The states of the global generators, which are what is seeded.
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


class Parts:
    """What a user gives to a Trainer, and whether it is as it was."""

    def __init__(self) -> None:
        self.model = model()
        layers = [self.model[0], self.model[3]]
        self.optimizers = [SGD(layer.parameters(), lr=0.5, momentum=0.9) for layer in layers]
        self.first, self.last = self.optimizers
        self.schedulers: list[LRScheduler] = []

    def now(self) -> Any:
        return copy.deepcopy(
            [
                [w.tolist() for w in weights(self.model)],
                [str(optimizer.state_dict()) for optimizer in self.optimizers],
                [settings(optimizer) for optimizer in self.optimizers],
                [str(scheduler.state_dict()) for scheduler in self.schedulers],
                random_numbers(),
            ]
        )


def refused(
    changes: dict[str, Any] | Callable[[Parts], dict[str, Any]],
    error: type[Exception],
    text: str,
) -> None:
    """Refused with that message, and all that was given is as before."""
    parts = Parts()
    if callable(changes):
        changes = changes(parts)
    given = changes.get("schedulers")
    for scheduler in given if isinstance(given, list) else [given]:
        if isinstance(scheduler, LRScheduler):
            parts.schedulers.append(scheduler)
    arguments = {"model": parts.model, "optimizers": parts.optimizers, **changes}
    before = parts.now()
    with pytest.raises(error, match=text):
        make_trainer(**arguments)
    assert parts.now() == before


# Durations and the ratio


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (5, TypeError, "max_duration.*'5ep'.*not 5"),
        ("5", TimeParseError, "'5' has no unit"),
        (None, TypeError, "max_duration.*None"),
        (True, TypeError, "max_duration.*True"),
        (2.5, TypeError, "max_duration.*2.5"),
        ("1dur", UnitError, "max_duration.*'1dur'"),
        ("0ep", ScheduleError, "max_duration.*above zero.*'0ep'"),
        ("-3ba", ScheduleError, "max_duration.*above zero.*'-3ba'"),
        ("1.5ep", TimeParseError, "1.5ep"),
        ("nonsense", TimeParseError, "nonsense"),
        ("3iter", UnitError, "max_duration.*'iter'.*no iterations"),
        ("9tok", UnitError, "max_duration.*'tok'.*get_num_tokens.*tokens_per_batch"),
    ],
)
def test_max_duration(value: Any, error: type[Exception], text: str) -> None:
    refused({"max_duration": value}, error, text)
    trainer = make_trainer(max_duration="2ba")
    trainer.fit()
    before = trainer.run, trainer.clock.timestamp, weights(trainer.model)
    if value is not None:
        with pytest.raises(error, match=text):
            trainer.fit(value)
    assert (trainer.run, trainer.clock.timestamp) == before[:2]
    assert trainer.clock.run == trainer.run
    assert all(map(torch.equal, before[2], weights(trainer.model)))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ScheduleError),
        (0.0, ScheduleError),
        (-0.5, ScheduleError),
        (NAN, ScheduleError),
        (INF, ScheduleError),
        (True, TypeError),
        ("0.5", TypeError),
        (None, TypeError),
    ],
)
def test_the_ratio(value: Any, error: type[Exception]) -> None:
    text = "scale_schedule_ratio must be"
    refused({"scale_schedule_ratio": value}, error, text)
    refused(
        lambda parts: {"scale_schedule_ratio": value, "schedulers": StepLR(parts.first, 4)},
        error,
        text,
    )


def test_a_ratio_that_leaves_no_batch() -> None:
    refused(
        {"max_duration": "3ba", "scale_schedule_ratio": 0.25}, ScheduleError, "not '3ba' × 0.25"
    )
    refused(
        {"max_duration": "1ep", "scale_schedule_ratio": 0.25}, ScheduleError, "not '1ep' × 0.25"
    )


# Dataloaders


class Nothing:
    def __iter__(self) -> Iterator[Any]:
        return iter(())


def test_an_empty_dataloader() -> None:
    empty = "train_dataloader is empty"
    refused({"train_dataloader": []}, ScheduleError, empty)
    refused({"train_dataloader": loader(batch_size=32, drop_last=True)}, ScheduleError, empty)
    module = model()
    before = weights(module)
    trainer = make_trainer(model=module, train_dataloader=Nothing())
    with pytest.raises(ScheduleError, match=f"{empty}.*epoch 0"):
        trainer.fit()
    assert all(map(torch.equal, before, weights(module)))
    assert trainer.clock.timestamp.batch == 0


def test_an_empty_eval_dataloader() -> None:
    trainer = make_trainer(eval_dataloader=[])
    with pytest.raises(ScheduleError, match="eval_dataloader is empty"):
        trainer.eval()
    assert trainer.model.training
    with pytest.raises(TypeError, match="eval_dataloader"):
        make_trainer().eval()


def test_a_dataloader_that_gives_its_batches_once() -> None:
    for name in ("train_dataloader", "eval_dataloader"):
        for once in (iter(loader()), (batch for batch in loader())):
            refused({name: once}, TypeError, f"{name}.*each time.*iterator")
        for other in (dataset(), 5, object()):
            refused({name: other}, TypeError, f"{name} must be iterable.*DataLoader")
    refused({"train_dataloader": None}, TypeError, "train_dataloader.*None")


class Used:
    """Gives its batches only once, although it does not look like that."""

    def __init__(self) -> None:
        self.batches = iter(loader())

    def __iter__(self) -> Iterator[Any]:
        return self.batches


def test_a_dataloader_that_gives_nothing_the_second_time() -> None:
    trainer = make_trainer(train_dataloader=Used())
    with pytest.raises(ScheduleError, match="train_dataloader is empty.*epoch 1"):
        trainer.fit()
    assert trainer.clock.timestamp.batch == 3


def test_a_dataloader_that_gives_less_the_second_time() -> None:
    trainer = make_trainer(train_dataloader=Used(), max_duration="2ba")
    trainer.fit()
    with pytest.raises(
        EpochalError, match="batch 2 of the epoch, but train_dataloader gives only 1"
    ):
        trainer.fit("3ba")


@pytest.mark.parametrize(
    "changes",
    [
        {"schedulers": LinearWithWarmupScheduler("2ba", t_max="2ep")},
        {"schedulers": LinearScheduler() * LinearWithWarmupScheduler("2ba")},
        {"scale_schedule_ratio": 0.5},
        {"save_interval": "0.5dur"},
    ],
)
def test_without_the_length_of_an_epoch(changes: dict[str, Any]) -> None:
    refused(
        {"train_dataloader": stream(), **changes},
        UnitError,
        "needs batches_per_epoch.*train_dataloader has no length",
    )


# Optimizers and schedulers


def bound(parts: Parts) -> Any:
    return bind(LinearScheduler(), parts.first, Run("9ba"))


def other_optimizer() -> SGD:
    return SGD([torch.zeros(1, requires_grad=True)], lr=0.5)


def fails(state: State, ssr: float = 1.0) -> float:
    raise RuntimeError("no")


@pytest.mark.parametrize(
    ("schedulers", "error", "text"),
    [
        (lambda parts: StepLR(other_optimizer(), 3), ScheduleError, "StepLR.*not among optimizers"),
        (bound, ScheduleError, r"LinearScheduler\(.*bound.*give the schedule itself"),
        (lambda parts: ReduceLROnPlateau(parts.first), ScheduleError, "ReduceLROnPlateau.*metric"),
        (
            lambda parts: [StepLR(parts.first, 3), StepLR(parts.last, 3), LinearScheduler()],
            ScheduleError,
            "LinearScheduler.*StepLR.*one optimizer.*product.*not defined",
        ),
        (lambda parts: [StepLR(parts.first, 3)] * 2, ScheduleError, "same StepLR twice"),
        (lambda parts: LinearScheduler, TypeError, "schedulers.*: call it, LinearScheduler"),
        (lambda parts: {"name": "linear"}, TypeError, "schedulers.*: epochal.from_config"),
        (lambda parts: LinearScheduler().resolve("9ba"), TypeError, "schedulers.*curve.schedule"),
        (lambda parts: StepLR, TypeError, "schedulers.*StepLR"),
        (lambda parts: "1dur", TypeError, "schedulers.*'1dur': epochal.parse"),
        (lambda parts: [LinearScheduler(), 5], TypeError, "schedulers.*not 5"),
        (lambda parts: parts.first, TypeError, "schedulers.*SGD"),
        (lambda parts: LinearScheduler(t_max="9tok"), UnitError, "schedulers.*'tok'.*get_num_tok"),
        (lambda parts: LinearScheduler(t_max="9iter"), UnitError, "schedulers.*'iter'"),
        (lambda parts: fails * LinearScheduler(t_max="9tok"), RuntimeError, "no"),
        (lambda parts: LinearWithWarmupScheduler("5ep"), ScheduleError, "t_warmup '5ep'.*t_max"),
        (
            lambda parts: LinearWithWarmupScheduler("5tok", t_max="3ba"),
            UnitError,
            "'tok' needs tokens_per_batch",
        ),
        (lambda parts: LinearScheduler() * fails, RuntimeError, "no"),
        (lambda parts: lambda state: NAN, ScheduleError, "returned nan"),
    ],
)
def test_schedulers(schedulers: Any, error: type[Exception], text: str) -> None:
    refused(lambda parts: {"schedulers": schedulers(parts)}, error, text)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (lambda o: LambdaLR(o, lambda epoch: 0.5), "LambdaLR cannot be scaled"),
        (lambda o: StepLR(o, 1), "StepLR: step_size 1 × 0.5 would be 0"),
        (
            lambda o: SequentialLR(o, [StepLR(o, 4), LambdaLR(o, lambda epoch: 0.5)], [4]),
            "SequentialLR.*LambdaLR cannot be scaled",
        ),
    ],
)
@pytest.mark.parametrize(
    "first",
    [lambda o: StepLR(o, 4), lambda o: CosineAnnealingLR(o, 8), lambda o: OneCycleLR(o, 0.5, 20)],
)
def test_what_cannot_be_scaled_leaves_the_others_as_they_were(
    first: Callable[[Any], Any], last: Callable[[Any], Any], text: str
) -> None:
    def make(parts: Parts) -> dict[str, Any]:
        schedulers = [first(parts.first), last(parts.last)]
        for _ in range(3):
            for optimizer, scheduler in zip(parts.optimizers, schedulers, strict=True):
                optimizer.step()
                scheduler.step()
        return {"schedulers": schedulers, "scale_schedule_ratio": 0.5}

    refused(make, ScheduleError, text)


def test_a_function_without_ssr() -> None:
    def half(state: State) -> float:
        return 0.5

    changes = {"schedulers": half, "scale_schedule_ratio": 0.5}
    refused(changes, ScheduleError, "half does not take the scale schedule ratio, which is 0.5")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (None, TypeError, "optimizers is missing"),
        ([], TypeError, "optimizers is missing"),
        ([torch.zeros(1)], TypeError, "optimizers must be.*tensor"),
        ("sgd", TypeError, "optimizers must be.*'sgd'"),
        (SGD, TypeError, "optimizers must be.*SGD"),
    ],
)
def test_optimizers(value: Any, error: type[Exception], text: str) -> None:
    refused({"optimizers": value}, error, text)


def test_an_optimizer_of_another_model() -> None:
    refused({"optimizers": SGD(model().parameters(), lr=0.5)}, ScheduleError, "no parameter of the")


def test_numbers_beyond_any_machine() -> None:
    refused({"grad_accum": 2**70}, ScheduleError, "grad_accum must be within ±")


def test_an_empty_path_to_resume_from() -> None:
    refused({"resume": ""}, ScheduleError, "resume must be True, False or the path of a .*, not ''")


def test_an_optimizer_twice() -> None:
    optimizer = other_optimizer()
    refused({"optimizers": [optimizer, optimizer]}, ScheduleError, "same SGD twice")


# Other arguments


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"model": None}, TypeError, "model must be.*None"),
        ({"model": nn.Linear}, TypeError, "model must be.*Linear"),
        ({"loss_fn": None}, TypeError, "give loss_fn.*train_step.*or a model with loss"),
        ({"loss_fn": "cross_entropy"}, TypeError, "loss_fn must be.*'cross_entropy'"),
        ({"train_step": 5}, TypeError, "train_step must be.*5"),
        ({"train_step": cross_entropy}, TypeError, "loss_fn or train_step, not both"),
        ({"step_schedulers_every_batch": 1}, TypeError, "step_schedulers_every_batch.*not 1"),
        ({"step_schedulers_every_batch": "1ba"}, TypeError, "step_schedulers_every_batch.*'1ba'"),
        ({"grad_accum": 0}, ScheduleError, "grad_accum must be 1 or more, not 0"),
        ({"grad_accum": -1}, ScheduleError, "grad_accum must be 1 or more, not -1"),
        ({"grad_accum": 2.0}, TypeError, "grad_accum.*whole number.*2.0"),
        ({"grad_accum": True}, TypeError, "grad_accum.*True"),
        ({"grad_accum": "auto"}, TypeError, "grad_accum.*'auto'"),
        ({"grad_accum": None}, TypeError, "grad_accum.*None"),
        ({"samples_per_batch": 0}, ScheduleError, "samples_per_batch.*0"),
        ({"tokens_per_batch": 2.5}, TypeError, "tokens_per_batch.*2.5"),
        ({"get_num_samples": 8}, TypeError, "get_num_samples must be a function.*8"),
        ({"get_num_tokens": "len"}, TypeError, "get_num_tokens must be a function.*'len'"),
        ({"device": "nowhere"}, ScheduleError, "device must be a device, such as.*'nowhere'"),
        ({"device": []}, TypeError, r"device must be a device, such as.*\[\]"),
        ({"save_folder": 5}, TypeError, "save_folder must be a path, not 5"),
        ({"save_folder": "a\0b"}, ScheduleError, "save_folder must be a path, not 'a"),
        ({"resume": "a\0b"}, ScheduleError, "the path of a checkpoint, not 'a"),
        ({"resume": 5}, TypeError, "resume.*5"),
        ({"resume": True}, TypeError, "resume=True.*save_folder"),
        ({"on_change": "ignore"}, ScheduleError, "on_change must be 'error'.*'ignore'"),
        ({"on_change": None}, ScheduleError, "on_change.*None"),
        ({"progress_bar": None}, TypeError, "progress_bar.*None"),
        ({"progress_bar": "yes"}, TypeError, "progress_bar.*'yes'"),
        ({"seed": 1.5}, TypeError, "seed.*1.5"),
        ({"seed": "1"}, TypeError, "seed.*'1'"),
        ({"seed": True}, TypeError, "seed.*True"),
        ({"callbacks": 5}, TypeError, "callbacks.*batch_end.*not 5"),
        ({"callbacks": [History(), None]}, TypeError, "callbacks.*not None"),
        ({"callbacks": [object()]}, TypeError, "callbacks.*object"),
        ({"callbacks": History}, TypeError, "callbacks.*History"),
    ],
)
def test_other_arguments(changes: dict[str, Any], error: type[Exception], text: str) -> None:
    refused(changes, error, text)


@pytest.mark.parametrize("name", ["eval_interval", "save_interval"])
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ("0ep", ScheduleError, "above zero, not '0ep'"),
        ("-1ba", ScheduleError, "above zero, not '-1ba'"),
        ("0dur", ScheduleError, "above zero, not '0dur'"),
        ("0.01dur", ScheduleError, "above zero, not '0.01dur'.*0ba"),
        ("1iter", UnitError, "'iter'.*no iterations"),
        ("9tok", UnitError, "'tok'.*get_num_tokens"),
        ("3", TimeParseError, "'3' has no unit"),
        (3, TypeError, "'5ep', not 3"),
        (None, TypeError, "not None"),
        (Time("0ba"), ScheduleError, "above zero.*0ba"),
    ],
)
def test_intervals(name: str, value: Any, error: type[Exception], text: str) -> None:
    changes = {name: value, "eval_dataloader": evaluation()}
    refused(changes, error, f"{name}.*{text}")


def test_positional_and_unknown_arguments() -> None:
    with pytest.raises(TypeError):
        Trainer(model())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="shedulers"):
        make_trainer(shedulers=[])
