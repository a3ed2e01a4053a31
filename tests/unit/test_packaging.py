"""What is shipped is what lies here, four packages under their own names with data; and what is installed with it."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hybrid.encoders import PRESETS

ROOT = Path(__file__).parents[2]
PACKAGES = ("hybrid", "ingest", "mappings", "workers")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build from a copy: the build writes beside the sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    (source / "stray").mkdir()
    (source / "stray" / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", target, source], check=True, capture_output=True)
    (built,) = target.iterdir()
    return zipfile.ZipFile(built)


def test_packages_listed_are_those_on_disk() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    on_disk = sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders)
    assert sorted(project()["tool"]["setuptools"]["packages"]) == on_disk


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_top_level_of_the_wheel_is_the_four_packages(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert len(top) == len(PACKAGES) + 1


def test_wheel_holds_every_module_and_all_data(wheel: zipfile.ZipFile) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for pattern in ("*.py", "*.json", "*.jsonl", "*.css", "*.html", "*.js", "*.svg")
        for path in (ROOT / package).rglob(pattern)
    }
    assert {"mappings/passages.json", "mappings/jobs.json"} <= wanted <= set(wheel.namelist())


def test_wheel_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert "hybrid/py.typed" in wheel.namelist()


def test_command_points_at_a_function_that_is_there() -> None:
    module, _, name = project()["project"]["scripts"]["hybrid"].partition(":")
    path = ROOT / Path(*module.split(".")).with_suffix(".py")
    assert path.exists(), f"{module} is not there"
    assert f"def {name}" in path.read_text("utf-8")


LOCKS = sorted((ROOT / "requirements").glob("*.txt"), key=lambda path: path.name)
LOCKED = re.compile(r"([a-z0-9-]+)(\[[a-z0-9,-]+\])?==[^ ]+( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
#: What brings gigabytes, or takes seconds to import.
TORCH = {"torch", "transformers", "sentence-transformers", "triton", "scikit-learn", "scipy"}


def locked(name: str) -> set[str]:
    """Give the distributions that a lock file installs."""
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    return {found[1] for found in map(LOCKED.fullmatch, lines) if found}


def asked(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-z0-9.-]", requirement)[0].replace(".", "-") for requirement in requirements}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_lock_holds_versions_and_hashes_and_nothing_else(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines
    assert [line for line in lines if not LOCKED.fullmatch(line) and not HASH.fullmatch(line)] == []


def test_whoever_only_asks_installs_no_torch() -> None:
    names = locked("base.txt")
    assert asked(project()["project"]["dependencies"]) <= names
    assert not TORCH & names
    assert [name for name in names if name.startswith("nvidia")] == []


def test_every_extra_is_locked() -> None:
    extras = project()["project"]["optional-dependencies"]
    bulk = ("workers", "models", "eval", "html", "pdf", "wiki", "zstd")
    assert asked([one for name in bulk for one in extras[name]]) <= locked("workers.txt")
    assert asked(extras["gateway"]) <= locked("gateway.txt")
    wanted = {one for name, requirements in extras.items() if name != "dev" for one in asked(requirements)}
    assert wanted | asked(extras["dev"][1:]) <= locked("all.txt")


def test_package_of_weights_is_the_same_everywhere() -> None:
    """The extra takes it with what it asks for, a light installation without, and so does the advice of an error."""
    package = PRESETS["minilm"].package
    assert package is not None
    assert package.requirement in project()["project"]["optional-dependencies"]["models"]
    lines = (ROOT / "requirements" / "weights.txt").read_text("utf-8").splitlines()
    assert [line.removesuffix(" \\") for line in lines if LOCKED.fullmatch(line)] == [package.requirement]
    assert package.requirement.partition("==")[0].replace("-", "_") == package.module
    for name in ("Makefile", "Dockerfile"):
        installs = [
            line for line in (ROOT / name).read_text("utf-8").splitlines() if "-r requirements/weights.txt" in line
        ]
        assert installs, name
        assert all("--require-hashes --no-deps" in line for line in installs), name
