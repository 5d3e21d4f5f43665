"""Lightning's Trainer with its strategy ddp."""

from functools import partial
from pathlib import Path
from typing import Any

from epochal import Clock
from frameworks import page
from frameworks.launch import tell
from frameworks.steps import watched
from frameworks.test_lightning import Model, fit
from lightning.pytorch.callbacks import ModelCheckpoint

STEP, TOKENS = "Lightning, every step", "Lightning, tokens"


def saved_between_sums(folder: Path) -> int:
    """The tokens at the end, where the clock sums up seldom and is saved often."""
    names = page.run(TOKENS, Model=Model, Clock=partial(Clock, every=4))
    saving = ModelCheckpoint(folder, every_n_train_steps=1)
    callbacks = [saving, *names["callbacks"]]
    fit(
        names["Scheduled"](),
        folder,
        strategy="ddp",
        devices=2,
        callbacks=callbacks,
        enable_checkpointing=True,
    )
    return int(names["clock"].timestamp.token)


def main(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with watched() as messages:
        for heading in (STEP, TOKENS):
            names = page.run(heading, Model=Model)
            model = names["Scheduled"]()
            callbacks = names.get("callbacks")
            told[heading] = fit(model, folder, strategy="ddp", devices=2, callbacks=callbacks)
    told["saved"] = saved_between_sums(folder)
    return told | {"messages": messages}


if __name__ == "__main__":
    tell(main)
