"""Writes THIRD-PARTY-NOTICES.md, which the wheels hold beside LICENSE: `make notices`.

A wheel is one library into which crates and Rust's standard library are linked, and their licences
ask that their notices go with it. A test sees to it that the file names each of these crates.
"""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTICES = ROOT / "THIRD-PARTY-NOTICES.md"

HEAD = """\
# Notices of third parties

The native library of epochal's wheels, `epochal._core`, contains the crates below and parts of
Rust's standard library. Each crate stands here with its version, its licence, and the notices that
it comes with. Where the Apache License 2.0 may be chosen, its text is that of the file LICENSE and
is not repeated. `make notices` writes this file.
"""

STANDARD_LIBRARY = """
## Rust's standard library

Licence: Apache-2.0 OR MIT. Copyright The Rust Project Developers. Its tables of characters are
those of Unicode, under Unicode-3.0:
"""


def output_of(command: str) -> str:
    words = command.split()
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked() -> list[tuple[str, str]]:
    """Name and version of each crate that is linked on any platform, but for those of epochal."""
    tree = output_of(
        "cargo tree --locked --package epochal-py --target all --edges normal,no-proc-macro "
        "--prefix none --no-dedupe --format {p}"
    )
    lines = {line for line in tree.splitlines() if not line.startswith("epochal-")}
    crates = (line.split()[:2] for line in sorted(lines))
    return [(name, version.removeprefix("v")) for name, version in crates]


def title(name: str, version: str) -> str:
    return f"## {name} {version}\n"


def texts(folder: Path) -> list[str]:
    """What a crate says of its licence and copyright, in addition to the Apache License."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    names = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE")
    return [
        path.read_text(encoding="utf-8").strip("\n")
        for path in files
        if path.name.upper().startswith(names) and "APACHE" not in path.name.upper()
    ]


def quoted(text: str) -> str:
    return f"\n```text\n{text}\n```\n"


def notices() -> str:
    metadata = json.loads(output_of("cargo metadata --locked --format-version 1"))
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    parts = [HEAD]
    for crate in linked():
        package = packages[crate]
        found = texts(Path(package["manifest_path"]).parent)
        if not found:
            raise SystemExit(f"{crate} comes without a notice: look at it by hand")
        parts += ["\n", title(*crate), f"\nLicence: {package['license']}\n", *map(quoted, found)]
    sysroot = Path(output_of("rustc --print sysroot").strip())
    unicode = sysroot / "share" / "doc" / "rust" / "licenses" / "Unicode-3.0.txt"
    parts += [STANDARD_LIBRARY, quoted(unicode.read_text(encoding="utf-8").strip("\n"))]
    return "".join(parts)


if __name__ == "__main__":
    NOTICES.write_text(notices(), encoding="utf-8")
