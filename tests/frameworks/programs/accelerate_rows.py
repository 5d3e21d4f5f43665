"""Trains with each setting of Accelerate, in as many processes as there are."""

import itertools
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DataLoaderConfiguration
from epochal import Run
from epochal.torch import bind
from frameworks import page, toys
from frameworks.launch import tell
from frameworks.steps import Steps, rates, watched

LR = 0.1
TOKENS = 4 * toys.SAMPLES  # a sample has 4 numbers
WITH_CLOCK, WITHOUT = "Accelerate, with a clock", "Accelerate, without a clock"
# The lines for a clock, but with a run in its place: Accelerate decides how often it steps.
PREPARED = "prepared without a clock"
WAYS = (WITH_CLOCK, WITHOUT, PREPARED)


def train(way: str, accumulated: int, split: bool, with_optimizer: bool) -> dict[str, Any]:
    accelerator = Accelerator(
        cpu=True,
        gradient_accumulation_steps=accumulated,
        step_scheduler_with_optimizer=with_optimizer,
        dataloader_config=DataLoaderConfiguration(split_batches=split),
    )
    model = toys.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    seen = Steps(optimizer)
    loader = toys.loader(batch_size=2)
    processes = 1 if split else accelerator.num_processes
    steps = len(loader) // processes // accumulated
    names: dict[str, Any] = {
        "accelerator": accelerator,
        "model": model,
        "optimizer": optimizer,
        "loader": loader,
        "loss": toys.loss,
        "run": Run(f"{TOKENS}tok" if way == WITH_CLOCK else f"{steps}ba"),
    }
    if way == PREPARED:
        names["bind"] = lambda schedule, optimizer, clock: bind(schedule, optimizer, clock.run)
    with watched() as messages:
        names = page.run(WITH_CLOCK if way == PREPARED else way, **names)
    AcceleratorState._reset_state()
    GradientState._reset_state()
    run = Run(f"{TOKENS}tok", tokens_per_batch=TOKENS // steps)
    if way != WITH_CLOCK:
        run = names["run"]
    return {
        "setting": [way, accumulated, split, with_optimizer],
        "steps": [len(seen.first), steps],
        "right": seen.first == rates(names["schedule"], run, LR, steps),
        "messages": messages,
    }


def main(folder: Path) -> list[dict[str, Any]]:
    settings = itertools.product(WAYS, (1, 2), (False, True), (True, False))
    return [train(*setting) for setting in settings]


if __name__ == "__main__":
    tell(main)
