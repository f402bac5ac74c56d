"""Synthetic growth: more users and events of the same kind, on the same catalogue."""

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.worlds import N_ITEMS, make_world

GROWTH = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "growth.py"))
grown, exponent, plot, straight = (GROWTH[name] for name in ("grown", "exponent", "plot", "straight"))


def test_growth_adds_users_like_those_there_are():
    data = make_world(120)
    more = grown(data, 4, seed=1)
    assert (more.n_users, more.n_items) == (4 * data.n_users, data.n_items)
    assert len(set(more.users.ids)) == more.n_users
    before, after = data.histories(), more.histories()
    first = after.take(np.arange(data.n_users))
    np.testing.assert_array_equal(first.items, before.items)
    np.testing.assert_array_equal(first.timestamps, before.timestamps)
    copies = after.take(np.arange(data.n_users, more.n_users))
    assert len(copies.items) == pytest.approx(3 * len(before.items), rel=0.06)
    # Jitter: most of a copy is the user's own, and what is not follows one of his items for somebody.
    followed = {
        (int(a), int(b))
        for u in range(data.n_users)
        for a, b in zip(before.items[before.of(u)][:-1], before.items[before.of(u)][1:], strict=True)
    }
    own = strange = 0
    for c in range(len(copies)):
        his = set(before.items[before.of(c % data.n_users)].tolist())
        for item in copies.items[copies.of(c)].tolist():
            own += item in his
            strange += item not in his and not any((mine, item) in followed for mine in his)
    assert 0.7 < own / len(copies.items) < 0.98
    assert strange == 0


def test_growth_by_one_is_the_data():
    data = make_world(20)
    assert grown(data, 1).fingerprint == data.fingerprint
    assert grown(data, 3).fingerprint == grown(data, 3).fingerprint != grown(data, 3, seed=1).fingerprint


def test_exponents_of_known_growth():
    points = [{"n": n, "line": 3 * n, "square": n * n} for n in (10, 30, 100)]
    assert exponent(points, "n", "line") == pytest.approx(1.0)
    assert exponent(points, "n", "square") == pytest.approx(2.0)


def test_the_straight_line_of_known_growth():
    points = [{"n": n, "line": 2 + 3e-6 * n, "square": 1e-9 * n * n} for n in (100_000, 300_000, 1_000_000)]
    found = straight(points, "n", "line")
    assert found == {
        "a": 2.0,
        "b_per_million": 3.0,
        "largest_relative_error": 0.0,
        "cost_grew": 2.17,
        "size_grew": 10.0,
    }
    assert straight(points, "n", "square")["largest_relative_error"] > 0.3


def test_the_plot_stands_alone():
    points = [
        {"model": model, "events": n, "fit_cpu_seconds": n / 9, "lists": n / 3, "list_cpu_seconds": n / 99}
        for model in ("a<b", "c")
        for n in (N_ITEMS, 3 * N_ITEMS)
    ]
    drawing = ET.fromstring(plot(points, ["a<b", "c"]))  # noqa: S314
    texts = [node.text for node in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b", "c", "linear", "training events, times the smallest"} <= set(texts)
    paths = [node.get("d") for node in drawing.iter("{http://www.w3.org/2000/svg}path")]
    assert len(paths) == 2 * 3
    # What grows linearly ends where the linear line does.
    assert len({(path or "").rpartition("L")[2] for path in paths[:3]}) == 1
