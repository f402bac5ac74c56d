"""Curves with bands as files."""

import pytest

from penchant.errors import ConfigError
from penchant.plots import files
from penchant.plots.curves import Curve, draw_curves

WORDS = {"title": "Regret", "x_label": "rounds", "y_label": "behind"}


def test_the_same_curves_are_the_same_picture_and_name_every_line(tmp_path):
    curves = [
        Curve(label="greedy", x=[1, 2, 3], y=[1.0, 2.0, 3.0], low=[0.5, 1.5, 2.5], high=[1.5, 2.5, 3.5]),
        Curve(label="dial", x=[1, 2, 3], y=[1.0, 1.5, 1.8]),
    ]
    for name in ("a.svg", "b.svg"):
        draw_curves(curves, tmp_path / name, **WORDS)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert all(word in text for word in ("greedy", "dial", *WORDS.values()))


@pytest.mark.parametrize(
    "curves", [[], [Curve(label="x", x=[1, 2], y=[1.0])], [Curve(label="x", x=[1], y=[1.0], low=[1.0])]]
)
def test_what_is_no_curve_is_refused(tmp_path, curves):
    with pytest.raises(ConfigError):
        draw_curves(curves, tmp_path / "a.svg", **WORDS)


def test_a_font_that_is_not_there_is_not_told_of(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(files.LOOK, "font.family", ["No Such Font", "DejaVu Sans"])
    with files.figure(tmp_path / "drawn.png", width=2, height=1) as drawn:
        drawn.text(0.5, 0.5, "words")
    assert "No Such Font" not in caplog.text
