"""Writes the addresses of the project into what wheels, source archive and crate are made of.

    python release/urls.py ADDRESS [FOLDER]

A checkout does not know where it is kept. The release workflow does, and runs this before it
builds, so that a release by a fork names the fork. ADDRESS is the repository's, without a slash at
its end.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What a registry shows as links, by the labels that it knows.
PAGES = {
    "Source": "",
    "Documentation": "/tree/main/docs",
    "Changelog": "/blob/main/CHANGELOG.md",
    "Issues": "/issues",
}


def write(address: str, root: Path = ROOT) -> None:
    metadata = root / "pyproject.toml"
    urls = "".join(f'{label} = "{address}{page}"\n' for label, page in PAGES.items())
    metadata.write_text(f"{metadata.read_text()}\n[project.urls]\n{urls}")

    crate = root / "rust" / "epochal-core" / "Cargo.toml"
    before, readme, after = crate.read_text().partition('readme = "README.md"\n')
    crate.write_text(f'{before}{readme}repository = "{address}"\n{after}')


if __name__ == "__main__":
    write(sys.argv[1], *map(Path, sys.argv[2:]))
