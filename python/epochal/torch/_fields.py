"""What a scheduler writes: the learning rate and other fields of an optimizer's groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from sys import float_info, intern
from typing import Any, NamedTuple

import torch
from torch import Tensor

from epochal._core import ScheduleError, Writer
from epochal._numbers import real
from epochal._shown import shown
from epochal.torch._groups import ByGroup, Group, labels, whole_or_not
from epochal.torch._guards import WriteGuard

__all__ = ["Field", "Fields", "number"]

# How a number is written: as a new float; in a tensor, alone or together with others; not at all,
# since the tensor is that of another group too.
FLOAT, ALONE, TOGETHER, DONE = range(4)
# As many tensors are filled faster by one operation for all than by one for each.
MANY = 3


class Entry(NamedTuple):
    """A number to be written, as `Writer` takes it."""

    group: int
    key: str
    element: int | None
    base_key: str
    base: float
    curve: int
    is_rate: bool
    fill: int
    largest: float


class Field:
    """A number in groups, such as "lr" or "betas[0]", that follows curves: base × α.

    The base stays in the group, as "initial_lr" or "initial_betas[0]".

    Args:
        name: as written; "betas[0]" is an element of a tuple.
        curves: for each group the number of its curve.
        bases: for each group the base with which it begins, if that is not its own.
        made: the base of the field in a group that does not have it, where it is made then.
    """

    def __init__(
        self,
        name: str,
        curves: ByGroup[int],
        bases: Sequence[float] | None = None,
        made: float | None = None,
    ) -> None:
        match = re.fullmatch(r"([^\[\]]+)(?:\[(\d+)\])?", name)
        if match is None:
            raise ScheduleError(
                f"fields must be named like 'weight_decay', or like 'betas[0]', not {shown(name)}"
            )
        self.name = name
        # Interned, as the keys of groups are, it is found without being compared.
        self.key = intern(match[1])
        self.element = None if match[2] is None else int(match[2])
        self.base_key = intern(f"initial_{name}")
        self.curves = curves
        self.bases = bases
        self.made = made

    def value(self, i: int, group: Group) -> Any:
        """The number or tensor in the i-th group; None if it is to be made."""
        value: Any = group.get(self.key)
        if self.element is None:
            return value
        if type(value) not in (tuple, list) or self.element >= len(value):
            raise ScheduleError(
                f"group {i} has no {self.name!r}: its {self.key!r} is {shown(value)}, not a tuple "
                "of numbers that is long enough"
            )
        return value[self.element]

    def look(self, i: int, groups: Sequence[Group]) -> Seen | None:
        """The i-th group, or None if it has no curve. Raises `ScheduleError` for what cannot be
        written."""
        group = groups[i]
        curve = self.curves.of(i, group)
        if curve is None and self.name == "lr":
            raise ScheduleError(
                f"group {i} has no schedule: name it by its index or its 'name', or give None for "
                "the rest"
            )
        if curve is None:
            return None
        value = self.value(i, group)
        if value is None and self.name == "lr":  # PyTorch's own schedulers need it too
            raise ScheduleError(f"group {i} has no 'lr'")
        fill, largest = FLOAT, float_info.max
        if isinstance(value, Tensor):
            _check_tensor(f"{self.name!r} of group {i}", value)
            fill = TOGETHER if _is_on_device(value) else ALONE
            largest = torch.finfo(value.dtype).max
        elif value is not None:
            number(f"{self.name!r} of group {i}", value)
        base = self.base(i, groups, value)
        if base is None:
            raise ScheduleError(
                f"group {i} has no {self.name!r}, but {', '.join(map(repr, group))}: to make it "
                f"one, for the program to read, give base={{{self.name!r}: ...}}"
            )
        initial = number(f"{self.base_key!r} of group {i}", base)
        changes = {} if value is not None else {self.key: initial}
        if not isinstance(base, Tensor):
            base = initial
        elif base is value:
            # What is filled cannot be its own base, as `SequentialLR` of PyTorch 2.6 makes it.
            base = base.clone()
        if group.get(self.base_key) is not base:
            changes[self.base_key] = base
        is_rate = self.name == "lr"
        entry = Entry(
            i, self.key, self.element, self.base_key, initial, curve, is_rate, fill, largest
        )
        return Seen(self, entry, value, changes)

    def base(self, i: int, groups: Sequence[Group], value: Any) -> Any:
        """The base of the i-th group, or what will be: a number, a tensor, or None."""
        if self.bases is not None:
            return self.bases[i]
        if self.base_key in groups[i]:
            return groups[i][self.base_key]
        if not isinstance(value, Tensor):
            return self.made if value is None else value
        # A new group gets the optimizer's default, which may be a tensor that others have had from
        # the beginning, and that has been written to since.
        for other in groups:
            if other.get(self.key) is value and self.base_key in other:
                value = other[self.base_key]
        return value.clone() if isinstance(value, Tensor) else value


class Seen(NamedTuple):
    """A field in a group: what is to be written, what is there, and what is to be set before."""

    field: Field
    entry: Entry
    now: Any
    changes: Group


class Look(list[Seen]):
    """All that is to be written into groups as they are."""

    def products(self, alphas: Sequence[float], factor: float) -> list[float]:
        """What `Writer` would write."""
        return [
            entry.base * (alphas[entry.curve] * factor if entry.is_rate else alphas[entry.curve])
            for _, entry, _, _ in self
        ]

    def by_field(self, products: Iterable[float]) -> dict[str, list[float]]:
        """The numbers of each field as they are once they are written."""
        found: dict[str, list[float]] = {"lr": []}
        for seen, value in zip(self, products, strict=True):
            found.setdefault(seen.field.name, []).append(_held(seen.now, value))
        return found

    def lrs(self, products: Iterable[float]) -> list[float | Tensor]:
        """The learning rates as floats, and where they are tensors, as others of their kind."""
        return [
            torch.full_like(seen.now, value) if isinstance(seen.now, Tensor) else value
            for seen, value in zip(self, products, strict=True)
            if seen.entry.is_rate
        ]


class Fields:
    """The fields that a scheduler writes, the learning rate first.

    Attributes:
        writer: writes to the groups that were looked at, as long as they are as they were then.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self._guard = WriteGuard()
        self.writer: Writer | None = None
        self._groups: list[Group] = []
        self._look = Look()
        self._last: list[float] = []

    def __getstate__(self) -> dict[str, Any]:
        # A copy looks at its groups anew, before it writes.
        return {**vars(self), "writer": None, "_last": self._values()}

    def look(self, groups: Any) -> Look:
        """Looks at the groups, and changes nothing. Raises `ScheduleError` for what cannot be."""
        if not (isinstance(groups, list) and all(isinstance(group, dict) for group in groups)):
            raise ScheduleError(f"param_groups must be a list of dicts, not {shown(groups)}")
        look = Look()
        filled: dict[int, Entry] = {}
        for field in self.fields:
            for i in range(len(groups)):
                seen = field.look(i, groups)
                if seen is None:
                    continue
                entry, tensor = seen.entry, id(seen.now)
                if entry.fill != FLOAT and filled.setdefault(tensor, entry) is not entry:
                    other = filled[tensor]
                    if (entry.base, entry.curve) != (other.base, other.curve):
                        raise ScheduleError(
                            f"groups {other.group} and {i} share one tensor as {field.name!r}, but "
                            "are to have different values: give each a tensor of its own"
                        )
                    seen = seen._replace(entry=entry._replace(fill=DONE))
                look.append(seen)
        together = [i for i, seen in enumerate(look) if seen.entry.fill == TOGETHER]
        if len(together) < MANY:
            for i in together:
                look[i] = look[i]._replace(entry=look[i].entry._replace(fill=ALONE))
        return look

    def put(
        self,
        groups: list[Group],
        look: Look,
        readers: Sequence[Callable[[Any], float]],
        alphas: Sequence[float],
        factor: float,
    ) -> None:
        """Writes for these α of the curves, after a look at the groups; or raises and writes
        nothing."""
        fill = Together([seen.now for seen in look if seen.entry.fill == TOGETHER])
        with whole_or_not(groups):
            for seen in look:
                groups[seen.entry.group].update(seen.changes)
            writer = Writer(groups, [seen.entry for seen in look], readers, fill)
            writer.put(alphas, factor)
        for seen in look:
            seen.changes.clear()
        for field in self.fields:
            field.bases = None
        self.writer, self._groups, self._look = writer, list(groups), look

    def _values(self) -> list[float]:
        return self._last if self.writer is None else self.writer.values()

    def last(self) -> dict[str, list[float]]:
        """What was written last, for each field."""
        return self._look.by_field(self._values())

    def named(self) -> dict[str, float]:
        """What was written last, as "lr/head" and "weight_decay/0"."""
        names = labels(self._groups)
        return {
            f"{field.name}/{names[entry.group]}": _held(now, value)
            for (field, entry, now, _), value in zip(self._look, self._values(), strict=True)
        }

    def last_lrs(self) -> list[float | Tensor]:
        return self._look.lrs(self._values())

    def changed_bases(self, groups: Sequence[Group], look: Look) -> list[str]:
        """Bases that the optimizer has loaded in place of those that were used last, in words."""
        used = {(field.name, entry.group): entry.base for field, entry, _, _ in self._look}
        changes = []
        for field, entry, _, _ in look:
            was = used.get((field.name, entry.group), entry.base)
            # A load puts other dicts in the place of groups; in the same one a program has set it.
            if was != entry.base and self._groups[entry.group] is not groups[entry.group]:
                changes.append(
                    f"{field.base_key} of group {entry.group} was {was}, but the optimizer has "
                    f"loaded {entry.base} (to go on with another, set it after the loads)"
                )
        return changes

    def check_untouched(self, groups: Sequence[Group]) -> None:
        """Warns if a group that is still there does not have what was written last."""
        for change in self._changes(groups):
            self._guard.rewritten(*change)

    def are_untouched(self) -> bool:
        """Whether the groups that were written to last, still there or not, have that."""
        return next(self._changes(self._groups), None) is None

    def _changes(self, groups: Sequence[Group]) -> Iterator[tuple[str, int, float, float]]:
        """What somebody else has written: the field, the group, what was there and what is."""
        here = {id(group) for group in groups}
        for (field, entry, _, _), value in zip(self._look, self._values(), strict=True):
            group = self._groups[entry.group]
            if id(group) in here:
                held = field.value(entry.group, group)
                was, now = _held(held, value), _number_in(held)
                if now != was:
                    yield field.name, entry.group, was, now

    def lrs_by_hand(self, groups: Sequence[Group]) -> dict[int, float]:
        """The learning rates that somebody else has written, by the number of their group."""
        return {group: now for name, group, _, now in self._changes(groups) if name == "lr"}

    def check_bases(self, look: Look, by_hand: Mapping[int, float]) -> None:
        """Warns if the base of a new scheduler is not the rate that was set for it by hand."""
        if self.fields[0].bases is None:
            for _, entry, _, _ in look:
                if entry.is_rate and by_hand.get(entry.group, entry.base) != entry.base:
                    self._guard.not_the_base(entry.group, by_hand[entry.group], entry.base)

    def lrs_in(self, groups: Sequence[Group]) -> list[float]:
        """The learning rates that groups have, whoever wrote them."""
        lr = self.fields[0]
        return [_number_in(lr.value(i, group)) for i, group in enumerate(groups)]


def _number_in(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def _held(now: Any, value: float) -> float:
    """A value as it is held by what is there: a tensor rounds it."""
    return torch.tensor(value, dtype=now.dtype).item() if isinstance(now, Tensor) else value


def number(what: str, value: Any, least: float = float("-inf")) -> float:
    """A finite number out of the hands of others; of a tensor, its only element."""
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_meta:
        value = value.item()
    if isinstance(value, Real) and not isinstance(value, bool):
        result = real(what, value)
        if abs(result) < float("inf") and result >= least:
            return result
    kind = "a finite number" if least < 0 else f"a finite number, {least:g} or above"
    raise ScheduleError(f"{what} must be {kind}, not {shown(value)}")


def _check_tensor(what: str, tensor: Tensor) -> None:
    """Raises `ScheduleError` for a tensor that could not be filled with a number."""
    if not tensor.is_floating_point() or tensor.numel() != 1:
        raise ScheduleError(f"{what}, a tensor, must hold one float, not {shown(tensor)}")
    if tensor.requires_grad or (tensor.is_inference() and not torch.is_inference_mode_enabled()):
        raise ScheduleError(
            f"{what}, a tensor, must be filled in place, which {shown(tensor)} does not allow: "
            "pass lr.detach().clone()"
        )


def _is_on_device(tensor: Tensor) -> bool:
    return tensor.device.type != "cpu"


class Together:
    """Fills tensors on a device, and does not wait for it.

    However many they are, there is one copy of all numbers to the device, and one operation.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        self._tensors = tensors
        if tensors:
            dtypes = {tensor.dtype for tensor in tensors}
            dtype = dtypes.pop() if len(dtypes) == 1 else torch.float64
            self._numbers = torch.empty(len(tensors), dtype=dtype, device=tensors[0].device)
            each = zip(self._numbers.unbind(), tensors, strict=True)
            self._views = [number.view(tensor.shape) for number, tensor in each]

    def __call__(self, doubles: bytearray) -> None:
        numbers = torch.frombuffer(doubles, dtype=torch.float64)
        self._numbers.copy_(numbers.to(self._numbers.dtype), non_blocking=True)
        torch._foreach_copy_(self._tensors, self._views)
