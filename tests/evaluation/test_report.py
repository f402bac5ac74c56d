"""The HTML report: one file, complete, safe; and the charts in it."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from penchant.evaluation import evaluate
from penchant.evaluation.drawing import Bar, Line, bars, lines, steps, ticks
from penchant.evaluation.report import render_report, write_report
from tests.evaluation.worlds import make_registry, make_world

REGISTRY = make_registry()
VOID = {"meta", "br", "img", "input", "hr", "link"}


class Balance(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):  # noqa: ARG002
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    result = evaluate(
        make_world(80), ["constant", "walker"], registry=REGISTRY, seeds=[0, 1], curve_shares=[0.5, 1], ks=[5]
    )
    return render_report(result)


def test_the_page_is_one_whole_file(page):
    balance = Balance()
    balance.feed(page)
    assert not balance.open
    assert balance.count["svg"] == 2 + 2 * 3 + 1  # bars, bands and ROC of both variants, then the learning curve
    assert not re.search(r"(src|href)\s*=|url\(|@import|<script|https?:", page)


def test_the_page_says_what_was_found(page):
    for text in (
        "NDCG@5",
        "walker",
        "Who is ahead of whom",
        "ROC curve",
        "Learning curve",
        "fingerprint",
        "split hash",
    ):
        assert text in page
    assert "ahead" in page
    assert " ± " in page


def test_folds_and_a_single_model_have_a_page_too(tmp_path):
    result = evaluate(make_world(60), ["walker"], registry=REGISTRY, protocol="k-fold-users", exclude_history=True)
    write_report(result, tmp_path / "new" / "report.html")
    text = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert "of each fold" in text
    assert "Who is ahead" not in text


def test_names_cannot_break_the_page():
    world = make_world(40)
    object.__setattr__(world, "name", "<script>alert('x')</script> & co")
    text = render_report(evaluate(world, ["walker"], registry=REGISTRY))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    drawn = bars([Bar("<b>&", 0.5, 0.4, 0.6, 0)], title='"<')
    ET.fromstring(drawn)  # noqa: S314 - our own drawing


@pytest.mark.parametrize(
    ("top", "expected"),
    [(1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.053, [0, 0.02, 0.04, 0.06]), (0, [0, 1]), (7, [0, 2, 4, 6, 8])],
)
def test_ticks_are_round_numbers(top, expected):
    assert ticks(top) == pytest.approx(expected)


def test_charts_of_nothing_and_of_zeros_are_drawn():
    for drawn in (
        bars([], title="none"),
        bars([Bar("a", 0, 0, 0, 0)], title="zero"),
        lines([], title="none", x_label="x", y_label="y"),
        lines([Line("a", [0.0], [0.0], 0)], title="zero", x_label="x", y_label="y", points=True),
        steps([Line("a", [0.0], [0.1], 0)], ["one"], title="one", x_label="x", y_label="y"),
    ):
        assert "nan" not in drawn
        ET.fromstring(drawn)  # noqa: S314 - our own drawing


def test_points_are_where_they_should_be():
    drawn = lines([Line("a", [0.0, 1.0], [0.0, 1.0], 0)], title="", x_label="", y_label="", points=True)
    (x0, y0), (x1, y1) = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert (float(x0), float(y0)) == (62, 300 - 44)
    assert (float(x1), float(y1)) == (480 - 28, 12)
