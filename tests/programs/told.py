"""Prints what a rank is told by whoever starts it. A port is another one each time."""

import os

NAMES = ["RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "TORCHELASTIC_USE_AGENT_STORE"]

if __name__ == "__main__":
    assert int(os.environ["MASTER_PORT"]) > 0
    assert os.environ["TORCHELASTIC_RUN_ID"]
    print(*(f"{name}={os.environ[name]}" for name in NAMES), flush=True)
