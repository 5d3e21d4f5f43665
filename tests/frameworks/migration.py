"""What the libraries of docs/migration.md compute: the left sides of its tables.

    python tests/frameworks/migration.py

writes tests/vectors/migration.json anew, of those libraries that can be imported.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch.optim import SGD, Optimizer

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from migration import RECORDED, STEPS, recorded, tables


def new_optimizer() -> Optimizer:
    return SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def transformers(left: str) -> list[float]:
    from transformers import get_scheduler

    optimizer = new_optimizer()
    scheduler = eval(left, {"get_scheduler": get_scheduler, "optimizer": optimizer})
    rates = []
    for _ in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def timm(left: str) -> list[float]:
    import timm.scheduler

    optimizer = new_optimizer()
    scheduler = eval(left, vars(timm.scheduler) | {"optimizer": optimizer})
    rates = []
    for step in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step_update(step + 1)
    return rates


def megatron(left: str) -> list[float]:
    """Its training program makes this object of the options; one of its steps is a sample here."""
    from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler

    parser = argparse.ArgumentParser()
    parser.add_argument("--lr-decay-style", required=True)
    parser.add_argument("--lr-warmup-iters", type=int, default=0)
    parser.add_argument("--lr-warmup-init", type=float, default=0.0)
    parser.add_argument("--lr-decay-iters", type=int, default=STEPS)
    parser.add_argument("--min-lr", type=float, default=0.0)
    parser.add_argument("--lr-wsd-decay-iters", type=int)
    parser.add_argument("--lr-wsd-decay-style", default="exponential")
    options = parser.parse_args(left.split())
    optimizer = new_optimizer()
    scheduler: Any = OptimizerParamScheduler(
        optimizer,
        init_lr=options.lr_warmup_init,
        max_lr=1.0,
        min_lr=options.min_lr,
        lr_warmup_steps=options.lr_warmup_iters,
        lr_decay_steps=options.lr_decay_iters,
        lr_decay_style=options.lr_decay_style,
        start_wd=0.0,
        end_wd=0.0,
        wd_incr_steps=STEPS,
        wd_incr_style="constant",
        wsd_decay_steps=options.lr_wsd_decay_iters,
        lr_wsd_decay_style=options.lr_wsd_decay_style,
    )
    rates = []
    for _ in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step(increment=1)
    return rates


LIBRARIES = {"Transformers": transformers, "timm": timm, "Megatron": megatron}


def main() -> None:
    values = recorded() if RECORDED.exists() else {}
    kept = {}
    for name, library in LIBRARIES.items():
        for left, _ in tables()[name]:
            try:
                kept[left] = library(left)
            except ImportError as error:
                print(f"{name}: {error}; {left} stays as it was")
                kept[left] = values[left]
    lines = [
        f"{json.dumps(left)}: {json.dumps([rate.hex() for rate in rates])}"
        for left, rates in kept.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
