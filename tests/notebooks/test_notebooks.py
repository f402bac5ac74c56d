"""Every notebook runs from its first cell to its last, as in Colab."""

import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.py"))


def cells(notebook: Path) -> list[tuple[str, str]]:
    """The kind of each cell, ``code`` or ``markdown``, and its text."""
    parts = re.split(r"^# %%(.*)\n", notebook.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not parts[0].strip(), "text before the first cell"
    kinds = ["markdown" if "[markdown]" in mark else "code" for mark in parts[1::2]]
    return list(zip(kinds, parts[2::2], strict=True))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_to_its_end(notebook: Path, capsys: pytest.CaptureFixture[str]):
    state: dict[str, object] = {"__name__": "__main__"}
    for number, (kind, text) in enumerate(cells(notebook), start=1):
        if kind == "markdown":
            assert all(line.startswith("#") or not line for line in text.splitlines())
            continue
        exec(compile(text, f"{notebook.name}, cell {number}", "exec"), state)  # noqa: S102 - that is what a notebook is
    out = capsys.readouterr().out
    assert "AUC of likes from 16 labels" in out
    assert "loss on held-out texts" in out
