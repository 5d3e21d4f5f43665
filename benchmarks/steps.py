"""One step of a scheduler against one step of other schedulers; the Trainer against a bare loop."""

import contextlib
import importlib.util
import io
import itertools
import sys
from functools import partial
from typing import Any

import epochal
from contest import Contest, MissingError, Statements, load

GROUP = "Steps of a scheduler"
GROUPS = [(1, 0.30), (10, 0.20), (100, 0.16)]  # parameter groups, and the goal against LambdaLR
BATCHES = 1_000_000_000  # more than are stepped here
WARMUP = 100


def optimizer_with(groups: int, tensors: bool = False) -> Any:
    torch = load("torch")
    rates: list[Any] = [torch.tensor(0.1) if tensors else 0.1 for _ in range(groups)]
    optimizer = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates], lr=0.1
    )
    optimizer.step()  # schedulers warn when no step of the optimizer came before theirs
    return optimizer


COSINE = epochal.CosineAnnealingWithWarmupScheduler(f"{WARMUP}ba", t_max="1dur")


def bound_to(
    optimizer: Any, clock: epochal.Clock | None = None, schedule: Any = COSINE, **fields: Any
) -> Any:
    from epochal.torch import bind

    scheduler = bind(schedule, optimizer, clock or epochal.Run(f"{BATCHES}ba"), fields=fields)
    optimizer.step()
    return scheduler


def lambda_lr(groups: int) -> Statements:
    """The cheapest function that LambdaLR can be given."""
    peer = optimizer_with(groups)
    scheduler = load("torch").optim.lr_scheduler.LambdaLR(peer, lambda batch: 1.0)
    peer.step()
    names = {"ours": bound_to(optimizer_with(groups)), "peer": scheduler}
    return Statements("ours.step()", "peer.step()", names)


def timm() -> Statements:
    # timm imports torchvision, whose build must fit that of torch. Its schedulers need neither, so
    # they are imported without the rest.
    spec = importlib.util.find_spec("timm")
    if spec is None:
        raise MissingError("timm is not installed")
    sys.modules["timm"] = importlib.util.module_from_spec(spec)
    try:
        schedulers = load("timm.scheduler.cosine_lr")
    finally:
        del sys.modules["timm"]
    ours, peer = optimizer_with(1), optimizer_with(1)
    scheduler = schedulers.CosineLRScheduler(
        peer, t_initial=BATCHES, warmup_t=WARMUP, warmup_lr_init=0, t_in_epochs=False
    )
    names = {"ours": bound_to(ours), "peer": scheduler, "batch": itertools.count(1).__next__}
    names["ours"].step()
    scheduler.step_update(names["batch"]())
    agree(ours, peer)
    return Statements("ours.step()", "peer.step_update(batch())", names)


def transformers() -> Statements:
    optimization = load("transformers.optimization")
    ours, peer = optimizer_with(1), optimizer_with(1)
    scheduler = optimization.get_cosine_schedule_with_warmup(peer, WARMUP, BATCHES)
    peer.step()
    names = {"ours": bound_to(ours), "peer": scheduler}
    names["ours"].step()
    scheduler.step()
    agree(ours, peer)
    return Statements("ours.step()", "peer.step()", names)


def agree(ours: Any, peer: Any) -> None:
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (ours, peer)]
    assert abs(rates[0] - rates[1]) < 1e-15, rates
    assert rates[0] > 0, rates


def tensors(groups: int) -> Statements:
    """Learning rates that are tensors are written in place; no way to do that is cheaper."""
    ours = optimizer_with(groups, tensors=True)
    peer = [group["lr"] for group in optimizer_with(groups, tensors=True).param_groups]

    def fill() -> None:
        for rate in peer:
            rate.fill_(0.05)

    return Statements("ours.step()", "fill()", {"ours": bound_to(ours), "fill": fill})


def with_clock(groups: int) -> Statements:
    """A tick of the clock and a step, against the step of LambdaLR alone."""
    sides = lambda_lr(groups)
    clock = epochal.Clock(epochal.Run(f"{BATCHES}ba"))
    names = {**sides.names, "clock": clock, "ours": bound_to(optimizer_with(groups), clock)}
    return Statements("clock.tick(32, 4096, 0.01); ours.step()", sides.peer, names)


def two_schedules(groups: int) -> Statements:
    """A mapping of groups, against one schedule for all of them."""
    schedules = dict.fromkeys(range(0, groups, 2), COSINE) | {None: epochal.LinearScheduler()}
    ours, peer = optimizer_with(groups), optimizer_with(groups)
    names = {"ours": bound_to(ours, schedule=schedules), "peer": bound_to(peer)}
    return Statements("ours.step()", "peer.step()", names)


def two_fields(groups: int) -> Statements:
    """Momentum beside the learning rate, against the learning rate alone."""
    ours, peer = optimizer_with(groups), optimizer_with(groups)
    names = {"ours": bound_to(ours, momentum=COSINE), "peer": bound_to(peer)}
    return Statements("ours.step()", "peer.step()", names)


def guards(groups: int) -> Statements:
    """A step of the optimizer and one of the scheduler, against the same without guards."""
    sides = [optimizer_with(groups), optimizer_with(groups)]
    ours, peer = map(bound_to, sides)
    sides[1]._optimizer_step_pre_hooks.clear()
    sides[1]._optimizer_step_post_hooks.clear()
    peer._time.next = lambda last, epoch: (last + 1, last + 1)
    names = {"ours": ours, "peer": peer, "optimizer": sides[0], "other": sides[1]}
    return Statements("optimizer.step(); ours.step()", "other.step(); peer.step()", names)


def perceptron() -> Any:
    torch = load("torch")
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def trainer() -> Statements:
    """An epoch of the Trainer with its progress bar, against a loop of five lines."""
    torch = load("torch")
    torch.set_num_threads(1)
    batches: Any = [(torch.randn(32, 64), torch.randint(10, (32,))) for _ in range(100)]
    loss_fn = torch.nn.functional.cross_entropy

    def bare() -> None:
        model, optimizer = perceptron()
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()

    def fit() -> None:
        model, optimizer = perceptron()
        with contextlib.redirect_stderr(io.StringIO()):
            epochal.Trainer(
                model=model,
                train_dataloader=batches,
                optimizers=optimizer,
                max_duration="1ep",
                schedulers=epochal.CosineAnnealingWithWarmupScheduler("10ba"),
                loss_fn=loss_fn,
            ).fit()

    return Statements("fit()", "bare()", {"fit": fit, "bare": bare})


def in_groups(count: int) -> str:
    return f"{count} group{'s' if count > 1 else ''}"


CONTESTS = [
    *(
        Contest(
            GROUP,
            f"step : LambdaLR, {in_groups(count)}",
            goal,
            partial(lambda_lr, count),
            in_readme=True,
        )
        for count, goal in GROUPS
    ),
    Contest(GROUP, "step : transformers, cosine, 1 group", None, transformers, in_readme=True),
    Contest(GROUP, "step : timm, cosine, 1 group", None, timm, in_readme=True),
    *(
        Contest(GROUP, f"step, tensor lr : fill_, {in_groups(count)}", 1.3, partial(tensors, count))
        for count, _ in GROUPS
    ),
    Contest(GROUP, "tick and step : LambdaLR, 1 group", 1.0, partial(with_clock, 1)),
    Contest(GROUP, "tick and step : LambdaLR, 100 groups", 1 / 3, partial(with_clock, 100)),
    Contest(GROUP, "step, two schedules : one, 100 groups", 1.3, partial(two_schedules, 100)),
    Contest(GROUP, "step, two fields : one, 100 groups", 2.0, partial(two_fields, 100)),
    *(
        Contest(
            GROUP,
            f"optimizer's step and ours : without guards, {in_groups(count)}",
            1.1,
            partial(guards, count),
        )
        for count, _ in GROUPS
    ),
    Contest(GROUP, "Trainer : bare loop, small perceptron", 1.25, trainer),
]
