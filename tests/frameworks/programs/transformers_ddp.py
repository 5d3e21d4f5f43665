"""Transformers' Trainer, and what its callback refuses in several processes."""

from pathlib import Path
from typing import Any

import transformers
from epochal import Clock, EpochalError, Run
from epochal.torch.transformers import ClockCallback
from frameworks.launch import tell
from frameworks.steps import watched
from frameworks.test_transformers import Model, arguments, dataset, token_trainer, train, trainer


def main(folder: Path) -> dict[str, Any]:
    with watched() as messages:
        told: dict[str, Any] = {
            make.__name__: train(make(folder)[1]) for make in (trainer, token_trainer)
        }
    twice = transformers.Trainer(
        Model(),
        transformers.TrainingArguments(**arguments(folder, include_num_input_tokens_seen="all")),
        train_dataset=dataset(),
        callbacks=[ClockCallback(Clock(Run("2Ktok")))],
    )
    try:
        twice.train()
    except EpochalError as error:
        told["refused"] = str(error)
    return told | {"messages": messages}


if __name__ == "__main__":
    tell(main)
