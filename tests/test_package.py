"""What holds for the package as a whole."""

import os
import re
import resource
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import penchant

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def quickest(command: list[str], runs: int = 3) -> float:
    """Processor seconds of the best of several runs: what a quiet machine takes, however busy this one is."""
    best = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


@pytest.mark.parametrize("command", [["-c", "import penchant"], ["-m", "penchant", "--help"]])
def test_import_and_help_are_instant(command):
    assert quickest([sys.executable, *command]) < 1.0


def test_help_takes_no_heavy_library():
    heavy = ["torch", "transformers", "duckdb", "fastapi", "scipy", "sklearn"]
    code = f"import sys, penchant.cli; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_whole_package_leaves_in_silence():
    """What outlives the interpreter, such as `typing.overload`'s registry, makes DuckDB report leaks on exit."""
    code = (
        "import duckdb, importlib, pkgutil, penchant\n"
        "for found in pkgutil.walk_packages(penchant.__path__, 'penchant.'):\n"
        "    found.name.endswith('__main__') or importlib.import_module(found.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_torch_is_the_cpu_build():
    import torch

    if os.environ.get("TORCH_CUDA") != "1":
        assert torch.version.cuda is None


def test_the_version_is_said_once():
    assert penchant.__version__ == version("penchant")


def test_public_names_are_importable():
    for name in penchant.__all__:
        assert getattr(penchant, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Datset'"):
        _ = penchant.Datset


def test_constraints_pin_versions_and_name_no_host():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line) for line in lines)
    assert "torch==2.13.0" in lines


def test_every_dependency_is_pinned():
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(d for group in project["optional-dependencies"].values() for d in group)]
    names = {re.split(r"[<>=\[; ]", dependency)[0].lower() for dependency in named}
    assert names <= pinned


def test_no_pickle_in_the_package():
    for file in tracked():
        if file.suffix == ".py" and "src" in file.parts:
            text = file.read_text()
            assert not re.search(r"\bimport pickle\b|\bjoblib\b|allow_pickle=True|weights_only=False", text), file


def test_no_file_of_the_package_is_above_400_lines():
    long = {f.name: n for f in tracked() if f.suffix == ".py" and (n := len(f.read_text().splitlines())) > 400}
    assert long == {}


def test_commands_in_the_readme_exist():
    told = set(re.findall(r"^\$ penchant ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    help_text = subprocess.run(
        [sys.executable, "-m", "penchant", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert told
    for command in told:
        assert re.search(rf"\b{command}\b", help_text), command


def test_make_targets_in_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_files_named_in_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text))
    assert len(named) > 15
    for name in named:
        assert any((base / name).exists() for base in (ROOT, ROOT / "src" / "penchant")), name


@pytest.mark.parametrize(
    "page", ["README.md", "docs/architecture.md", "docs/comparing.md", "CHANGELOG.md", "experiments/README.md"]
)
def test_pages_have_no_gaps_and_no_dead_links(page):
    text = (ROOT / page).read_text()
    assert "@@" not in text
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target
