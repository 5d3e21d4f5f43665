"""Lightning: its Trainer steps schedulers once an epoch, unless it is told otherwise."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from epochal import Clock, Run
from frameworks import page, toys
from frameworks.launch import results
from frameworks.steps import Steps, rates, watched
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

EPOCHS, BATCHES = 3, 12
LR = 0.01


class Model(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer: torch.nn.Module = toys.model()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        return toys.loss(self.layer(batch[0]), batch[1])

    def on_train_start(self) -> None:
        self.steps = Steps(self.trainer.optimizers[0])


def fit(model: Any, folder: Path, checkpoint: Path | None = None, **settings: Any) -> list[float]:
    """The learning rates that the optimizer has stepped with."""
    settings = {"max_epochs": EPOCHS, "enable_checkpointing": False} | settings
    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **settings,
    )
    trainer.fit(model, toys.loader(), ckpt_path=checkpoint)
    steps: Steps = model.steps
    return steps.first


@pytest.mark.parametrize(("accumulated", "steps"), [(1, 12), (4, 3), (5, 3)])
def test_every_step(accumulated: int, steps: int, tmp_path: Path) -> None:
    names = page.run("Lightning, every step", Model=Model)
    model = names["Scheduled"]()
    done = fit(model, tmp_path, accumulate_grad_batches=accumulated)
    assert done == rates(names["schedule"], f"{EPOCHS * steps}ba", LR, EPOCHS * steps)


def tokens_after(batches: int) -> int:
    return 16 * batches  # 4 samples of 4 numbers


def token_rates(names: dict[str, Any], batches: list[int]) -> list[float]:
    curve = names["schedule"].resolve(Run("2Ktok"))
    return [LR * curve(tokens_after(done)) for done in batches]


@pytest.mark.parametrize("accumulated", [1, 4, 5])
def test_tokens(accumulated: int, tmp_path: Path) -> None:
    names = page.run("Lightning, tokens", Model=Model)
    model = names["Scheduled"]()
    done = fit(model, tmp_path, accumulate_grad_batches=accumulated, callbacks=names["callbacks"])
    # The optimizer steps at the end of an epoch whatever has been accumulated.
    before = [
        epoch * BATCHES + batch
        for epoch in range(EPOCHS)
        for batch in range(0, BATCHES, accumulated)
    ]
    assert done == token_rates(names, before)
    now = names["clock"].timestamp
    assert (now.epoch, now.batch) == (EPOCHS, len(before))
    assert now.token == tokens_after(EPOCHS * BATCHES)


def once_an_epoch(model: Any) -> Any:
    """The model without what `optimizer_config` tells Lightning."""
    configure = model.configure_optimizers

    def configured() -> Any:
        config = configure()
        return [config["optimizer"]], [config["lr_scheduler"]["scheduler"]]

    model.configure_optimizers = configured
    return model


def test_once_an_epoch(tmp_path: Path) -> None:
    """Lightning's default, of which the program is told."""
    names = page.run("Lightning, every step", Model=Model)
    with watched() as messages:
        done = fit(once_an_epoch(names["Scheduled"]()), tmp_path)
    late = rates(names["schedule"], f"{EPOCHS * BATCHES}ba", LR, EPOCHS)
    assert done == [late[k // BATCHES] for k in range(EPOCHS * BATCHES)]
    (message,) = messages
    assert "'interval': 'step'" in message


def test_once_an_epoch_with_a_clock(tmp_path: Path) -> None:
    """The clock tells the time whenever Lightning asks, so an epoch has the rate of its start."""
    names = page.run("Lightning, tokens", Model=Model)
    model = once_an_epoch(names["Scheduled"]())
    done = fit(model, tmp_path, callbacks=names["callbacks"])
    assert done == token_rates(names, [k // BATCHES * BATCHES for k in range(EPOCHS * BATCHES)])


@pytest.mark.parametrize("heading", ["Lightning, every step", "Lightning, tokens"])
@pytest.mark.parametrize("stop", [5, 12, 17])
def test_resume_in_the_middle(heading: str, stop: int, tmp_path: Path) -> None:
    """From a checkpoint after any batch, the last one of an epoch too."""

    def trained(checkpoint: Path | None = None) -> list[float]:
        names = page.run(heading, Model=Model)
        saving = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
        callbacks = [saving, *names.get("callbacks", [])]
        model = names["Scheduled"]()
        done = fit(model, tmp_path, checkpoint, callbacks=callbacks, enable_checkpointing=True)
        if "clock" in names:
            now = names["clock"].timestamp
            assert (now.epoch, now.token) == (EPOCHS, tokens_after(EPOCHS * BATCHES))
        return done

    alone = trained()
    assert trained(tmp_path / f"step={stop}.ckpt") == alone[stop:]


class WithBackbone(Model):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = torch.nn.Linear(4, 4)
        self.layer = torch.nn.Sequential(self.backbone, self.layer)


def test_finetuning(tmp_path: Path) -> None:
    names = page.run("Lightning, BaseFinetuning", Model=WithBackbone)
    model = names["Scheduled"]()
    fit(model, tmp_path, callbacks=[names["Unfreezing"]()])
    steps = EPOCHS * BATCHES
    head, backbone = (rates(names["schedule"], f"{steps}ba", lr, steps) for lr in (LR, LR / 10))
    both = [list(pair) for pair in zip(head, backbone, strict=True)]
    assert model.steps.rates == [*([rate] for rate in head[:BATCHES]), *both[BATCHES:]]


def test_fabric() -> None:
    model = toys.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    steps = Steps(optimizer)
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    names = page.run(
        "Lightning Fabric",
        fabric=fabric,
        model=model,
        optimizer=optimizer,
        loader=toys.loader(),
        loss=toys.loss,
    )
    assert steps.first == rates(names["schedule"], f"{BATCHES}ba", LR, BATCHES)


def test_fabric_first() -> None:
    """Bound to what `setup` returns in the optimizer's place, it is no other."""
    names = page.run(page.FIRST)
    optimizer: Any = toys.optimizer(LR)
    steps = Steps(optimizer)
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    _, wrapped = fabric.setup(toys.model(), optimizer)
    clock = Clock(Run(f"{BATCHES}ba"))
    clock.follow(wrapped)
    scheduler = names["bind"](names["schedule"], wrapped, clock)
    for _ in range(BATCHES):
        wrapped.step()
        scheduler.step()
    assert steps.first == rates(names["schedule"], f"{BATCHES}ba", LR, BATCHES)


def test_two_processes(tmp_path: Path) -> None:
    """Half the batches for each, and twice the tokens in a step."""
    steps = EPOCHS * BATCHES // 2
    for told in results("lightning_ddp", tmp_path):
        schedule = page.run(page.FIRST)["schedule"]
        assert told["messages"] == []
        assert told["saved"] == tokens_after(EPOCHS * BATCHES)
        assert told["Lightning, every step"] == rates(schedule, f"{steps}ba", LR, steps)
        run = Run("2Ktok", tokens_per_batch=tokens_after(2))
        assert told["Lightning, tokens"] == rates(schedule, run, LR, steps)


def test_pytorch_lightning() -> None:
    """The same under its other name, whose classes are others."""
    program = """
import pytorch_lightning
from epochal.torch.lightning import ClockCallback
assert issubclass(ClockCallback, pytorch_lightning.Callback)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
