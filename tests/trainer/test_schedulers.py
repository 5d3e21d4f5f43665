"""Which scheduler is stepped when, and the rates that each batch is trained with."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    ExponentialScheduler,
    LinearScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    Run,
    Schedule,
    StepScheduler,
    Timestamp,
    Trainer,
)
from epochal._functions import State
from epochal.torch import EpochalLR
from sizes import sized
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)
from training import BATCHES, History, loader, make_trainer, model, stream

LR = 0.3
Make = Callable[[Optimizer], LRScheduler]


def optimizer_of(module: torch.nn.Module) -> SGD:
    return SGD(module.parameters(), lr=LR, momentum=0.9)


def trained(schedulers: Any, max_duration: str = "4ep", **changes: Any) -> list[float]:
    """The rates of all batches; PyTorch schedulers as functions of the optimizer."""
    history, module = History(), model()
    optimizer = optimizer_of(module)
    arguments = {"schedulers": schedulers, "max_duration": max_duration, **changes}
    for_torch = callable(schedulers) and not isinstance(schedulers, Schedule)
    if for_torch:
        arguments["schedulers"] = schedulers(optimizer)
    make_trainer(model=module, optimizers=optimizer, callbacks=history, **arguments).fit()
    assert [batch for batch, _, _ in history.rows] == list(range(len(history.rows)))
    return history.rates


def by_hand(make: Make, batches: int, each: int = BATCHES) -> list[float]:
    """The rates in a loop without a Trainer, which steps the scheduler after `each` batches."""
    optimizer = optimizer_of(model())
    scheduler = make(optimizer)
    rates = []
    for batch in range(1, batches + 1):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if batch % each == 0:
            scheduler.step()
    return rates


def by_curve(schedule: Any, run: Run, batches: int) -> list[float]:
    return [LR * alpha for alpha in schedule.resolve(run).grid(0, batches).tolist()]


# The documentation's examples


def test_a_pytorch_scheduler_stepped_every_batch() -> None:
    net, train_dataloader = model(), loader()
    optimizer = SGD(net.parameters(), lr=LR)
    history = History()
    trainer = Trainer(
        model=net,
        train_dataloader=train_dataloader,
        max_duration="2ep",
        optimizers=optimizer,
        loss_fn=cross_entropy,
        schedulers=CosineAnnealingLR(optimizer, T_max=2),
        step_schedulers_every_batch=True,
        callbacks=history,
        progress_bar=False,
    )
    trainer.fit()
    expected = by_hand(lambda o: CosineAnnealingLR(o, T_max=2), 6, each=1)
    assert history.rates == expected
    assert expected == pytest.approx([LR, LR / 2, 0, LR / 2, LR, LR / 2])


def test_milestones_in_fractions_of_the_run() -> None:
    net, train_dataloader = model(), loader()
    history = History()
    trainer = Trainer(
        model=net,
        train_dataloader=train_dataloader,
        max_duration="90ep",
        optimizers=SGD(net.parameters(), lr=1.0),
        loss_fn=cross_entropy,
        schedulers=MultiStepScheduler(milestones=["0.3dur", "0.5dur", "0.9dur"], gamma=0.1),
        callbacks=history,
        progress_bar=False,
    )
    trainer.fit()
    levels = dict.fromkeys(history.rates)
    assert list(levels) == pytest.approx([1.0, 0.1, 0.01, 0.001], rel=1e-15)
    assert [history.rates.count(level) for level in levels] == [81, 54, 108, 27]


def test_half_of_a_long_run_is_a_short_run() -> None:
    histories = []
    for length, milestones, ratio in [
        ("20ep", ["10ep", "16ep"], 0.5),
        ("10ep", ["5ep", "8ep"], 1.0),
    ]:
        net, history = model(), History()
        trainer = Trainer(
            model=net,
            train_dataloader=loader(),
            max_duration=length,
            optimizers=SGD(net.parameters(), lr=LR),
            loss_fn=cross_entropy,
            schedulers=MultiStepScheduler(milestones=milestones),
            scale_schedule_ratio=ratio,
            callbacks=history,
            progress_bar=False,
            seed=1,
        )
        trainer.fit()
        histories.append(history.rows)
    assert histories[0] == histories[1]
    assert [row[2][0] for row in histories[0]] == pytest.approx(
        [LR] * 15 + [LR * 0.1] * 9 + [LR * 0.01] * 6, rel=1e-15
    )


# The rates are those of the batch's own time

SCHEDULES: list[Schedule] = [
    LinearScheduler(),
    StepScheduler("2ba", 0.5),
    ConstantScheduler(0.25, "0.5dur"),
    ExponentialScheduler(0.5, "1ep"),
    CosineAnnealingScheduler("10ba", 0.01),
    CosineAnnealingWarmRestartsScheduler("2ba", 1.5),
    MultiStepWithWarmupScheduler("2ba", ["1ep", "0.8dur"], 0.5),
    CosineAnnealingWithWarmupScheduler("1ep", scale_warmup=True),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


@each_schedule
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.25])
def test_batch_k_is_trained_with_rate_k(schedule: Schedule, ratio: float) -> None:
    run = Run("4ep", batches_per_epoch=BATCHES, scale_schedule_ratio=ratio)
    batches = round(12 * ratio)
    rates = trained(schedule, scale_schedule_ratio=ratio)
    assert rates == by_curve(schedule, run, batches)
    assert len(set(rates)) > 1


def test_every_group_has_its_own_base() -> None:
    module, history = model(), History()
    groups = [
        {"params": [parameter], "lr": lr}
        for parameter, lr in zip(module.parameters(), (0.5, 0.1, 3e-4, 1.0), strict=True)
    ]
    make_trainer(
        model=module, optimizers=SGD(groups), schedulers=LinearScheduler(), callbacks=history
    ).fit()
    alphas = LinearScheduler().resolve(Run("9ba")).grid().tolist()
    assert [lr for _, _, lr in history.rows] == [
        [0.5 * alpha, 0.1 * alpha, 3e-4 * alpha, 1.0 * alpha] for alpha in alphas
    ]


@pytest.mark.parametrize(
    ("schedule", "amounts"),
    [
        # 8, 8 and 4 samples; tokens are 5 a sample, less 1 a batch.
        (LinearScheduler(t_max="40sp"), [0, 8, 16, 20, 28, 36]),
        (LinearScheduler(t_max="180tok"), [0, 39, 78, 97, 136, 175]),
    ],
)
def test_clocks_that_count_what_was_trained(schedule: Schedule, amounts: list[int]) -> None:
    rates = trained(schedule, "2ep", get_num_tokens=lambda batch: 5 * len(batch[0]) - 1)
    curve = schedule.resolve(Run("2ep", batches_per_epoch=BATCHES))
    assert rates == [LR * curve(amount) for amount in amounts]


def test_functions_see_the_right_time() -> None:
    seen: list[Timestamp] = []

    def schedule(state: State, ssr: float = 1.0) -> float:
        seen.append(state.timestamp)
        return 1 / (1 + state.timestamp.epoch.value + 100 * state.timestamp.batch.value)

    rates = trained([schedule], "3ep")
    assert rates == [LR * (1 / (1 + batch // BATCHES + 100 * batch)) for batch in range(9)]
    last = seen[-1]
    assert last == Timestamp(
        epoch=3,
        epoch_in_iteration=3,
        batch=9,
        sample=60,
        total_wct=last.total_wct,
        iteration_wct=last.iteration_wct,
    )


def test_without_a_length_functions_see_the_right_epoch_too() -> None:
    def schedule(state: State) -> float:
        return 1 / (1 + state.timestamp.epoch.value)

    rates = trained([schedule], "3ep", train_dataloader=stream())
    assert rates == [LR / (1 + batch // BATCHES) for batch in range(9)]


# When each kind is stepped


def halving(optimizer: Optimizer) -> LRScheduler:
    return StepLR(optimizer, step_size=1, gamma=0.5)


@pytest.mark.parametrize(("every_batch", "each"), [(None, 3), (False, 3), (True, 1)])
def test_pytorch_schedulers_step_by_epoch(every_batch: bool | None, each: int) -> None:
    rates = trained(halving, step_schedulers_every_batch=every_batch)
    assert rates == [LR * 0.5 ** (batch // each) for batch in range(12)]


@pytest.mark.parametrize(("every_batch", "each"), [(None, 1), (True, 1), (False, 3)])
def test_schedules_step_by_batch(every_batch: bool | None, each: int) -> None:
    rates = trained(LinearScheduler(), step_schedulers_every_batch=every_batch)
    alphas = LinearScheduler().resolve(Run("12ba")).grid().tolist()
    assert rates == [LR * alphas[batch - batch % each] for batch in range(12)]


@pytest.mark.parametrize("every_batch", [None, True, False])
@pytest.mark.parametrize("by_length", [True, False])
def test_each_kind_by_its_own_default(every_batch: bool | None, by_length: bool) -> None:
    """One kind for one optimizer, the other for another."""
    module, history = model(), History()
    first, last = module[0], module[3]
    ours, theirs = SGD(first.parameters(), lr=LR), SGD(last.parameters(), lr=0.2)

    trainer = make_trainer(
        model=module,
        train_dataloader=loader() if by_length else stream(),
        optimizers=[ours, theirs],
        schedulers=[LinearScheduler(t_max="9ba"), halving(theirs)],
        step_schedulers_every_batch=every_batch,
        callbacks=history,
    )
    trainer.fit()
    alphas = LinearScheduler().resolve(Run("9ba")).grid().tolist()
    each_of_ours = 3 if every_batch is False else 1
    each_of_theirs = 1 if every_batch is True else 3
    assert [lr for _, _, lr in history.rows] == [
        [LR * alphas[k - k % each_of_ours], 0.2 * 0.5 ** (k // each_of_theirs)] for k in range(9)
    ]
    assert [type(scheduler) for scheduler in trainer.schedulers] == [StepLR, EpochalLR]


def test_an_epoch_that_is_cut_off_has_no_end() -> None:
    module, optimizer = model(), SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = halving(optimizer)
    make_trainer(
        model=module,
        optimizers=[optimizer_of(module), optimizer],
        schedulers=scheduler,
        max_duration="5ba",
    ).fit()
    assert scheduler.last_epoch == 1


def test_a_schedule_drives_every_optimizer_that_has_no_pytorch_scheduler() -> None:
    module, history = model(), History()
    optimizers = [
        SGD([parameter], lr=0.1 * (i + 1)) for i, parameter in enumerate(module.parameters())
    ]
    make_trainer(
        model=module,
        optimizers=optimizers,
        schedulers=(halving(optimizers[1]), StepScheduler("1ba", 0.5), halving(optimizers[3])),
        max_duration="4ba",
        callbacks=history,
    ).fit()
    bases = [optimizer.param_groups[0]["initial_lr"] for optimizer in optimizers]
    assert [lr for _, _, lr in history.rows] == [
        [
            bases[0] * 0.5**k,
            bases[1] * 0.5 ** (k // 3),
            bases[2] * 0.5**k,
            bases[3] * 0.5 ** (k // 3),
        ]
        for k in range(4)
    ]


def test_schedules_multiply() -> None:
    def half(state: State) -> float:
        return 0.5

    factors = [LinearScheduler(), StepScheduler("2ba", 0.5), half]
    alphas = LinearScheduler().resolve(Run("6ba")).grid().tolist()
    assert trained(factors, "6ba") == [LR * (alphas[k] * 0.5 ** (k // 2) * 0.5) for k in range(6)]
    assert trained(LinearScheduler() * StepScheduler("2ba", 0.5), "6ba") == [
        LR * (alphas[k] * 0.5 ** (k // 2)) for k in range(6)
    ]


def test_pytorch_schedulers_of_one_optimizer_are_all_stepped() -> None:
    def both(optimizer: Optimizer) -> Any:
        return [halving(optimizer), ExponentialLR(optimizer, 0.5)]

    assert trained(both) == [LR * 0.25 ** (batch // 3) for batch in range(12)]


def test_optimizers_come_with_their_schedulers() -> None:
    module = model()
    optimizers = [SGD([parameter], lr=LR) for parameter in module.parameters()]
    trainer = make_trainer(
        model=module,
        optimizers=None,
        schedulers=[halving(optimizers[i]) for i in (0, 1, 2, 3, 0)],
    )
    assert trainer.optimizers == optimizers


def test_without_schedulers_the_rate_stays() -> None:
    nothing: list[Any] = [None, [], ()]
    for schedulers in nothing:
        history = History()
        trainer = make_trainer(schedulers=schedulers, callbacks=history)
        trainer.fit()
        assert history.rates == [0.5] * 9
        assert trainer.schedulers == []


def test_no_scheduler_warns_of_its_order() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(halving)
        trained(LinearScheduler())


# The scale schedule ratio

# With lengths that a ratio of 0.5 or 1.5 leaves whole; 1/σ is an argument of what decays by step.
TORCH: dict[str, Callable[[Optimizer, float], LRScheduler]] = {
    "StepLR": lambda o, s: StepLR(o, int(4 * s), 0.5),
    "MultiStepLR": lambda o, s: MultiStepLR(o, [int(2 * s), int(6 * s)], 0.5),
    "ConstantLR": lambda o, s: ConstantLR(o, 0.25, int(4 * s)),
    "LinearLR": lambda o, s: LinearLR(o, 0.25, 1.0, int(8 * s)),
    "PolynomialLR": lambda o, s: PolynomialLR(o, int(8 * s), 2.0),
    "CosineAnnealingLR": lambda o, s: CosineAnnealingLR(o, int(8 * s)),
    "CosineAnnealingWarmRestarts": lambda o, s: CosineAnnealingWarmRestarts(o, int(4 * s), 2),
    "CyclicLR": lambda o, s: CyclicLR(o, 0.1, LR, int(4 * s), int(6 * s)),
    "OneCycleLR": lambda o, s: OneCycleLR(o, LR, int(20 * s)),
    "SequentialLR": lambda o, s: SequentialLR(
        o, [ConstantLR(o, 0.5, int(4 * s)), CosineAnnealingLR(o, int(8 * s))], [int(4 * s)]
    ),
    "ChainedScheduler": lambda o, s: ChainedScheduler(
        [LinearLR(o, 0.25, 1.0, int(4 * s)), StepLR(o, int(6 * s), 0.5)], o
    ),
}


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("ratio", sized([0.5, 1.0, 1.5], [0.5, 1.5]))
@pytest.mark.parametrize("every_batch", [False, True])
def test_the_ratio_scales_pytorch_schedulers(name: str, ratio: float, every_batch: bool) -> None:
    """They do what new ones with scaled arguments do when they are stepped by hand."""
    length = "12ba" if every_batch else "12ep"
    rates = trained(
        lambda optimizer: TORCH[name](optimizer, 1),
        length,
        scale_schedule_ratio=ratio,
        step_schedulers_every_batch=every_batch,
    )
    batches = round(12 * ratio) * (1 if every_batch else BATCHES)
    each = 1 if every_batch else BATCHES
    assert rates == by_hand(lambda o: TORCH[name](o, ratio), batches, each)


def test_the_ratio_scales_exponential_decay() -> None:
    rates = trained(lambda o: ExponentialLR(o, 0.25), "4ep", scale_schedule_ratio=2.0)
    assert rates == by_hand(lambda o: ExponentialLR(o, 0.5), 24)


def test_the_ratio_scales_both_kinds_and_the_run() -> None:
    module, history = model(), History()
    optimizers = [SGD([parameter], lr=LR) for parameter in module.parameters()]
    trainer = make_trainer(
        model=module,
        optimizers=optimizers,
        schedulers=[StepLR(optimizers[0], 2, 0.5), LinearScheduler()],
        max_duration="8ep",
        scale_schedule_ratio=0.5,
        callbacks=history,
    )
    trainer.fit()
    assert trainer.clock.timestamp.batch == 12
    alphas = LinearScheduler().resolve(Run("12ba")).grid().tolist()
    assert [lr[:2] for _, _, lr in history.rows] == [
        [LR * 0.5 ** (k // 3), LR * alphas[k]] for k in range(12)
    ]


@pytest.mark.parametrize(
    ("max_duration", "ratio", "batches"),
    [("3ep", 0.5, 4), ("3ep", 1.5, 13), ("10ba", 0.5, 5), ("40sp", 0.5, 3)],
)
def test_the_ratio_scales_the_run(max_duration: str, ratio: float, batches: int) -> None:
    assert len(trained(None, max_duration, scale_schedule_ratio=ratio)) == batches


def test_lambda_lr_goes_with_ratio_1() -> None:
    rates = trained(lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)), "3ep")
    assert rates == [LR * (1 / (1 + batch // 3)) for batch in range(9)]


def test_a_scheduler_that_has_made_steps_goes_on() -> None:
    module = model()
    optimizer = optimizer_of(module)
    scheduler = MultiStepLR(optimizer, [2, 4], 0.5)
    optimizer.step()
    scheduler.step()
    history = History()
    make_trainer(model=module, optimizers=optimizer, schedulers=scheduler, callbacks=history).fit()
    assert history.rates == by_hand(lambda o: MultiStepLR(o, [2, 4], 0.5), 12)[3:]


# Going on


@pytest.mark.parametrize(
    "stops", [["4ba"], ["2ep"], ["1ba", "2ba", "3ba", "8ba"], ["12sp", "33sp"]]
)
@pytest.mark.parametrize("kind", ["epochal", "epochal by epoch", "torch", "torch by batch"])
def test_a_second_fit_goes_on(stops: list[str], kind: str) -> None:
    def history(durations: list[str]) -> History:
        module, notes = model(), History()
        optimizer = optimizer_of(module)
        makes: dict[str, Callable[[], Any]] = {
            "epochal": lambda: CosineAnnealingWarmRestartsScheduler("4ba"),
            "epochal by epoch": lambda: LinearScheduler(t_max="12ba"),
            "torch": lambda: CosineAnnealingLR(optimizer, 3),
            "torch by batch": lambda: StepLR(optimizer, 2),
        }
        trainer = make_trainer(
            model=module,
            optimizers=optimizer,
            schedulers=makes[kind](),
            step_schedulers_every_batch={"torch by batch": True, "epochal by epoch": False}.get(
                kind
            ),
            max_duration=durations[0],
            callbacks=notes,
        )
        trainer.fit()
        for duration in durations[1:]:
            torch.rand(3)  # what happens between does not matter
            trainer.fit(duration)
        return notes

    assert history([*stops, "4ep"]).rows == history(["4ep"]).rows


def test_a_longer_duration_stretches_what_depends_on_it() -> None:
    history = History()
    trainer = make_trainer(schedulers=LinearScheduler(), max_duration="6ba", callbacks=history)
    trainer.fit()
    trainer.fit("12ba")
    short, long = (LinearScheduler().resolve(Run(length)) for length in ("6ba", "12ba"))
    assert history.rates == [0.5 * short(k) for k in range(6)] + [
        0.5 * long(k) for k in range(6, 12)
    ]
    assert trainer.schedulers[0].run == trainer.run  # type: ignore[attr-defined]
