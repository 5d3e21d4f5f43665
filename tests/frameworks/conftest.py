"""Right use is silent: a warning of epochal or of torch's schedulers fails the test."""

from collections.abc import Iterator

import pytest
from frameworks.steps import watched


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with watched() as messages:
        yield
    assert messages == []
