"""What makes an interrupted training go on as if nothing had happened: things that are struck off
when they are done, steps of optimizers that are known to have been made, buffers that go back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from epochal._core import StateError

__all__ = ["Agenda", "Buffers", "OptimizerSteps"]

Task = Callable[[], object]


class Agenda:
    """Things to do, in their order. What raises is still to be done, and so is all after it."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, tasks: Iterable[Task]) -> None:
        self._tasks.extend(tasks)

    def work_off(self, before_each: Task = lambda: None) -> None:
        tasks = self._tasks
        while tasks:
            before_each()
            tasks[0]()
            tasks.popleft()


class OptimizerSteps:
    """The steps of some optimizers for one batch, each made once, whatever is raised around it.

    A step is made when the optimizer says so, not when the call returns: a hook of another, or
    a wrapper, may raise after it. What is raised within leaves parameters of which some may have
    been written and others not. That cannot be taken up.
    """

    def __init__(self, optimizers: Sequence[Optimizer]) -> None:
        self._optimizers = optimizers
        # How deep each optimizer is in its step: where a `step` calls that of its superclass, the
        # hooks of both are called.
        self._depth = [0] * len(optimizers)
        self._made = [False] * len(optimizers)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the hooks of the optimizers tell of their steps."""
        handles = []
        try:
            for number, optimizer in enumerate(self._optimizers):
                handles += [
                    # After the hooks of others, of which one may raise.
                    optimizer.register_step_pre_hook(partial(self._enter, number)),
                    optimizer.register_step_post_hook(partial(self._leave, number)),
                ]
                # And before the hooks of others.
                hooks: Any = optimizer._optimizer_step_post_hooks
                hooks.move_to_end(handles[-1].id, last=False)
            yield
        finally:
            for handle in handles:
                handle.remove()

    def clear(self) -> None:
        """For another batch."""
        self._depth = [0] * len(self._optimizers)
        self._made = [False] * len(self._optimizers)

    def make(self, number: int) -> None:
        """The step of one of the optimizers, unless it was made already."""
        if self._made[number]:
            return
        optimizer = self._optimizers[number]
        if self._depth[number]:
            raise StateError(
                f"the step of {type(optimizer).__name__} was interrupted: its parameters and state "
                "may have been written in part. Make the model and the Trainer anew, and resume "
                "from a checkpoint"
            )
        optimizer.step()

    def _enter(self, number: int, *args: Any) -> None:
        self._depth[number] += 1

    def _leave(self, number: int, *args: Any) -> None:
        self._depth[number] -= 1
        self._made[number] = not self._depth[number]


class Buffers:
    """The buffers of a model, such as the statistics of a BatchNorm, which a forward writes to."""

    def __init__(self, model: nn.Module) -> None:
        self._places = [(module, name) for module in model.modules() for name in module._buffers]

    @contextmanager
    def kept(self) -> Iterator[None]:
        """If anything is raised within, they are as before."""
        before = [
            (module, name, buffer, buffer.detach().clone())
            for module, name in self._places
            # Those of lazy modules have no values before the first forward.
            if isinstance(buffer := module._buffers.get(name), Tensor) and not is_lazy(buffer)
        ]
        try:
            yield
        except BaseException:
            with torch.no_grad():
                for module, name, buffer, values in before:
                    module._buffers[name] = buffer.copy_(values)
            raise
