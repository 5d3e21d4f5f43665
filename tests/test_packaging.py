"""What is installed: the wheel and its metadata."""

import tomllib
from importlib import metadata
from pathlib import Path

import epochal
from epochal import _core

ROOT = Path(__file__).parents[1]
PACKAGE = Path(epochal.__file__).parent
INSTALLED = metadata.distribution("epochal")


def test_the_installed_package_is_tested() -> None:
    """Not the one of the checkout, which has no native module."""
    assert not PACKAGE.is_relative_to(ROOT / "python")
    assert Path(str(INSTALLED.locate_file("epochal"))).resolve() == PACKAGE.resolve()


def test_version() -> None:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version = manifest["workspace"]["package"]["version"]
    assert epochal.__version__ == _core.__version__ == INSTALLED.version == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_only_numpy_is_required() -> None:
    requires = INSTALLED.requires or []
    assert [r for r in requires if "extra ==" not in r] == ["numpy>=1.26"]
    assert set(INSTALLED.metadata.get_all("Provides-Extra", [])) == {"torch", "plot"}


def test_license() -> None:
    assert INSTALLED.metadata["License-Expression"] == "Apache-2.0"
    assert any(file.name == "LICENSE" for file in INSTALLED.files or [])


def test_types_are_shipped() -> None:
    files = {str(file) for file in INSTALLED.files or []}
    assert {"epochal/py.typed", "epochal/_core.pyi"} <= files


def test_one_wheel_for_all_pythons() -> None:
    wheel = (INSTALLED.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag: ") for line in wheel if line.startswith("Tag: ")]
    assert tags
    assert all(tag.startswith("cp311-abi3-") for tag in tags), tags
    assert "Root-Is-Purelib: false" in wheel


def test_release_build() -> None:
    assert _core.BUILD_PROFILE == "release"
