"""timm: its script tells schedulers the number of updates; its layer decay is an `lr_scale`."""

from typing import Any

import torch
from frameworks import page
from frameworks.steps import Steps, rates
from timm.models.vision_transformer import VisionTransformer
from timm.optim import create_optimizer_v2

LR, EPOCHS, UPDATES = 0.1, 2, 6
STEPS = EPOCHS * UPDATES


def decayed() -> tuple[Any, Steps]:
    """An optimizer with timm's layer decay, ready to step."""
    model = VisionTransformer(img_size=8, patch_size=4, embed_dim=8, depth=2, num_heads=1)
    optimizer = create_optimizer_v2(model, opt="sgd", lr=LR, layer_decay=0.5)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    return optimizer, Steps(optimizer)


def expected(schedule: Any, optimizer: Any) -> list[list[float]]:
    scales = [group["lr_scale"] for group in optimizer.param_groups]
    assert min(scales) < 0.5 < max(scales) == 1.0
    columns = [rates(schedule, f"{STEPS}ba", LR * scale, STEPS) for scale in scales]
    return [list(row) for row in zip(*columns, strict=True)]


def test_own_loop() -> None:
    optimizer, steps = decayed()
    names = page.run("timm, in your own loop", optimizer=optimizer, run=f"{STEPS}ba")
    for _ in range(STEPS):
        optimizer.step()
        names["scheduler"].step()
    assert steps.rates == expected(names["schedule"], optimizer)


def test_training_script() -> None:
    """Called as its script does: after each update, and after each epoch with a metric."""
    optimizer, steps = decayed()
    names = page.run("timm, in its training script")
    schedule = names["schedule"]
    scheduler = names["EpochalScheduler"](schedule, optimizer, f"{STEPS}ba")
    updates = 0
    for epoch in range(EPOCHS):
        for _ in range(UPDATES):
            optimizer.step()
            updates += 1
            scheduler.step_update(num_updates=updates, metric=0.5)
        scheduler.step(epoch + 1, 0.5)
    assert steps.rates == expected(schedule, optimizer)


def test_resume() -> None:
    names = page.run("timm, in its training script")
    optimizer, _ = decayed()
    scheduler = names["EpochalScheduler"](names["schedule"], optimizer, f"{STEPS}ba")
    scheduler.load_state_dict(scheduler.state_dict())
    scheduler.step_update(num_updates=UPDATES)
    (found,) = {group["lr"] / group["lr_scale"] for group in optimizer.param_groups}
    assert found == rates(names["schedule"], f"{STEPS}ba", LR, STEPS)[UPDATES]
