"""The steps that an optimizer really makes, told by its own hooks. Does not import torch."""

from __future__ import annotations

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["after_each_step", "unwrapped"]

# Wrappers within wrappers: no framework has more than three, and a mock has no end of them.
DEEPEST = 16


def after_each_step(
    optimizer: Any,
    call: Callable[[], None],
    *,
    in_parts: Callable[[], None],
    skipped_too: bool = False,
) -> Callable[[], None]:
    """Has `call` called after each step of an optimizer, and returns the function that ends this.

    The optimizer may be wrapped. Left out are steps that only look like one: those that a
    `GradScaler` has the optimizer itself skip, and the one by which
    `torch.distributed.checkpoint` makes a new optimizer set up its state.

    Args:
        in_parts: called in place of `call` when the optimizer is seen to step one part of the
            parameters after the other, as DeepSpeed's ZeRO has it do. Nobody can tell then which
            part is the last of a step.
        skipped_too: whether a step that the optimizer itself skips is one. To ask whether it does
            would wait for the device.
    """
    real = unwrapped(optimizer)
    inside = sets_up = False
    last: Any = None
    changes = 0

    def before(stepping: Any, args: Any, kwargs: Any) -> None:
        # Where a `step` calls that of its superclass, the hooks of both are called.
        nonlocal inside, sets_up, last, changes
        sets_up = (inside and sets_up) or _only_sets_up(stepping, kwargs)
        if not inside:
            first = _first_parameter(stepping)
            # A group that comes or goes changes it once; parts in turn change it each time.
            changes = 0 if last is None or first is last else changes + 1
            last = first
        inside = True

    def after(stepping: Any, args: Any, kwargs: Any) -> None:
        nonlocal inside
        ends, inside = inside, False
        if not ends or sets_up:
            return
        if changes > 1:
            in_parts()
        elif skipped_too or not _is_skipped(stepping):
            call()

    handles = [real.register_step_pre_hook(before), real.register_step_post_hook(after)]

    def end() -> None:
        for handle in handles:
            handle.remove()

    return end


def unwrapped(optimizer: Any) -> Any:
    """The innermost optimizer of a wrapper, such as Accelerate's, Lightning's or DeepSpeed's, which
    may have no hooks of its own."""
    real, inner = None, optimizer
    for _ in range(DEEPEST):
        if not isinstance(inner, type) and hasattr(inner, "register_step_post_hook"):
            real = inner
        inner = getattr(inner, "optimizer", None)
    if real is None:
        raise TypeError(f"optimizer must be a torch.optim.Optimizer, not {optimizer!r}")
    return real


def _first_parameter(optimizer: Any) -> Any:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            return parameter
    return None


def _only_sets_up(optimizer: Any, kwargs: dict[str, Any]) -> bool:
    """Whether a step is that of `torch.distributed.checkpoint`, `step(closure=None)` at rates of 0.

    So that all ranks find the same, gradients are not looked at: a rank may have none of those that
    others have, and a step with a closure has none yet. A first step at a rate of 0, as a warmup
    makes it, is called otherwise.
    """
    return (
        kwargs.get("closure", ...) is None
        and not optimizer.state
        and all(float(group["lr"]) == 0 for group in optimizer.param_groups)
    )


def _is_skipped(optimizer: Any) -> bool:
    # A fused optimizer is stepped in any case, and told this for the time of the step.
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)
