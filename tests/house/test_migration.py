"""Every row of docs/migration.md: both of its sides give the same rates."""

import pytest
import torch
from migration import STEPS, TOLERANCE, Row, ours, recorded, tables
from torch.optim import lr_scheduler

TABLES = tables()
COUNTS = {"PyTorch": 16, "Transformers": 11, "timm": 6, "Megatron": 9, "Composer": 17}
RECORDED = recorded()


def test_all_rows_are_found() -> None:
    assert {name: len(rows) for name, rows in TABLES.items()} == COUNTS


def check(rates: list[float], row: Row) -> None:
    assert len(rates) == STEPS
    assert ours(row[1]) == pytest.approx(rates, rel=0, abs=TOLERANCE)


# Its schedulers step themselves when they are made, before the optimizer has.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step()` before")
@pytest.mark.parametrize("row", TABLES["PyTorch"], ids=lambda row: row[0])
def test_pytorch(row: Row) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = eval(row[0], vars(lr_scheduler) | {"optimizer": optimizer})
    rates = []
    for _ in range(STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    check(rates, row)


@pytest.mark.parametrize(
    "row",
    [row for name in ("Transformers", "timm", "Megatron") for row in TABLES[name]],
    ids=lambda row: row[0],
)
def test_recorded(row: Row) -> None:
    check(RECORDED[row[0]], row)


def test_nothing_else_is_recorded() -> None:
    rows = [row for name in ("Transformers", "timm", "Megatron") for row in TABLES[name]]
    assert set(RECORDED) == {left for left, _ in rows}


@pytest.mark.parametrize("row", TABLES["Composer"], ids=lambda row: row[0])
def test_composers_names(row: Row) -> None:
    """The values of its thirteen classes are those of vectors/composer.jsonl."""
    before, after = (cell.rpartition("import ")[2] for cell in row)
    assert before == after
    if "import" in row[1]:
        exec(row[1], {})
    else:
        exec(f"from epochal import {row[1]}", {})
