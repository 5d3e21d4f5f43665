"""Every public name of epochal as something to call: found by walking packages and classes."""

import importlib
import inspect
import operator
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from types import ModuleType
from typing import Any

import epochal
import torch
from bad_values import draw
from catalogue import FULL
from epochal import (
    Clock,
    Curve,
    FunctionSchedule,
    Run,
    Schedule,
    Time,
    Timestamp,
    TimeUnit,
    Trainer,
)
from epochal.torch import EpochalLR, Plateau, bind
from epochal.view import Description, Difference, Finding
from hostile import CLOCKS, CURVE, RUN, SCHEDULE, SPAN, STAMP, STATE, TIME
from torch import nn

__all__ = ["Made", "Target", "targets"]

Call = Callable[..., Any]


@dataclass
class Made:
    """Something to call, and what must be as it was where the call fails."""

    call: Call
    watched: Sequence[Any] = ()


@dataclass
class Target:
    """A public name. `make` makes what is called, anew for each call; `good` gives arguments that
    are valid, by name; `names` are those of all."""

    name: str
    make: Callable[[Random], Made]
    names: list[str]
    good: Callable[[Random], dict[str, Any]]
    # Those that can be given by their order.
    positional: int = 0
    any_keyword: bool = False


# Not called, and why.
LEFT_OUT = {
    **dict.fromkeys(
        ("EpochalLR()", "Description()", "Difference()", "Finding()", "Jump()", "Schedule()"),
        "made by the package alone",
    ),
    **dict.fromkeys(("__new__", "__init__"), "called by the class, which is called"),
    **dict.fromkeys(
        ("__getstate__", "__setstate__", "__getnewargs__"),
        "Python calls them, with what they gave",
    ),
    **dict.fromkeys(("__getattribute__", "__delattr__", "__class__", "__dict__"), "Python's own"),
}


# What is called


class Stopper:
    """Ends a training of any length after three batches."""

    def __init__(self) -> None:
        self.batches = 0

    def fit_start(self, trainer: Trainer) -> None:
        self.batches = 0

    def batch_end(self, trainer: Trainer) -> None:
        self.batches += 1
        if self.batches == 3:
            trainer.stop()

    eval_end = batch_end


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.ones(1))


def optimizer(random: Random) -> torch.optim.Optimizer:
    """Of two groups, whose rates are floats or tensors."""
    lrs: Any = random.choice([(0.5, 0.25), (torch.tensor(0.5), torch.tensor(0.25))])
    groups = [{"params": [parameter()], "lr": lr} for lr in lrs]
    groups[0]["name"] = "head"
    kind: Any = random.choice([torch.optim.AdamW, torch.optim.SGD])
    made: torch.optim.Optimizer = kind(groups, lr=0.1)
    return made


def odd_optimizer(random: Random) -> torch.optim.Optimizer:
    """At times with a group that somebody has written to."""
    made = optimizer(random)
    spoil(made, random)
    return made


def spoil(of: torch.optim.Optimizer, random: Random) -> None:
    if random.random() < 0.2:
        group = random.choice(of.param_groups)
        group[random.choice(["lr", "initial_lr", "weight_decay", "betas", "name"])] = draw(random)
    if random.random() < 0.05:
        random.choice(of.param_groups).pop("lr")
    if random.random() < 0.05:
        of.add_param_group({"params": [parameter()], "lr": 0.125})


def clock(random: Random) -> Clock:
    made = Clock(RUN)
    for _ in range(random.randrange(3)):
        made.tick(samples=3, tokens=5, seconds=0.5)
    if random.random() < 0.3:
        made.count(samples=2)
    return made


def odd_bound(random: Random) -> EpochalLR:
    """At times somebody has written to its groups since."""
    made = bound(random)
    spoil(made.optimizer, random)
    return made


def bound(random: Random) -> EpochalLR:
    run: Any = random.choice([RUN, clock(random)])
    fields = random.choice([None, {"weight_decay": SCHEDULE}])
    schedule: Any = random.choice([*schedules()[:-1], {"head": SCHEDULE, None: SCHEDULE * 0.5}])
    return bind(schedule, optimizer(random), run, fields=fields)


def plateau(random: Random) -> Plateau:
    return Plateau(bind(SCHEDULE, optimizer(random), RUN), patience=0)


def pytorch_scheduler(random: Random) -> Any:
    kinds: Any = torch.optim.lr_scheduler
    made = optimizer(random)
    make: Any = random.choice(
        [
            lambda: kinds.StepLR(made, 4),
            lambda: kinds.CosineAnnealingLR(made, 8),
            lambda: kinds.OneCycleLR(made, 1.0, total_steps=20),
            lambda: kinds.SequentialLR(made, [kinds.StepLR(made, 2), kinds.StepLR(made, 4)], [4]),
            lambda: bind(SCHEDULE, made, RUN),
        ]
    )
    return make()


def batches() -> list[Any]:
    return [(torch.ones(2, 4), torch.zeros(2, dtype=torch.long)) for _ in range(2)]


def for_trainer(random: Random) -> dict[str, Any]:
    """Arguments that make a Trainer, some of them optional."""
    model = nn.Linear(4, 3)
    needed = {
        "model": model,
        "train_dataloader": batches(),
        "max_duration": "5ep",
        "optimizers": torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9),
        "loss_fn": nn.functional.cross_entropy,
        "progress_bar": False,
    }
    optional = {
        "schedulers": epochal.CosineAnnealingScheduler(),
        "eval_dataloader": batches(),
        "eval_interval": "3ba",
        "grad_accum": 2,
        "tokens_per_batch": 7,
        "clip_grad_norm": 1.0,
        "callbacks": Stopper(),
        "scale_schedule_ratio": 0.5,
        "save_folder": f"checkpoints-{random.randrange(10**9)}",
        "save_interval": "4ba",
        "seed": 3,
    }
    chosen = {key: value for key, value in optional.items() if random.random() < 0.2}
    return needed | chosen


def trainer(random: Random) -> Trainer:
    return Trainer(**{**for_trainer(random), "callbacks": Stopper()})


@cache
def schedules() -> list[Schedule]:
    """One of each class, and trees; a function last."""
    made = [getattr(epochal, name)(**FULL[name]) for name in FULL]
    return [
        *made,
        (made[0] * made[1] * 0.5 + 0.1).until("20ba", epochal.LinearScheduler(), carry=True),
        made[0].repeat("7ba").after_warmup("3ba").cooldown("50ba"),
        made[5].clip(0.2, 0.5).advance("1ba").delay("2tok"),
        FunctionSchedule(lambda state, ssr=1.0: 0.5, ["ba"]),
    ]


@cache
def difference() -> Difference:
    return epochal.diff(CURVE, epochal.LinearScheduler().resolve(RUN))


@cache
def curves() -> list[Curve]:
    return [CURVE, CLOCKS, *(schedule.resolve(RUN) for schedule in schedules())]


def one_of(values: Callable[[], Sequence[Any]]) -> Callable[[Random], Any]:
    return lambda random: random.choice(values())


# For each class what gives one of its objects.
RECEIVERS: dict[type, Callable[[Random], Any]] = {
    Clock: clock,
    Curve: one_of(curves),
    Description: lambda random: random.choice(curves()[:4]).describe(),
    Difference: lambda random: difference(),
    EpochalLR: odd_bound,
    Finding: lambda random: Finding("code", "warning", "A sentence.", "a mend"),
    FunctionSchedule: lambda random: schedules()[-1],
    Plateau: plateau,
    Run: one_of(
        lambda: [RUN, Run("90sec"), Run("3ep", batches_per_epoch=7, scale_schedule_ratio=2)]
    ),
    Schedule: one_of(schedules),
    Time: one_of(lambda: [TIME, SPAN, Time("0ba"), Time(2**63 - 1, "tok")]),
    Timestamp: one_of(lambda: [STAMP, Timestamp(), RUN.at_batch(12)]),
    TimeUnit: one_of(lambda: list(TimeUnit)),
    Trainer: trainer,
    epochal.view.Jump: lambda random: epochal.StepScheduler("3ba").resolve("9ba").largest_jump(),
}

# What programs call of PyTorch's base classes.
INHERITED = {EpochalLR: ["get_last_lr"], Plateau: ["step", "get_last_lr"]}

# Arguments that are good, by their names.
GOOD: dict[str, Callable[[Random], Any]] = {
    "a": one_of(curves),
    "b": one_of(curves),
    "ax": lambda random: None,
    "base_lr": lambda random: random.choice([None, 0.5]),
    "batch": lambda random: 7,
    "by": lambda random: "2ba",
    "config": lambda random: random.choice(schedules()[:-1]).to_config(),
    "curve": one_of(curves),
    "curves": lambda random: random.choice([{"a": CURVE}, [CURVE, CURVE]]),
    "duration": lambda random: STAMP.total_wct,
    "epoch": lambda random: 4,
    "every": lambda random: "3ba",
    "function": lambda random: lambda state: 0.5,
    "f": lambda random: lambda state: 0.5,
    "loader": lambda random: batches(),
    "log": lambda random: True,
    "max_duration": lambda random: random.choice(["10ep", "500ba", Time("3Ktok")]),
    "metrics": lambda random: 1.5,
    "optimizer": odd_optimizer,
    "out": lambda random: None,
    "path": lambda random: f"file-{random.randrange(10**9)}",
    "ratio": lambda random: 0.5,
    "run": one_of(lambda: [RUN, "500ba"]),
    "samples": lambda random: 3,
    "schedule": one_of(schedules),
    "scheduler": lambda random: (
        pytorch_scheduler(random) if random.random() < 0.7 else bound(random)
    ),
    "seconds": lambda random: 0.5,
    "of": one_of(lambda: [*schedules(), "lr"]),
    "ssr": lambda random: 0.5,
    "state": lambda random: random.choice([STATE, STAMP.state_dict()]),
    "state_dict": lambda random: random.choice(
        [
            STAMP.state_dict(),
            {"last_epoch": 3},
            bound(random).state_dict(),
            plateau(random).state_dict(),
        ]
    ),
    "t": lambda random: "5ba",
    "t_warmup": lambda random: "2ba",
    "text": lambda random: repr(random.choice(schedules()[:-1])),
    "then": one_of(schedules),
    "time": lambda random: "5ba",
    "times": lambda random: [0.0, 1.0],
    "timestamp": lambda random: STAMP,
    "timestring": lambda random: "5ba",
    "tokens": lambda random: 5,
    "unit": lambda random: "ba",
    "units": lambda random: ["ba"],
    "value": lambda random: random.choice([5, "5ba", TIME]),
    "x": lambda random: 0.5,
}
# What a class is given where its arguments have no such names.
FACTS = {"batches_per_epoch": 10, "samples_per_batch": 3, "tokens_per_batch": 5}
FIELDS = {name: 3 for name in STAMP.state_dict() if not name.endswith("_wct")}
# Of what takes any arguments, those that it knows.
KNOWN: dict[str, list[str]] = {
    "Curve.__call__": ["t", "out", "dtype", "threads"],
    "Schedule.__call__": ["state", "ssr"],
    "Run.from_dataloader": ["max_duration", "loader", *FACTS, "scale_schedule_ratio"],
    "Timestamp.copy": list(STAMP.state_dict()),
    "Schedule.replace": ["alpha_f", "t_max", "gamma"],
    "TimeUnit()": ["value"],
}


def parameters(name: str, function: Any) -> tuple[list[str], int, bool]:
    """The names of all, how many can be given by order, and whether there may be any."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except ValueError:  # the exceptions
        return ["message"], 1, False
    kinds = inspect.Parameter
    named = [p.name for p in found if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    named = [n for n in named if n not in ("self", "cls", "_cls")]
    if name in KNOWN:
        return KNOWN[name], min(2, len(KNOWN[name])), True
    by_order = [p for p in found if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    positional = len([p for p in by_order if p.name in named])
    return named, positional, any(p.kind == kinds.VAR_KEYWORD for p in found)


def good_for(names: Sequence[str], extra: dict[str, Any]) -> Callable[[Random], dict[str, Any]]:
    def good(random: Random) -> dict[str, Any]:
        made = {name: GOOD[name](random) for name in names if name in GOOD and name not in extra}
        # A copy of lists, which a call could change.
        own = {name: list(v) if type(v) is list else v for name, v in extra.items()}
        return own | made

    return good


def function_target(name: str, function: Call) -> Target:
    names, positional, any_keyword = parameters(name, function)
    return Target(
        name, lambda random: Made(function), names, good_for(names, {}), positional, any_keyword
    )


def class_target(cls: type) -> Target:
    name = f"{cls.__name__}()"
    names, positional, any_keyword = parameters(name, cls)
    extra = FULL.get(cls.__name__) or {k: v for k, v in (FACTS | FIELDS).items() if k in names}
    good = for_trainer if cls is Trainer else good_for(names, extra)
    return Target(name, lambda random: Made(cls), names, good, positional, any_keyword)


def method_target(cls: type, owner: type, attribute: str) -> Iterator[Target]:
    """What is done with an attribute: called, read, or set."""
    name = f"{owner.__name__}.{attribute}"
    receiver = RECEIVERS[cls]
    found = inspect.getattr_static(owner, attribute)

    def read(random: Random) -> Made:
        subject = receiver(random)
        return Made(lambda: getattr(subject, attribute), [subject])

    def method(random: Random) -> Made:
        subject = receiver(random)
        return Made(getattr(subject, attribute), [subject])

    def write(random: Random) -> Made:
        subject = receiver(random)
        return Made(partial(setattr, subject, attribute), [subject])

    if callable(getattr(owner, attribute)):
        names, positional, any_keyword = parameters(name, getattr(owner, attribute))
        yield Target(name, method, names, good_for(names, FIELDS), positional, any_keyword)
    else:
        yield Target(name, read, [], lambda random: {})
        if inspect.isdatadescriptor(found):
            yield Target(f"{name} =", write, ["given"], lambda random: {}, 1)
    yield from operator_targets(name, receiver, attribute)


OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "lt", "le", "gt", "ge", "eq", "ne")


def operator_targets(
    name: str, receiver: Callable[[Random], Any], attribute: str
) -> Iterator[Target]:
    """An operator is asked as programs ask, so that the other side answers too."""
    stem = attribute.strip("_")
    mirrored = stem.startswith("r") and stem[1:] in (*OPERATORS, "divmod")
    stem = stem[1:] if mirrored else stem
    if stem not in (*OPERATORS, "divmod") or not attribute.startswith("__"):
        return
    function: Call = divmod if stem == "divmod" else getattr(operator, stem)

    def ask(random: Random) -> Made:
        subject = receiver(random)
        call = (lambda x: function(x, subject)) if mirrored else (lambda x: function(subject, x))
        return Made(call, [subject])

    yield Target(f"{name} (asked)", ask, ["value"], good_for(["value"], {}), 1)


# The walk


def modules() -> Iterator[ModuleType]:
    """The public ones, as far as what they need is installed."""
    yield epochal
    for about in pkgutil.walk_packages(epochal.__path__, "epochal."):
        if not any(part.startswith("_") for part in about.name.split(".")):
            try:
                yield importlib.import_module(about.name)
            except ModuleNotFoundError:  # a framework that is not here
                continue


def is_left_out(name: str) -> bool:
    return name in LEFT_OUT


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_repr_svg_"


def targets() -> list[Target]:
    found: dict[str, Target] = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type):
                made = [class_target(value), *targets_of(value)]
            elif callable(value):
                made = [function_target(name, value)]
            else:
                continue  # a version
            for target in made:
                if not is_left_out(target.name):
                    found.setdefault(target.name, target)
    return list(found.values())


def targets_of(cls: type) -> Iterator[Target]:
    if issubclass(cls, BaseException):
        return
    if issubclass(cls, Schedule) and cls not in RECEIVERS:
        cls = Schedule
    for owner in cls.__mro__:
        if owner.__module__.partition(".")[0] != "epochal":
            continue
        for attribute in vars(owner):
            if is_private(attribute) or is_left_out(attribute):
                continue
            if attribute.startswith("__") and not callable(getattr(owner, attribute)):
                continue
            if not isinstance(vars(owner)[attribute], cls):  # a member of an enum
                yield from method_target(cls, owner, attribute)
    for attribute in INHERITED.get(cls, ()):
        yield from method_target(cls, cls, attribute)
