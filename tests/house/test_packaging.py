"""What is installed: the wheel and its metadata."""

import ast
import re
import shutil
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import epochal
import notices
import pytest
import urls
from epochal import _core

ROOT = Path(__file__).parents[2]
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
    assert f"## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall("^version: (.*)$", citation, re.MULTILINE) == [version]


def test_only_numpy_is_required() -> None:
    requires = INSTALLED.requires or []
    assert [r for r in requires if "extra ==" not in r] == ["numpy>=1.26"]
    assert set(INSTALLED.metadata.get_all("Provides-Extra", [])) == {"torch", "plot"}


def test_license() -> None:
    assert INSTALLED.metadata["License-Expression"] == "Apache-2.0"
    assert any(file.name == "LICENSE" for file in INSTALLED.files or [])


def installed_notices() -> str:
    (file,) = (file for file in INSTALLED.files or [] if file.name == notices.NOTICES.name)
    assert "licenses" in file.parts
    return Path(str(INSTALLED.locate_file(file))).read_text(encoding="utf-8")


def test_the_notices_are_shipped() -> None:
    assert installed_notices() == notices.NOTICES.read_text(encoding="utf-8")
    assert "Permission is hereby granted" in installed_notices()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo knows what is linked")
def test_the_notices_are_those_of_the_crates_that_are_linked() -> None:
    crates = [notices.title(name, version).strip() for name, version in notices.linked()]
    assert any(crate.startswith("## pyo3 ") for crate in crates)
    titles = [line for line in installed_notices().splitlines() if line.startswith("## ")]
    assert titles == [*crates, "## Rust's standard library"]


def test_what_the_registry_shows() -> None:
    shown = INSTALLED.metadata
    assert shown["Author"] == "The epochal developers"
    assert shown["Summary"] == "Learning-rate schedules in training time for PyTorch"
    assert shown["Description-Content-Type"].startswith("text/markdown")
    assert {"pytorch", "learning rate"} <= set(shown["Keywords"].split(","))
    classifiers = shown.get_all("Classifier", [])
    assert {"Typing :: Typed", "Programming Language :: Rust"} <= set(classifiers)
    minor = sys.version_info.minor
    if sys.version_info.releaselevel == "final":
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers


def test_a_release_names_where_it_was_made(tmp_path: Path) -> None:
    """As the release workflow has it, which alone knows the address."""
    files = [Path("pyproject.toml"), Path("rust", "epochal-core", "Cargo.toml")]
    for file in files:
        (tmp_path / file.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    urls.write("https://host/owner/epochal", tmp_path)
    wheel, crate = (tomllib.loads((tmp_path / file).read_text(encoding="utf-8")) for file in files)
    assert wheel["project"]["urls"]["Source"] == "https://host/owner/epochal"
    assert (
        wheel["project"]["urls"]["Changelog"] == "https://host/owner/epochal/blob/main/CHANGELOG.md"
    )
    for url in wheel["project"]["urls"].values():
        *_, page = url.partition("/main/")
        assert (ROOT / page).exists()
    assert crate["package"]["repository"] == "https://host/owner/epochal"


def test_types_are_shipped_with_docstrings() -> None:
    files = {str(file) for file in INSTALLED.files or []}
    assert {"epochal/py.typed", "epochal/_core.pyi"} <= files
    stub = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
    classes = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    assert {"Time", "Run", "Schedule", "Curve"} <= {node.name for node in classes}
    assert all(ast.get_docstring(node) for node in classes if node.name in epochal.__all__)


def test_the_package_alone_is_shipped() -> None:
    """One library, and nothing of the repository beside the package."""
    files = [file for file in INSTALLED.files or [] if ".." not in file.parts]  # not the command
    tops = {file.parts[0] for file in files}
    assert tops == {"epochal", f"epochal-{epochal.__version__}.dist-info"}
    text = (".py", ".pyi", ".typed")
    written = (path for path in (ROOT / "python").rglob("*") if path.suffix in text)
    shipped = {str(file) for file in files if file.suffix in text}
    assert shipped == {path.relative_to(ROOT / "python").as_posix() for path in written}
    libraries = [file.name for file in files if file.suffix in (".so", ".pyd", ".dylib")]
    assert len(libraries) == 1
    assert libraries[0].startswith("_core.")


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="without the global lock there is no stable ABI, and a wheel for each Python",
)
def test_one_wheel_for_all_pythons() -> None:
    wheel = (INSTALLED.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag: ") for line in wheel if line.startswith("Tag: ")]
    assert tags
    assert all(tag.startswith("cp311-abi3-") for tag in tags), tags
    assert "Root-Is-Purelib: false" in wheel


def test_release_build() -> None:
    assert _core.BUILD_PROFILE == "release"
