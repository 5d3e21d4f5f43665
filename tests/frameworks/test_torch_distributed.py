"""PyTorch's own ways to train in several processes, and its checkpoints."""

from pathlib import Path

from epochal import Run
from frameworks import page
from frameworks.launch import results
from frameworks.programs.torch_distributed import LR, TOKENS
from frameworks.steps import rates

BATCHES = 12


def test_two_processes(tmp_path: Path) -> None:
    schedule = page.run(page.FIRST)["schedule"]
    run = Run(f"{TOKENS}tok", tokens_per_batch=TOKENS // BATCHES)
    expected = rates(schedule, run, LR, BATCHES)
    for told in results("torch_distributed", tmp_path):
        assert told["messages"] == []
        assert told["rates"] == dict.fromkeys(
            ["zero", "ddp", "ddp_without_state", "fsdp2"], expected
        )
