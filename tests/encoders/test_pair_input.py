"""Two texts become one sequence: ids, segments and lengths told by hand, and by the model's own tokenizer."""

import pytest
import torch

from penchant.encoders.checkpoint import Checkpoint, locate, read_checkpoint
from penchant.encoders.pair_input import FIRST_SHARE, PairTokenization, Tokens, has_segments, pair_tokenization
from penchant.encoders.transformer import load_model, load_tokenizer
from penchant.errors import ConfigError
from tests.models.language.tiny import save_words

WORDS = ("red", "blue", "liked", "book", "old")
BERT = {word: place for place, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
GPT = {word: place for place, word in enumerate(("[UNK]", "[END]", *WORDS))}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return {family: save_words(tmp_path_factory.mktemp(family), WORDS, family=family) for family in ("bert", "gpt")}


def pairs_of(folder, length: int = 64) -> tuple[Checkpoint, PairTokenization]:
    checkpoint = read_checkpoint(folder)
    return checkpoint, pair_tokenization(checkpoint, load_tokenizer(checkpoint), max_length=length)


def ids(vocabulary: dict[str, int], text: str) -> list[int]:
    return [vocabulary[word] for word in text.split()]


def test_a_bert_reads_item_and_behaviour_with_separators_and_segments(checkpoints):
    checkpoint, pairs = pairs_of(checkpoints["bert"])
    both, alone, nothing = pairs([("red book", "liked blue"), ("red book", None), ("", "")])
    assert both == Tokens(ids(BERT, "[CLS] red book [SEP] liked blue [SEP]"), [0, 0, 0, 0, 1, 1, 1])
    assert alone == Tokens(ids(BERT, "[CLS] red book [SEP]"), [0, 0, 0, 0])
    assert nothing == Tokens(ids(BERT, "[CLS] [SEP] [SEP]"), [0, 0, 1])
    assert has_segments(checkpoint)


def test_a_gpt_reads_them_with_its_end_of_text_and_has_no_segments(checkpoints):
    checkpoint, pairs = pairs_of(checkpoints["gpt"])
    both, alone = pairs([("red book", "liked blue"), ("red book", None)])
    assert both.ids == ids(GPT, "red book [END] liked blue [END]")
    assert alone.ids == ids(GPT, "red book")  # as the tokenizer itself writes it
    assert not has_segments(checkpoint)


@pytest.mark.parametrize(("family", "names", "added"), [("bert", BERT, 3), ("gpt", GPT, 2)])
def test_what_does_not_fit_loses_the_behaviours_end_and_keeps_the_item(checkpoints, family, names, added):
    _, pairs = pairs_of(checkpoints[family], length=added + 8)
    behaviour = "liked blue liked red liked book liked old"
    (cut,) = pairs([("red book old", behaviour)])
    assert len(cut.ids) == len(cut.segments) == added + 8
    bare = [token for token in cut.ids if token in ids(names, " ".join(WORDS))]
    assert bare == ids(names, "red book old liked blue liked red liked")  # newest first: the oldest are gone
    (fits,) = pairs([("red book old", "liked blue")])
    assert len(fits.ids) == added + 5


def test_an_item_that_fills_the_room_leaves_some_to_the_behaviour(checkpoints):
    _, pairs = pairs_of(checkpoints["bert"], length=3 + 8)
    most = int(FIRST_SHARE * 8)
    (long,) = pairs([("red " * 30, "liked blue liked blue")])
    assert long.ids == ids(BERT, "[CLS]" + " red" * most + " [SEP]" + " liked blue" * ((8 - most) // 2) + " [SEP]")
    (short,) = pairs([("red " * 30, "blue")])
    assert short.ids == ids(BERT, "[CLS]" + " red" * 7 + " [SEP] blue [SEP]")
    (alone,) = pairs([("red " * 30, None)])
    assert alone.ids == ids(BERT, "[CLS]" + " red" * 9 + " [SEP]")


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt", "llama", "multilingual", "t5"])
def test_every_family_takes_what_is_made_for_it(tiny_checkpoint, family):
    checkpoint, pairs = pairs_of(tiny_checkpoint(family), length=1000)
    tokens = pairs([("a red nail polish", "the cook; " * 60), ("books", "")])
    assert pairs.max_length <= 1000
    assert len(tokens[0].ids) == (pairs.max_length if pairs.max_length < 1000 else len(tokens[0].ids))
    separator = pairs.pair.between
    assert separator  # never glued together
    model = load_model(checkpoint)
    for one in tokens:
        states = model(input_ids=torch.tensor([one.ids])).last_hidden_state
        assert states.shape[1] == len(one.ids)
        assert torch.isfinite(states).all()


def test_the_embedded_model_gets_what_its_own_tokenizer_makes_of_a_pair():
    checkpoint, pairs = pairs_of(locate(None), length=32)
    item, behaviour = "Toy Story (1995). Animation, Comedy", "liked Aladdin; disliked Heat; chose Fargo; " * 4
    own = load_tokenizer(checkpoint)(item, behaviour, truncation="only_second", max_length=32)
    (tokens,) = pairs([(item, behaviour)])
    assert tokens.ids == own["input_ids"]
    assert tokens.segments == own["token_type_ids"]
    assert len(tokens.ids) == 32
    assert has_segments(checkpoint)


def test_the_models_own_limit_holds(checkpoints):
    _, pairs = pairs_of(checkpoints["gpt"], length=1000)
    assert pairs.max_length == 64
    assert len(pairs([("red " * 100, "blue " * 100)])[0].ids) == 64


def test_a_length_without_room_for_two_texts_is_refused(checkpoints):
    with pytest.raises(ConfigError, match=r"max_length is 4, and the model adds 3 tokens"):
        pairs_of(checkpoints["bert"], length=4)


def test_half_a_surrogate_pair_is_no_reason_to_fail(checkpoints):
    _, pairs = pairs_of(checkpoints["bert"])
    assert pairs([("red \ud800", "blue")])[0].ids[1] == BERT["red"]
