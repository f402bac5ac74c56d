"""How drift is told on a terminal, and `penchant drift`."""

import io
import json

from rich.console import Console, RenderableType
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.cli.drift_views import WIDTH, drift_line, population_view, sparkline, user_view
from penchant.records import Drift, DriftAlarm, DriftHistory, DriftPoint, PopulationAlarm, PopulationDrift
from tests.cli.test_use import bundle  # noqa: F401

runner = CliRunner()

NEW = DriftAlarm(
    kind="new",
    concept_id="tags:chess",
    concept="chess",
    moment=30,
    detected=33,
    event_id="e33",
    also=("openings", "endgames", "clubs", "clocks"),
    words="new interest: chess, since My System (4 of 4 books)",
)
SEEN = Drift(score=0.8, last_change=30, alarms=(NEW,), watched=14)


def shown(view: RenderableType) -> str:
    written = io.StringIO()
    Console(file=written, width=120, force_jupyter=False).print(view)
    return written.getvalue()


def test_a_change_is_told_with_its_event_and_what_changed_with_it():
    points = tuple(DriftPoint(event_id=f"e{n}", timestamp=n, score=n / 34) for n in range(34))
    text = shown(user_view(DriftHistory(user_id="u", as_of=34, drift=SEEN, points=points)))
    assert "drift 0.80 after 34 events" in text
    assert "e33  new interest: chess, since My System (4 of 4 books); with it openings, endgames, clubs" in text
    assert "clocks" not in text


def test_no_events_too_few_events_and_no_change_are_three_answers():
    point = (DriftPoint(event_id="e0", timestamp=0, score=0.0),)
    nothing, calm = Drift(score=0.0), Drift(score=0.1, watched=5)
    assert "no events, so no drift" in shown(user_view(DriftHistory(user_id="u", as_of=0, drift=nothing)))
    assert "Too few events" in shown(user_view(DriftHistory(user_id="u", as_of=1, drift=nothing, points=point)))
    assert "No change was noticed" in shown(user_view(DriftHistory(user_id="u", as_of=1, drift=calm, points=point)))


def test_the_line_under_a_profile():
    assert drift_line(SEEN).plain == f"drift 0.80  last change: {NEW.words}"
    assert drift_line(Drift(score=0.1, watched=5)).plain == "drift 0.10"
    assert "too few events" in drift_line(Drift(score=0.0)).plain


def test_a_line_of_bars_keeps_the_highest_and_its_width():
    assert sparkline([]) == ""
    assert sparkline([0.0, 1.0]) == "▁█"
    long = sparkline([0.0] * 500 + [1.0] + [0.0] * 500)
    assert (len(long) <= WIDTH, long.count("█")) == (True, 1)


def test_the_population_in_words():
    more = PopulationAlarm(
        kind="more",
        concept_id="tags:chess",
        concept="chess",
        before=0.1,
        after=0.3,
        moment=7,
        event=1_250,
        words="more",
    )
    told = shown(population_view(PopulationDrift(alarms=(more,), events=2_000, baseline=1_000, watched=4)))
    assert "2,000 events read, 4 concepts watched" in told
    assert "event 1,250  more" in told
    assert "No change" in shown(population_view(PopulationDrift(alarms=(), events=9, baseline=9, watched=4)))


def test_on_the_command_line(bundle):  # noqa: F811
    found = json.loads(runner.invoke(app, ["drift", str(bundle), "--user", "u-1", "--json"]).stdout)
    assert len(found["points"]) == 14
    then = json.loads(runner.invoke(app, ["drift", str(bundle), "--user", "u-1", "--as-of", "5", "--json"]).stdout)
    assert [p["event_id"] for p in then["points"]] == [p["event_id"] for p in found["points"][:5]]
    assert "Too few events" in runner.invoke(app, ["drift", str(bundle), "--user", "u-1"]).stdout
    assert "no events" in runner.invoke(app, ["drift", str(bundle), "--user", "nobody"]).stdout
    assert "concepts watched" in runner.invoke(app, ["drift", str(bundle)]).stdout
    assert runner.invoke(app, ["drift", str(bundle), "--as-of", "x"]).exit_code == 2
