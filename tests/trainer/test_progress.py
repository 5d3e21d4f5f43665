"""The progress bar: what it counts and tells."""

import re
import sys
from time import sleep
from typing import Any

import pytest
import torch
from epochal import LinearScheduler
from training import (
    BATCHES,
    History,
    make_trainer,
    model,
    stream,
)


def bar(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    """The bar as it was drawn, from first to last."""
    make_trainer(progress_bar=True, **changes).fit()
    captured = capsys.readouterr()
    assert captured.out == ""
    return re.split(r"[\r\n]+", captured.err.strip("\r\n"))


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({"max_duration": "2ep"}, "6/6"),
        ({"max_duration": "5ba"}, "5/5"),
        ({"max_duration": "4ep", "scale_schedule_ratio": 0.5}, "6/6"),
        ({"max_duration": "3ep", "scale_schedule_ratio": 0.5}, "4/4"),
        ({"max_duration": "40sp"}, "40.0/40.0"),
        ({"max_duration": "2ep", "train_dataloader": stream()}, "2/2"),
    ],
)
def test_the_bar(capsys: pytest.CaptureFixture[str], changes: dict[str, Any], total: str) -> None:
    history = History()
    first, *_, last = bar(
        capsys, schedulers=LinearScheduler(t_max="9ba"), callbacks=history, **changes
    )
    assert first.startswith("  0%")
    assert "100%" in last
    assert f" {total} " in last
    batch, loss, (lr,) = history.rows[-1]
    epochs = (batch + 1) // BATCHES
    assert f"loss {loss:.4g}, lr {lr:.3g}, {epochs}ep, {batch + 1}ba" in last


def test_the_bar_tells_all_rates(capsys: pytest.CaptureFixture[str]) -> None:
    module = model()
    rates = (0.5, 0.25, 0.5, 0.125)
    groups = [{"params": [p], "lr": r} for p, r in zip(module.parameters(), rates, strict=True)]
    *_, last = bar(capsys, model=module, optimizers=torch.optim.SGD(groups))
    assert "lr 0.5, 0.25, 0.125, 3ep" in last


def test_the_bar_of_a_second_fit_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = make_trainer(progress_bar=True, max_duration="2ba")
    trainer.fit()
    capsys.readouterr()
    trainer.fit("8ba")
    first, *_, last = re.split(r"[\r\n]+", capsys.readouterr().err.strip("\r\n"))
    assert " 2/8 " in first
    assert " 8/8 " in last


def test_the_text_is_that_of_the_moment(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar that is drawn after each batch tells that batch's loss, not the one before."""
    history = History()
    lines = bar(capsys, callbacks=[history, lambda trainer: sleep(0.12)], max_duration="3ba")
    for batch, loss, _ in history.rows:
        text = f"{batch + 1}/3 .*loss {re.escape(f'{loss:.4g}')}"
        assert any(re.search(text, line) for line in lines), (text, lines)


def test_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    make_trainer(progress_bar=False).fit()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    trainer = make_trainer(progress_bar=True)
    with pytest.raises(ImportError, match="tqdm.*progress_bar=False"):
        trainer.fit()
    assert trainer.clock.timestamp.batch == 0
    make_trainer(progress_bar=False).fit()
