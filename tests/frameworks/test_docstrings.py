"""What belongs to a framework has docstrings, and their examples run."""

import doctest
import inspect
from types import ModuleType
from typing import Any

import epochal
import epochal.torch.lightning
import epochal.torch.transformers
import pytest

MODULES = [epochal.torch.lightning, epochal.torch.transformers]
NAMES = {name: getattr(epochal, name) for name in epochal.__all__}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    assert doctest.testmod(module, extraglobs=NAMES).failed == 0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_docstrings(module: Any) -> None:
    for name in module.__all__:
        assert inspect.cleandoc(getattr(module, name).__doc__ or ""), name


def test_examples_are_found() -> None:
    assert doctest.testmod(epochal.torch.lightning, extraglobs=NAMES).attempted > 0
