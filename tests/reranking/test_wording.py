import pytest

from penchant.errors import ConfigError
from penchant.reranking.rules import Quota, Rules
from penchant.reranking.wording import rules_of


def test_lines_become_rules():
    rules = rules_of(
        allow=["item_type:book"],
        deny=["b1", "b=2"],
        boost=["categories:Sci-Fi=0.5", "b=3=-1e-1"],
        quota=["a=1..3", "b=2", "c=1..", "d=..4"],
        pin=["1=b=9", "3=b2"],
        seen="after:20",
    )
    assert rules == Rules(
        allow=("item_type:book",),
        deny=("b1", "b=2"),
        boost={"categories:Sci-Fi": 0.5, "b=3": -0.1},
        quota={"a": Quota(least=1, most=3), "b": Quota(most=2), "c": Quota(least=1), "d": Quota(most=4)},
        pin={1: "b=9", 3: "b2"},
        seen="after",
        seen_after=20,
    )
    assert rules_of() is None
    demoted = rules_of(seen="demote:0.5")
    assert demoted is not None
    assert (demoted.seen, demoted.seen_penalty) == ("demote", 0.5)
    assert rules_of(seen="exclude") == Rules(seen="exclude")


@pytest.mark.parametrize(
    "lines",
    [
        {"boost": ["b1"]}, {"boost": ["=1"]}, {"boost": ["b1=much"]}, {"quota": ["b1=a..b"]}, {"quota": ["b1=3..1"]},
        {"pin": ["first=b1"]}, {"pin": ["b1"]}, {"pin": ["1=b1", "1=b2"]}, {"pin": ["0=b1"]}, {"seen": "never"},
        {"seen": "after:soon"}, {"seen": "exclude:2"},
    ],
)  # fmt: skip
def test_lines_that_cannot_be_read_are_named_with_their_form(lines):
    with pytest.raises(ConfigError) as caught:
        rules_of(**lines)
    assert caught.value.hint
