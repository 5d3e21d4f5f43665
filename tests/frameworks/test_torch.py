"""PyTorch's own parts around a bound schedule."""

import inspect
from typing import Any

import pytest
import torch
from epochal import LinearScheduler, Run
from frameworks import page, toys
from frameworks.steps import Steps, rates
from torch.optim import SGD, Optimizer

LR, BATCHES = 0.1, 12
RUN = Run(f"{BATCHES}ba")

OPTIMIZERS = sorted(
    (
        value
        for value in vars(torch.optim).values()
        if inspect.isclass(value) and issubclass(value, Optimizer) and value is not Optimizer
    ),
    key=lambda value: value.__name__,
)


def test_optimizers_are_found() -> None:
    assert {"LBFGS", "SparseAdam", "Adafactor", "AdamW"} <= {o.__name__ for o in OPTIMIZERS}


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_every_optimizer(kind: Any) -> None:
    sparse = kind.__name__ == "SparseAdam"
    model: Any = torch.nn.Embedding(5, 1, sparse=sparse)
    optimizer = kind(model.parameters(), lr=LR)
    steps = Steps(optimizer)
    schedule = page.run(page.FIRST)["schedule"]
    bind = page.run(page.FIRST)["bind"]
    scheduler = bind(schedule, optimizer, RUN)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model(torch.tensor([0, 3])).square().sum()
        loss.backward()
        return loss  # type: ignore[no-any-return]

    for _ in range(BATCHES):
        optimizer.step(closure)
        scheduler.step()
    assert steps.first == rates(schedule, RUN, LR, BATCHES)


def test_grad_scaler() -> None:
    model = toys.model()
    optimizer = SGD(model.parameters(), lr=LR)
    steps = Steps(optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    skipped = {0, 3, 4}
    batches = [
        (inputs * torch.inf if k in skipped else inputs, targets)
        for k, (inputs, targets) in enumerate(toys.loader())
    ]
    names = page.run(
        "PyTorch, GradScaler",
        model=model,
        optimizer=optimizer,
        run=Run(f"{BATCHES - len(skipped)}ba"),
        scaler=scaler,
        loader=batches,
        loss=toys.loss,
    )
    assert scaler.get_scale() < 4.0
    done = BATCHES - len(skipped)
    assert steps.first == rates(names["schedule"], f"{done}ba", LR, done)


class Moved(torch.nn.Module):
    """A weight whose gradient is 1, and which starts from 0 each time: its move is the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.rates: list[float] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.note()
        return self.weight

    def note(self) -> None:
        self.rates.append(-self.weight.item())
        self.weight.data.zero_()


def test_compiled_step() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model = Moved()
    names = page.run(
        "PyTorch, torch.compile",
        model=model,
        optimizer=SGD(model.parameters(), lr=torch.tensor(LR, dtype=torch.float64)),
        loader=toys.loader(),
        loss=lambda outputs, targets: outputs.sum(),
    )
    model.note()
    expected = rates(names["schedule"], RUN, LR, BATCHES)
    # The weight has half the digits of the rate.
    assert model.rates[1:] == torch.tensor(expected).tolist()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_sequential() -> None:
    optimizer = toys.optimizer()
    steps = Steps(optimizer)
    warmup = LinearScheduler(alpha_i=0.1, alpha_f=1.0)
    names = page.run("PyTorch, SequentialLR", optimizer=optimizer, warmup=warmup)
    for _ in range(BATCHES):
        optimizer.step()
        names["scheduler"].step()
    assert steps.first == [
        *rates(warmup, "4ba", LR, 4),
        *rates(names["schedule"], "8ba", LR, 8),
    ]


def test_a_clock_follows_a_compiled_step() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    optimizer = SGD([parameter], lr=torch.tensor(LR))
    names = page.run("PyTorch, bound", optimizer=optimizer, run=RUN)
    step = torch.compile(optimizer.step, backend="eager")
    for done in range(BATCHES):
        names["clock"].count(tokens=3)
        step()
        names["scheduler"].step()
        now = names["clock"].timestamp
        assert (now.batch, now.token) == (done + 1, 3 * (done + 1))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
