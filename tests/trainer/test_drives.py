"""What drives the optimizers of a Trainer: schedules for each, products, gradients that are
clipped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    LinearScheduler,
    LossError,
    Run,
    Schedule,
    ScheduleError,
    StateError,
    StepScheduler,
    Trainer,
)
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, StepLR
from training import BATCHES, History, evaluation, make_trainer, model, weights

STEPS = 3 * BATCHES
LR = 0.5


class Parts:
    """A model, and an optimizer for each of its two layers."""

    def __init__(self) -> None:
        self.model = model()
        self.first, self.last = (SGD(self.model[i].parameters(), lr=LR) for i in (0, 3))
        self.history = History()

    def trainer(self, schedulers: Any, **changes: Any) -> Trainer:
        arguments = {"optimizers": [self.first, self.last], **changes}
        return make_trainer(
            model=self.model, schedulers=schedulers, callbacks=self.history, **arguments
        )

    def rates(self, schedulers: Any, **changes: Any) -> list[list[float]]:
        """Of the first and of the last optimizer."""
        self.trainer(schedulers, **changes).fit()
        return [list(rates) for rates in zip(*(lr for _, _, lr in self.history.rows), strict=True)]


def of(schedule: Schedule) -> list[float]:
    curve = schedule.resolve(Run("3ep", batches_per_epoch=BATCHES))
    return [LR * alpha for alpha in curve.grid().tolist()]


HALF = ConstantScheduler(0.5)


def half(state: Any) -> float:
    return 0.5


# Schedules for each optimizer


def test_one_for_each() -> None:
    parts = Parts()
    first, last = parts.rates({parts.last: StepScheduler("2ba"), parts.first: LinearScheduler()})
    assert (first, last) == (of(LinearScheduler()), of(StepScheduler("2ba")))


def test_a_mapping_takes_whatever_an_optimizer_alone_would() -> None:
    parts = Parts()
    first, last = parts.rates(
        {
            parts.first: [LinearScheduler(), half],
            parts.last: [StepLR(parts.last, 1, 0.5), ExponentialLR(parts.last, 0.5)],
        }
    )
    assert first == of(LinearScheduler() * HALF)
    assert last == [LR * 0.25 ** (k // BATCHES) for k in range(STEPS)]


@pytest.mark.parametrize("nothing", [{}, {"last": None}, {"last": []}])
def test_an_optimizer_that_the_mapping_leaves_out_keeps_its_rate(nothing: dict[str, Any]) -> None:
    parts = Parts()
    schedulers = {parts.first: LinearScheduler()}
    schedulers |= {getattr(parts, name): given for name, given in nothing.items()}
    assert parts.rates(schedulers) == [of(LinearScheduler()), [LR] * STEPS]


def test_the_optimizers_are_those_of_the_mapping() -> None:
    parts = Parts()
    schedulers = {parts.last: HALF, parts.first: LinearScheduler()}
    trainer = parts.trainer(schedulers, optimizers=None)
    assert trainer.optimizers == [parts.last, parts.first]


@pytest.mark.parametrize("make", [list, tuple])
def test_a_list_that_may_mean_one_for_each(make: Any) -> None:
    parts = Parts()
    schedules = make([CosineAnnealingScheduler(), ConstantScheduler()])
    text = r"2 schedules for 2 optimizers.*schedulers={optimizer: schedule}, or the product a \* b"
    with pytest.raises(ScheduleError, match=text):
        parts.trainer(schedules)
    first, last = parts.rates(schedules[0] * schedules[1])
    assert first == last == of(CosineAnnealingScheduler())


def test_a_list_that_cannot_mean_one_for_each_is_a_product() -> None:
    parts = Parts()
    assert parts.rates([LinearScheduler(), half, half]) == [of(LinearScheduler() * 0.25)] * 2
    parts = Parts()
    torchs = StepLR(parts.last, 1, 0.5)
    assert parts.rates([LinearScheduler(), torchs, half])[0] == of(LinearScheduler() * 0.5)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (lambda p: {p.first: HALF, SGD(p.model.parameters(), lr=1): HALF}, ScheduleError, "SGD"),
        (lambda p: {p.first: HALF, 0: HALF}, ScheduleError, "the key 0, which is not among"),
        (lambda p: {p.first: StepLR(p.last, 1)}, ScheduleError, "StepLR drives an optimizer that"),
        (lambda p: {p.first: [StepLR(p.first, 1), HALF]}, ScheduleError, "product.*not defined"),
        (lambda p: {p.first: 5}, TypeError, "schedulers.*not 5"),
        (lambda p: {p.first: [HALF, "1dur"]}, TypeError, "schedulers.*'1dur'"),
        (lambda p: {p.first: LinearScheduler}, TypeError, "schedulers.*LinearScheduler"),
        (lambda p: {p.first: {p.last: HALF}}, ScheduleError, "group by its index.*not by SGD"),
        (lambda p: {p.first: {1: HALF}}, ScheduleError, "group"),
        (lambda p: {p.first: [HALF, {0: HALF}]}, ScheduleError, "multiply the schedules of each"),
    ],
)
def test_bad_mappings(given: Any, error: type[Exception], text: str) -> None:
    parts = Parts()
    schedulers = given(parts)
    before = str(parts.first.state_dict())
    with pytest.raises(error, match=text):
        parts.trainer(schedulers)
    assert str(parts.first.state_dict()) == before


def test_a_swap_of_schedules_is_a_change(tmp_path: Path) -> None:
    schedules = [LinearScheduler(), StepScheduler("2ba")]
    parts = Parts()
    trainer = parts.trainer(dict(zip((parts.first, parts.last), schedules, strict=True)))
    trainer.fit("4ba")
    trainer.save_checkpoint(tmp_path / "x.pt")

    def resumed(swapped: bool, **changes: Any) -> Parts:
        parts = Parts()
        optimizers = (parts.last, parts.first) if swapped else (parts.first, parts.last)
        given = dict(zip(optimizers, schedules, strict=True))
        settings = {"resume": tmp_path / "x.pt", "max_duration": "4ba", **changes}
        parts.trainer(given, **settings).fit("3ep")
        return parts

    text = r"schedule was SGD 0: LinearScheduler\(.*, SGD 1: StepScheduler.* now it is SGD 0: Step"
    with pytest.raises(StateError, match=text):
        resumed(swapped=True)
    assert len(resumed(swapped=False).history.rows) == STEPS - 4


# Groups, other fields, and cuts


def grouped() -> tuple[nn.Module, SGD]:
    module = model()
    groups = [
        {"params": module[0].parameters(), "name": "body", "momentum": 0.9},
        {"params": module[3].parameters(), "weight_decay": 0.1},
    ]
    return module, SGD(groups, lr=LR)


def of_fields(trainer: Trainer) -> list[Any]:
    names = ("lr", "momentum", "weight_decay")
    return [[group[n] for n in names] for o in trainer.optimizers for group in o.param_groups]


def test_groups_and_fields() -> None:
    module, optimizer = grouped()
    rows: list[Any] = []
    linear, step = LinearScheduler(), StepScheduler("2ba", 0.5)
    trainer = make_trainer(
        model=module,
        optimizers=optimizer,
        schedulers={"body": linear, None: step},
        fields={"weight_decay": linear, "momentum": {0: step}},
        callbacks=lambda trainer: rows.append(of_fields(trainer)),
        max_duration="4ba",
    )
    rows.append(of_fields(trainer))
    trainer.fit()
    halves = [1, 1, 0.5, 0.5, 0.25]
    assert rows == [
        [[LR * a, 0.9 * h, 0.0], [LR * h, 0, 0.1 * a]]
        for a, h in zip([1, 0.75, 0.5, 0.25, 0], halves, strict=True)
    ]


def test_fields_of_one_of_several_optimizers() -> None:
    parts = Parts()
    for optimizer in (parts.first, parts.last):
        optimizer.param_groups[0]["weight_decay"] = 0.1
    parts.trainer(LinearScheduler(), fields={parts.last: {"weight_decay": half}}).fit()
    decays = [o.param_groups[0]["weight_decay"] for o in (parts.first, parts.last)]
    assert decays == [0.1, 0.05]


@pytest.mark.parametrize("every_batch", [None, False])
def test_groups_and_fields_are_resumed(every_batch: bool | None, tmp_path: Path) -> None:
    linear = LinearScheduler(t_max="12ba")

    def make(field: Any = linear, **changes: Any) -> tuple[Trainer, Any]:
        module, optimizer = grouped()
        rows: list[Any] = []

        def note(trainer: Trainer) -> None:
            rows.append((trainer.loss, of_fields(trainer)))

        arguments = {"max_duration": "3ep", **changes}
        trainer = make_trainer(
            model=module,
            optimizers=optimizer,
            schedulers={0: LinearScheduler(), None: HALF},
            fields={"weight_decay": field},
            step_schedulers_every_batch=every_batch,
            callbacks=note,
            **arguments,
        )
        return trainer, rows

    alone, rows = make(save_folder=tmp_path, save_interval="1ba")
    alone.fit()
    for batch in (2, 3, 5):
        resumed, later = make(resume=tmp_path / f"ba{batch}.pt")
        resumed.fit()
        assert later == rows[batch:]
    with pytest.raises(StateError, match=r"fields was {'weight_decay': Linear.* now it is .*Step"):
        make(StepScheduler("2ba"), resume=tmp_path / "ba5.pt")
    # What it was at that time is of the old schedule; from there the new one holds.
    kept, later = make(StepScheduler("2ba", 0.5), resume=tmp_path / "ba6.pt", on_change="keep")
    kept.fit()
    expected = {None: [0.125, 0.0625, 0.0625], False: [0.125, 0.125, 0.0625]}[every_batch]
    assert [fields[1][2] / 0.1 for _, fields in later] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"fields": {"momentun": HALF}}, ScheduleError, "momentun"),
        ({"fields": {"lr": HALF}}, ScheduleError, "lr"),
        ({"fields": {"momentum": 0.5}}, TypeError, r"fields\['momentum'\].*not 0.5"),
        ({"fields": {"momentum": LinearScheduler(t_max="9tok")}}, Exception, "'tok'"),
        ({"plateau": {"factor": 2.0}}, ScheduleError, "factor must be below 1"),
        ({"plateau": {"patients": 2}}, TypeError, "patients"),
        ({"plateau": 0.5}, TypeError, "plateau must be a mapping.*not 0.5"),
        ({"plateau": {}, "schedulers": None}, ScheduleError, "plateau cuts the rates of sch"),
        ({"plateau": {}, "eval_dataloader": None}, TypeError, "give an eval_dataloader"),
    ],
)
def test_bad_fields_and_cuts(changes: dict[str, Any], error: type[Exception], text: str) -> None:
    module, optimizer = grouped()
    before = str(optimizer.state_dict())
    arguments = {"schedulers": HALF, "eval_dataloader": evaluation(), **changes}
    with pytest.raises(error, match=text):
        make_trainer(model=module, optimizers=optimizer, **arguments)
    assert str(optimizer.state_dict()) == before


def plateaued(**changes: Any) -> tuple[Trainer, History]:
    """Evaluated after every batch; the loss falls twice, and no more from then on."""
    parts = Parts()
    losses = iter([3.0, 2.0] + [2.5] * 20)

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = cross_entropy(outputs, targets)
        return loss if outputs.requires_grad else torch.tensor(next(losses))

    arguments: dict[str, Any] = {
        "loss_fn": loss_fn,
        "eval_dataloader": evaluation()[:1],
        "eval_interval": "1ba",
        "plateau": {"factor": 0.5, "patience": 1},
        "max_duration": "3ep",
        **changes,
    }
    return parts.trainer({parts.first: LinearScheduler()}, **arguments), parts.history


def test_cuts_where_the_loss_no_longer_improves(tmp_path: Path) -> None:
    """Evaluations 3 and 4 do not improve: a cut; 5 and 6 neither: another one."""
    trainer, history = plateaued(save_folder=tmp_path, save_interval="1ba")
    trainer.fit()
    factors = [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert history.rates == [a * f for a, f in zip(of(LinearScheduler()), factors, strict=True)]
    # What it has seen is a part of the checkpoint, in the middle of its patience too.
    for batch in (3, 4, 5):
        resumed, later = plateaued(
            resume=tmp_path / f"ba{batch}.pt",
            loss_fn=lambda o, t: cross_entropy(o, t) if o.requires_grad else torch.tensor(2.5),
        )
        resumed.fit()
        assert later.rates == history.rates[batch:]
    with pytest.raises(StateError, match="plateau was .*'patience': 1.* now it is none"):
        plateaued(resume=tmp_path / "ba5.pt", plateau=None)


@pytest.mark.parametrize("on_change", ["keep", "cooldown", "restart"])
def test_a_cut_by_hand_stays(on_change: Any, tmp_path: Path) -> None:
    """Under a longer run too; not where the time starts anew."""

    def cut(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == 2:
            trainer.schedulers[0].factor = 0.5  # type: ignore[attr-defined]

    history = History()
    trainer = make_trainer(
        schedulers=LinearScheduler(), callbacks=[history, cut], max_duration="4ba"
    )
    trainer.fit("3ba")
    trainer.save_checkpoint(tmp_path / "x.pt")
    trainer.fit("5ba")
    cuts = [1, 1, 0.5, 0.5, 0.5]
    alphas = [1, 1 - 1 / 3, 1 / 3, 2 / 5, 1 / 5]
    assert history.rates == pytest.approx([LR * a * c for a, c in zip(alphas, cuts, strict=True)])
    later = History()
    make_trainer(
        schedulers=ConstantScheduler(0.5),
        callbacks=later,
        max_duration="5ba",
        resume=tmp_path / "x.pt",
        on_change=on_change,
    ).fit()
    expected = {"keep": [0.125, 0.125], "restart": [0.25] * 5, "cooldown": [0.0, 0.0]}
    assert later.rates == expected[on_change]


# Gradients that are clipped


def norm_of(optimizers: Sequence[Optimizer]) -> float:
    gradients = [
        parameter.grad.flatten()
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    return float(torch.cat(gradients).norm())


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("clip", [None, 0.25, 1e9])
def test_the_norm_of_all_gradients(clip: float | None, parts: int) -> None:
    given = Parts()
    norms = []
    optimizers = [given.first, given.last]
    given.first.register_step_pre_hook(lambda *args: norms.append(norm_of(optimizers)))
    given.trainer(None, clip_grad_norm=clip, grad_accum=parts).fit()
    if clip == 0.25:
        assert norms == pytest.approx([0.25] * STEPS, rel=1e-5)
    else:
        assert min(norms) > 0.25
    # More than there is changes no bit.
    other = Parts()
    other.trainer(None, grad_accum=parts).fit()
    same = all(map(torch.equal, weights(given.model), weights(other.model)))
    assert same == (clip != 0.25)


def test_gradients_that_are_not_finite() -> None:
    """Without a norm to clip to they are the optimizer's."""

    class Infinite(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, loss: Tensor) -> Tensor:
            return loss.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return gradients[0] * float("inf")

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        apply: Any = Infinite.apply
        loss: Tensor = apply(cross_entropy(outputs, targets))
        return loss

    module = nn.Sequential(*model(), nn.BatchNorm1d(3))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trainer = make_trainer(model=module, loss_fn=loss_fn, clip_grad_norm=1.0)
    text = "the norm of the gradients is (nan|inf) at batch 0, with the learning rates .0.5.: stop"
    with pytest.raises(LossError, match=text):
        trainer.fit()
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0, ScheduleError, "above zero, not 0"),
        (-1.0, ScheduleError, "above zero, not -1.0"),
        (float("nan"), ScheduleError, "finite and above zero, not nan"),
        (float("inf"), ScheduleError, "finite.*not inf"),
        ("1", TypeError, "a number, not '1'"),
        (True, TypeError, "a number, not True"),
    ],
)
def test_bad_norms(value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"clip_grad_norm must be .*{text}"):
        make_trainer(clip_grad_norm=value)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"keep_last": 0}, ScheduleError, "keep_last must be 1 or more, not 0"),
        ({"keep_last": 2.0}, TypeError, "keep_last must be a whole number, not 2.0"),
        ({"save_on_signal": 1}, TypeError, "save_on_signal must be True or False, not 1"),
        ({"fields": {"momentum": HALF}}, ScheduleError, "fields .* schedule in schedulers"),
        ({"fields": 5, "schedulers": HALF}, TypeError, "fields must be a mapping.*not 5"),
    ],
)
def test_other_arguments(changes: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make_trainer(**changes)
