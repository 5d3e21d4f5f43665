"""The notebook in examples, from its first cell to its last."""

import warnings
from typing import Any

import pytest
from pages import ROOT

pytest.importorskip("ipykernel", reason="ipykernel is not installed")
nbclient: Any = pytest.importorskip("nbclient", reason="nbclient is not installed")


@pytest.fixture(scope="module")
def outputs() -> dict[str, dict[str, str]]:
    """What each cell shows, by its id and then by the type of the output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own
        nbformat: Any = pytest.importorskip("nbformat")
        notebook = nbformat.read(ROOT / "examples" / "choose.ipynb", as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not stored"
        # What a cell shows may come late, and would be left out in silence.
        patience = {"timeout": 120, "iopub_timeout": 120, "raise_on_iopub_timeout": True}
        nbclient.NotebookClient(notebook, kernel_name="python3", **patience).execute()
    shown: dict[str, dict[str, str]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found = shown.setdefault(cell["id"], {})
            found.update(output.get("data", {"text/plain": output.get("text", "")}))
    return shown


def test_pictures(outputs: dict[str, dict[str, str]]) -> None:
    assert len(outputs["compare"]["image/png"]) > 10_000
    assert outputs["svg"]["image/svg+xml"].startswith("<svg ")


def test_words(outputs: dict[str, dict[str, str]]) -> None:
    assert outputs["describe"]["text/plain"].startswith("phase    ba ")
    assert len(outputs["numbers"]["text/plain"].splitlines()) == 5
    assert outputs["choice"]["text/plain"] == "'WSD'"
    assert outputs["against"]["text/plain"].startswith("the rate differs most at 240B tok: ")
    assert outputs["twice"]["text/plain"].startswith("the rate differs most at 300B tok: ")
    # Nothing is warned of.
    assert "lint" not in outputs
