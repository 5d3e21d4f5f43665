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
STAGES = (0, 1, 2, 3)
TOKENS = 4 * toys.SAMPLES
# Compiled when it is first used, which takes a minute; it has no part in schedules.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def train(stage: int, accumulated: int) -> list[float]:
    model = toys.model()
    optimizer = AdamW(model.parameters(), lr=LR)
    steps = Steps(optimizer)
    page.run(
        "DeepSpeed, the engine",
        model=model,
        optimizer=optimizer,
        dataset=toys.dataset(),
        loss=toys.loss,
        run=Run(f"{TOKENS}tok"),
        config={
            "train_micro_batch_size_per_gpu": 4,
            "gradient_accumulation_steps": accumulated,
            "zero_optimization": {"stage": stage},
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,
        },
    )
    return steps.first


def main(folder: Path) -> dict[str, Any]:
    with watched() as messages:
        told = {
            f"{stage}, {accumulated}": train(stage, accumulated)
            for stage in STAGES
            for accumulated in (1, 3)
        }
    return {"rates": told, "messages": messages, "processes": distributed.get_world_size()}


if __name__ == "__main__":
    tell(main)
