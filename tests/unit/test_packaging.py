"""What is shipped is what lies here: four packages under their own names, with their data."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

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
        for pattern in ("*.py", "*.json")
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
