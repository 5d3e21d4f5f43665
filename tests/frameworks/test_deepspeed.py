"""DeepSpeed on the CPU: its engine steps the scheduler after each step of the optimizer."""

from pathlib import Path

import pytest
from epochal import Run
from frameworks import page
from frameworks.launch import results
from frameworks.programs.deepspeed_stages import LR, STAGES, TOKENS
from frameworks.steps import rates


@pytest.mark.parametrize("processes", [1, 2])
def test_stages(processes: int, tmp_path: Path) -> None:
    schedule = page.run(page.FIRST)["schedule"]
    expected = {}
    for stage in STAGES:
        for accumulated in (1, 3):
            steps = 12 // processes // accumulated
            run = Run(f"{TOKENS}tok", tokens_per_batch=TOKENS // steps)
            expected[f"{stage}, {accumulated}"] = rates(schedule, run, LR, steps)
    for told in results("deepspeed_stages", tmp_path, processes):
        assert told == {"rates": expected, "messages": [], "processes": processes}
