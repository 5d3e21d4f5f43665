"""Lightning's Trainer with its strategy ddp."""

from pathlib import Path
from typing import Any

from frameworks import page
from frameworks.launch import tell
from frameworks.steps import watched
from frameworks.test_lightning import Model, fit

STEP, TOKENS = "Lightning, every step", "Lightning, tokens"


def main(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with watched() as messages:
        for heading in (STEP, TOKENS):
            names = page.run(heading, Model=Model)
            model = names["Scheduled"]()
            callbacks = names.get("callbacks")
            told[heading] = fit(model, folder, strategy="ddp", devices=2, callbacks=callbacks)
    return told | {"messages": messages}


if __name__ == "__main__":
    tell(main)
