"""The inputs of the fuzz targets that are kept: one a line, in hexadecimal digits.

    python tests/trust/fuzz_inputs.py unpack TARGET FOLDER    a file for each of them, for libFuzzer
    python tests/trust/fuzz_inputs.py pack TARGET FOLDER      the files of a folder as the corpus

`rust/fuzz/corpus` has what reaches most of the code in few inputs, and is written by `make
fuzz-corpus`; `rust/fuzz/found` has inputs on which something was wrong once, with a word on it.
"""

import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "rust" / "fuzz"
TARGETS = ("parse", "arithmetic", "trees", "bulk")


def kept(target: str) -> list[bytes]:
    files = [FUZZ / folder / f"{target}.hex" for folder in ("corpus", "found")]
    lines = [line for file in files if file.exists() for line in file.read_text().splitlines()]
    return [bytes.fromhex(line.partition("#")[0]) for line in lines]


def unpack(target: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(kept(target)):
        (folder / f"kept-{number:03}").write_bytes(data)
    return folder


def pack(target: str, folder: Path) -> None:
    inputs = sorted({file.read_bytes() for file in folder.iterdir()}, key=lambda i: (len(i), i))
    lines = "".join(f"{data.hex()}\n" for data in inputs)
    (FUZZ / "corpus").mkdir(exist_ok=True)
    (FUZZ / "corpus" / f"{target}.hex").write_text(lines)


if __name__ == "__main__":
    command, target, folder = sys.argv[1:]
    {"unpack": unpack, "pack": pack}[command](target, Path(folder))
