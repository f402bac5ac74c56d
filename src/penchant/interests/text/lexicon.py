"""Words of opinion, negation, degree and contrast, in English and Chinese."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from penchant.errors import SourceError
from penchant.interests.text.tokens import HAN, Token, folded

FILES = Path(__file__).parent / "lexicons"
DEGREE = 0.293
"""What a degree word adds to, or takes from, the valence of the opinion after it (Hutto and Gilbert 2014)."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


NEGATIONS = _words(
    """
    no not none never neither nor nothing nobody nowhere cannot cant dont doesnt didnt isnt wasnt arent werent
    wont wouldnt couldnt shouldnt hasnt havent hadnt aint without hardly barely scarcely rarely seldom lack
    lacks lacked lacking fails failed
    不 没 没有 无 别 非 未 从不 从未 并不 并非 毫无 毫不 不够 不太 不算 不是 不会 不怎么
    没那么 缺乏 缺少 谈不上 算不上
    """
)
WITHOUT = _words("no not without except excluding minus non 不要 不想 除了 没有 无 别 非 不含 不带 拒绝")
"""Before what a search leaves out."""
MORE = _words(
    """
    absolutely amazingly awfully completely considerably deeply enormously entirely especially exceptionally
    extremely fabulously fully greatly highly hugely incredibly intensely more most particularly pretty purely quite
    really remarkably so substantially super thoroughly totally tremendously truly unbelievably unusually
    utterly very way
    很 非常 太 特别 极其 极 十分 超 超级 相当 真 真的 真是 挺 尤其 格外 实在 简直 最 更 更加 好生 无比 万分
    """
)
LESS = _words(
    """
    almost kinda less little marginally occasionally partly slightly somewhat sorta bit fairly 有点 有点儿 有些 稍 稍微
    略 略微 比较 还算 多少
    """
)
CONTRASTS = _words("but however nevertheless nonetheless yet 但 但是 不过 可是 然而 却 只是 只不过 而是")
"""What comes after counts for more than what came before."""
CONCESSIONS = _words("although though despite while whereas 虽然 虽说 尽管 虽")
"""What comes with them counts for less than what it is set against."""
BESIDES = _words("only just merely simply")
"""Behind "not" these deny nothing: "not only"."""
LIKENING = _words(
    """
    feel feels felt look looks looked smell smells smelled sound sounds sounded taste tastes tasted seem seems seemed
    is was are were be been it's just more much nothing anything something things works worked
    """
)
"""Before "like" these compare."""
SKIPPED = _words(
    """
    a an the this that these those it its is was are were be been being my your his her our their of to for in
    on at as i we you he she they did do does had have has 的 了 得 地 是 我 你 它 这 那 个 本 部 有 让 觉 得 感
    """
)
"""Words that do not count when it is asked how far a negation is from an opinion."""
STRETCHED = re.compile(r"(\w)\1{2,}")


@dataclass(frozen=True)
class Lexicon:
    """Valences of words in [−4, 4]."""

    valences: Mapping[str, float]
    neutral: frozenset[str] = frozenset()
    """Words that say nothing here: those that name a concept of the catalogue ("horror")."""

    @classmethod
    def standard(cls) -> "Lexicon":
        """VADER's English words, words of reviews, and Chinese; sources and licences in `lexicons/ATTRIBUTION.md`."""
        merged: dict[str, float] = {}
        for name in ("english", "reviews", "chinese"):
            merged.update(read_valences(FILES / f"{name}.tsv"))
        return cls(merged)

    def without(self, words: Iterable[str]) -> "Lexicon":
        """The lexicon in which some words hold no opinion."""
        return replace(self, neutral=self.neutral | {folded(word) for word in words})

    def valence(self, word: str) -> float:
        """The valence of a folded word, 0 for one without; "sooo goood" is read as "so good"."""
        if word in self.neutral:
            return 0.0
        value = self.valences.get(word)
        if value is None and STRETCHED.search(word):
            value = next((v for n in (r"\1\1", r"\1") if (v := self.valences.get(STRETCHED.sub(n, word)))), None)
        return value or 0.0

    def at(self, words: Sequence[Token], n: int) -> float:
        """The valence of a token where it stands: "pretty bad" is not pretty, "feels like rain" likes nothing."""
        value = self.valence(words[n].folded)
        if value == 0:
            return 0.0
        if words[n].folded == "like" and n > 0 and words[n - 1].folded in LIKENING:
            return 0.0
        strengthens = self.degree(words[n].folded) != 0 and n + 1 < len(words)
        return 0.0 if strengthens and self.valence(words[n + 1].folded) != 0 else value

    @staticmethod
    def degree(word: str) -> float:
        """How much a folded word strengthens (or weakens, below 0) the opinion after it."""
        word = STRETCHED.sub(r"\1", word)
        return DEGREE if word in MORE else -DEGREE if word in LESS else 0.0

    @staticmethod
    def negates(word: str) -> bool:
        """Whether a folded word denies what comes after it."""
        return word in NEGATIONS or word.endswith("n't")

    @cached_property
    def chinese(self) -> frozenset[str]:
        """All Chinese words that have a meaning here."""
        groups = (self.valences, NEGATIONS, WITHOUT, MORE, LESS, CONTRASTS, CONCESSIONS)
        return frozenset(word for group in groups for word in group if re.fullmatch(f"[{HAN}]+", word))


def read_valences(path: Path) -> dict[str, float]:
    """A file of ``word <tab> valence`` lines; ``#`` begins a comment. `SourceError` names a line that is no such."""
    found: dict[str, float] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.", hint="Give a lexicon file.") from None
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#"):
            word, _, valence = line.partition("\t")
            try:
                found[folded(word)] = float(valence)
                if not -4 <= found[folded(word)] <= 4:
                    raise ValueError
            except ValueError:
                raise SourceError(
                    f"{path}, line {number} is no word with a valence in [-4, 4]: {line[:60]!r}.",
                    hint="Write a word, a tab and a number.",
                ) from None
    return found
