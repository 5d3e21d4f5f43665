"""DeepSpeed with each stage of ZeRO."""

from pathlib import Path
from typing import Any

import deepspeed
from epochal import Run
from frameworks import page, toys
from frameworks.launch import tell
from frameworks.steps import Steps, watched
from torch import distributed
from torch.optim import AdamW

LR = 0.1
WITH_RUN, WITH_CLOCK = "DeepSpeed, with a run", "DeepSpeed, with a clock"
STAGES = (0, 1, 2, 3)
TOKENS = 4 * toys.SAMPLES
# Compiled when it is first used, which takes a minute; it has no part in schedules.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def train(way: str, stage: int, accumulated: int) -> list[float]:
    """The rates at each step of a group: from stage 1 on, ZeRO steps one after the other."""
    model = toys.model()
    groups: list[dict[str, Any]] = [
        {"params": [model.weight]},
        {"params": [model.bias], "weight_decay": 0.0},
    ]
    optimizer = AdamW(groups, lr=LR)
    seen = Steps(optimizer)
    steps = toys.SAMPLES // 4 // distributed.get_world_size() // accumulated
    page.run(
        way,
        model=model,
        optimizer=optimizer,
        dataset=toys.dataset(),
        loss=toys.loss,
        run=Run(f"{TOKENS}tok") if way == WITH_CLOCK else Run(f"{steps}ba"),
        config={
            "train_micro_batch_size_per_gpu": 4,
            "gradient_accumulation_steps": accumulated,
            "zero_optimization": {"stage": stage},
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,
        },
    )
    return seen.first


def main(folder: Path) -> dict[str, Any]:
    deepspeed.init_distributed("gloo", verbose=False)
    with watched() as messages:
        told = {
            f"{way}, {stage}, {accumulated}": train(way, stage, accumulated)
            for way in (WITH_RUN, WITH_CLOCK)
            for stage in STAGES
            for accumulated in (1, 3)
        }
    return {"rates": told, "messages": messages, "processes": distributed.get_world_size()}


if __name__ == "__main__":
    tell(main)
