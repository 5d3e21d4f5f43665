"""Models, batches and losses of all kinds; micro-batches and evaluation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from epochal import LinearScheduler, Trainer
from epochal.trainer._arguments import device_of
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from training import (
    SAMPLES,
    History,
    dataset,
    evaluation,
    loader,
    make_trainer,
    model,
    stream,
    weights,
)

# Kinds of models and batches


def test_a_model_without_parameters_is_on_the_cpu() -> None:
    assert device_of(nn.Identity()) == torch.device("cpu")


class Composed(nn.Module):
    """In Composer's style."""

    def __init__(self) -> None:
        super().__init__()
        self.net = model()

    def forward(self, batch: Any) -> Tensor:
        outputs: Tensor = self.net(batch["inputs"])
        return outputs

    def loss(self, outputs: Tensor, batch: Any) -> Tensor:
        return cross_entropy(outputs, batch["targets"])


def mapping(items: list[Any]) -> dict[str, Any]:
    inputs, targets = zip(*items, strict=True)
    return {"inputs": torch.stack(inputs), "targets": torch.stack(targets), "name": "a batch"}


def step_of_mapping(module: nn.Module, batch: Any) -> Tensor:
    return cross_entropy(module(batch["inputs"]), batch["targets"])


def test_three_ways_to_tell_the_loss() -> None:
    dicts = loader(collate_fn=mapping)
    rows = []
    for changes in (
        {"model": model()},
        {"model": Composed(), "loss_fn": None, "train_dataloader": dicts},
        {"loss_fn": None, "train_step": step_of_mapping, "train_dataloader": dicts},
    ):
        history = History()
        make_trainer(callbacks=history, **changes).fit()
        rows.append(history.rows)
    assert rows[0] == rows[1] == rows[2]


def test_loss_fn_comes_before_the_models_own_loss() -> None:
    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs * 0).sum() + 0.25

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = model()

        def forward(self, inputs: Tensor) -> Any:
            return self.net(inputs)

        def loss(self, outputs: Tensor, batch: Any) -> Tensor:
            raise AssertionError

    trainer = make_trainer(model=Odd(), loss_fn=loss_fn, max_duration="1ba")
    trainer.fit()
    assert trainer.loss == 0.25


def test_batches_and_model_go_to_the_device() -> None:
    places = []

    def step(module: nn.Module, batch: Any) -> Tensor:
        inputs, targets = batch
        places.append(
            {inputs.device.type, targets.device.type, *(p.device.type for p in module.parameters())}
        )
        return cross_entropy(module(inputs), targets)

    with torch.device("meta"):
        module = nn.Linear(4, 3)
    module.to_empty(device="cpu").reset_parameters()
    trainer = make_trainer(model=module, loss_fn=None, train_step=step)
    assert trainer.device == torch.device("cpu")
    trainer.fit("1ba")
    moved = make_trainer(model=nn.Linear(4, 3), loss_fn=None, train_step=step, device="meta")
    assert moved.device == torch.device("meta")
    assert moved.model.weight.device.type == "meta"
    with pytest.raises(Exception, match="meta"):  # no numbers are there, so there is no loss
        moved.fit("1ba")
    assert places == [{"cpu"}, {"meta"}]


def test_samples_and_tokens_as_the_user_counts_them() -> None:
    trainer = make_trainer(
        get_num_samples=lambda batch: 2 * len(batch[0]),
        get_num_tokens=lambda batch: np.int64(batch[0].numel()),
        max_duration="1ep",
    )
    trainer.fit()
    now = trainer.clock.timestamp
    assert now.sample == 2 * SAMPLES
    assert now.token == 4 * SAMPLES


def test_declared_rates_are_for_schedules_that_mix_clocks() -> None:
    schedule = LinearScheduler(t_max="8ba") * LinearScheduler(t_max="4000tok")
    history = History()
    trainer = make_trainer(
        train_dataloader=loader(drop_last=True),
        schedulers=schedule,
        samples_per_batch=8,
        tokens_per_batch=500,
        max_duration="64sp",
        callbacks=history,
    )
    trainer.fit()
    assert history.rates == [0.5 * ((8 - k) / 8) * ((8 - k) / 8) for k in range(8)]
    assert trainer.clock.timestamp.token == 4000
    assert trainer.run.samples_per_batch == 8


# Micro-batches


@pytest.mark.parametrize("parts", [2, 3, 5, 8, 100])
def test_micro_batches_give_the_same_gradients(parts: int) -> None:
    """To rounding: the same products are added up in another order."""
    whole, split = model(dropout=0.0), model(dropout=0.0)
    sizes: list[int] = []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        sizes.append(len(targets))
        return cross_entropy(outputs, targets)

    # Without steps that matter the gradients of the last batch can be compared.
    histories = [History(), History()]
    for module, history, changes in (
        (whole, histories[0], {}),
        (split, histories[1], {"grad_accum": parts, "loss_fn": loss_fn}),
    ):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        batches = loader(shuffle=False)
        trainer = make_trainer(
            model=module,
            optimizers=optimizer,
            train_dataloader=batches,
            callbacks=history,
            **changes,
        )
        trainer.fit("1ep")
        assert trainer.clock.timestamp.batch == 3
        assert trainer.clock.timestamp.sample == SAMPLES
    for one, other in zip(whole.parameters(), split.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert histories[0].losses == pytest.approx(histories[1].losses, rel=1e-6)
    expected = [len(part) for size in (8, 8, 4) for part in torch.arange(size).chunk(parts)]
    assert sizes == expected


def test_micro_batches_in_double_precision_agree_closely() -> None:
    """So that what differs above is rounding, not the weights of uneven micro-batches."""
    gradients = []
    inputs, targets = dataset(7).tensors
    for parts in (1, 3):  # 3, 3 and 1
        module = model(dropout=0.0).double()
        make_trainer(
            model=module, train_dataloader=[(inputs.double(), targets)], grad_accum=parts
        ).fit("1ba")
        gradients.append([p.grad for p in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-15)


@pytest.fixture
def one_rank() -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group(
        "gloo",
        store=torch.distributed.HashStore(),  # type: ignore[attr-defined]
        rank=0,
        world_size=1,
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("one_rank")
def test_ddp_exchanges_gradients_once_a_batch() -> None:
    alone, wrapped = model(dropout=0.0), model(dropout=0.0)
    exchanged: list[bool] = []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            exchanged.append(ddp.require_backward_grad_sync)
        return cross_entropy(outputs, targets)

    ddp = DistributedDataParallel(wrapped)
    make_trainer(model=ddp, grad_accum=3, loss_fn=loss_fn, eval_dataloader=evaluation()).fit("1ep")
    assert exchanged == [False, False, True] * 2 + [False, True]  # 3, 3 and 2 samples; 2 and 2
    make_trainer(model=alone, grad_accum=3).fit("1ep")
    for one, other in zip(alone.parameters(), wrapped.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


# Evaluation


def test_eval_is_the_mean_over_the_samples() -> None:
    module = model(dropout=0.5)
    trainer = make_trainer(model=module, eval_dataloader=evaluation(), max_duration="2ba")
    trainer.fit()
    gradients = [p.grad for p in module.parameters()]
    before = [g.clone() for g in gradients if g is not None]
    loss = trainer.eval()
    inputs, targets = dataset(13).tensors
    module.eval()
    with torch.no_grad():
        expected = cross_entropy(module(inputs), targets).item()
    assert loss == trainer.eval_loss == pytest.approx(expected, rel=1e-6)
    assert len(before) == 4
    for parameter, gradient, old in zip(module.parameters(), gradients, before, strict=True):
        assert gradient is not None
        assert parameter.grad is gradient
        assert torch.equal(old, gradient)


def test_eval_is_without_gradients_and_dropout() -> None:
    module, seen = model(), []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append((outputs.requires_grad, module.training, module[2].training))
        return cross_entropy(outputs, targets)

    make_trainer(
        model=module, loss_fn=loss_fn, eval_dataloader=evaluation(), eval_interval="2ba"
    ).fit("2ba")
    assert seen == [(True, True, True)] * 2 + [(False, False, False)] * 3


def test_eval_leaves_each_part_in_its_mode() -> None:
    module = model()
    trainer = make_trainer(model=module, eval_dataloader=evaluation())
    dropout: nn.Module = module[2]
    for mode in (True, False):
        module.train()
        dropout.train(mode)
        trainer.eval()
        assert module.training
        assert dropout.training is mode
    module.eval()
    trainer.eval()
    assert not module.training


def test_eval_fails_and_the_mode_is_back() -> None:
    trainer = make_trainer(eval_dataloader=[*evaluation(), "nonsense"])
    trainer.model.train()
    with pytest.raises(TypeError):
        trainer.eval()
    assert trainer.model.training
    assert torch.is_grad_enabled()
    assert trainer.eval_loss is None


@pytest.mark.parametrize(
    ("interval", "batches"),
    [
        ("1ep", [3, 6, 9]),
        ("2ep", [6]),
        ("2ba", [2, 4, 6, 8]),
        ("20sp", [3, 6, 9]),
        ("15sp", [2, 5, 7, 9]),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_eval_interval(interval: str, batches: list[int], sized: bool) -> None:
    batches_of = loader if sized else stream
    assert evaluated_at(interval, train_dataloader=batches_of()) == batches


@pytest.mark.parametrize(
    ("max_duration", "batches"), [("3ep", [4, 8]), ("8ba", [4, 8]), ("60sp", [5, 9])]
)
def test_eval_interval_as_a_fraction_of_the_run(max_duration: str, batches: list[int]) -> None:
    assert evaluated_at("0.5dur", max_duration=max_duration) == batches


def evaluated_at(interval: str, **changes: Any) -> list[int]:
    at: list[int] = []

    class Notes:
        def eval_end(self, trainer: Trainer) -> None:
            at.append(int(trainer.clock.timestamp.batch))

    make_trainer(
        eval_dataloader=evaluation(),
        eval_interval=interval,
        callbacks=Notes(),
        **changes,
    ).fit()
    return at


def test_evaluation_does_not_change_the_training() -> None:
    """Although it draws random numbers, for its order."""
    rows = []
    for changes in ({}, {"eval_dataloader": loader(), "eval_interval": "1ba"}):
        history, module = History(), model(dropout=0.5)
        make_trainer(model=module, callbacks=history, **changes).fit()
        rows.append((history.rows, [w.tolist() for w in weights(module)]))
    assert rows[0] == rows[1]
