"""Transformers' Trainer: it steps the scheduler after each step of the optimizer."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from epochal import Clock, EpochalError, Run
from epochal.torch.transformers import ClockCallback
from frameworks import page
from frameworks.launch import results
from frameworks.steps import Steps, rates
from torch import Tensor

LR = 0.01
EPOCHS, BATCHES, TOKENS = 2, 12, 20  # in a batch: 4 samples of 5 tokens


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Embedding(7, 1)

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        outputs = self.layer(input_ids).sum((1, 2))
        return {"loss": (outputs - labels).square().mean(), "logits": outputs}


def dataset() -> list[dict[str, Any]]:
    return [{"input_ids": [k % 7] * 5, "labels": float(k % 3)} for k in range(4 * BATCHES)]


def arguments(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "num_train_epochs": EPOCHS,
        "per_device_train_batch_size": 4,
        "learning_rate": LR,
        "weight_decay": 0.0,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
    } | changes


def train(trainer: Any, **settings: Any) -> list[float]:
    notes = Notes()
    trainer.add_callback(notes)
    trainer.train(**settings)
    return notes.steps.first


class Notes(transformers.TrainerCallback):
    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self.steps = Steps(others["optimizer"].optimizer)


def trainer(folder: Path, **changes: Any) -> tuple[dict[str, Any], Any]:
    names = page.run("Transformers' Trainer")
    settings = transformers.TrainingArguments(**arguments(folder, **changes))
    return names, names["Trainer"](Model(), settings, train_dataset=dataset())


def token_trainer(folder: Path, **changes: Any) -> tuple[dict[str, Any], Any]:
    names = page.run(
        "Transformers' Trainer, tokens",
        model=Model(),
        dataset=dataset(),
        arguments=arguments(folder, **changes),
    )
    return names, names["trainer"]


@pytest.mark.parametrize(("accumulated", "steps"), [(1, 12), (4, 3), (5, 3)])
def test_trainer(accumulated: int, steps: int, tmp_path: Path) -> None:
    names, made = trainer(tmp_path, gradient_accumulation_steps=accumulated)
    total = EPOCHS * steps
    assert train(made) == rates(names["schedule"], f"{total}ba", LR, total)


@pytest.mark.parametrize("accumulated", [1, 4, 5])
def test_tokens(accumulated: int, tmp_path: Path) -> None:
    names, made = token_trainer(tmp_path, gradient_accumulation_steps=accumulated)
    curve = names["schedule"].resolve(Run("2Ktok"))
    done = [
        TOKENS * (BATCHES * epoch + batch)
        for epoch in range(EPOCHS)
        for batch in range(0, BATCHES, accumulated)
    ]
    assert train(made) == [LR * curve(tokens) for tokens in done]
    now = names["clock"].timestamp
    assert (now.epoch, now.batch, now.token) == (EPOCHS, len(done), EPOCHS * BATCHES * TOKENS)


@pytest.mark.parametrize("make", [trainer, token_trainer])
@pytest.mark.parametrize("stop", [5, 12, 17])
def test_resume(make: Any, stop: int, tmp_path: Path) -> None:
    saving = {"save_strategy": "steps", "save_steps": 1}
    alone = train(make(tmp_path, **saving)[1])
    names, other = make(tmp_path / "other")
    assert train(other, resume_from_checkpoint=str(tmp_path / f"checkpoint-{stop}")) == alone[stop:]
    if "clock" in names:
        now = names["clock"].timestamp
        assert (now.epoch, now.token) == (EPOCHS, EPOCHS * BATCHES * TOKENS)


def test_no_tokens_counted(tmp_path: Path) -> None:
    made = transformers.Trainer(
        Model(),
        transformers.TrainingArguments(**arguments(tmp_path)),
        train_dataset=dataset(),
        callbacks=[ClockCallback(Clock(Run("2Ktok")))],
    )
    with pytest.raises(EpochalError, match='include_num_input_tokens_seen="all"'):
        made.train()


def test_no_clock() -> None:
    with pytest.raises(TypeError, match="clock must be a Clock, not Run"):
        ClockCallback(Run("2Ktok"))  # type: ignore[arg-type]


def test_two_processes(tmp_path: Path) -> None:
    """Half the batches for each, and twice the tokens in a step."""
    steps = EPOCHS * BATCHES // 2
    for told in results("transformers_ddp", tmp_path):
        schedule = page.run(page.FIRST)["schedule"]
        assert told["messages"] == []
        assert told["trainer"] == rates(schedule, f"{steps}ba", LR, steps)
        run = Run("2Ktok", tokens_per_batch=2 * TOKENS)
        assert told["token_trainer"] == rates(schedule, run, LR, steps)
        assert "totals=True" in told["refused"]
