"""DeepSpeed on the CPU: its engine steps the scheduler after each step of the optimizer."""

from pathlib import Path

import pytest
from epochal import Run
from frameworks import page
from frameworks.launch import results
from frameworks.programs.deepspeed_stages import LR, STAGES, TOKENS, WITH_CLOCK, WITH_RUN
from frameworks.steps import rates


@pytest.mark.parametrize("processes", [1, 2])
def test_stages(processes: int, tmp_path: Path) -> None:
    schedule = page.run(page.FIRST)["schedule"]
    expected = {}
    for way in (WITH_RUN, WITH_CLOCK):
        for stage in STAGES:
            for accumulated in (1, 3):
                steps = 12 // processes // accumulated
                run = Run(f"{TOKENS}tok", tokens_per_batch=TOKENS // steps)
                if way == WITH_RUN:
                    run = Run(f"{steps}ba")
                parts = 1 if stage == 0 else 2
                each = rates(schedule, run, LR, steps)
                expected[f"{way}, {stage}, {accumulated}"] = [r for r in each for _ in range(parts)]
    for told in results("deepspeed_stages", tmp_path, processes):
        assert told == {"rates": expected, "messages": [], "processes": processes}
