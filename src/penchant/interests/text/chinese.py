"""Chinese words with jieba."""

import warnings
from collections.abc import Collection
from typing import Any

from penchant.errors import MissingExtraError
from penchant.interests.text.tokens import Segmenter


def jieba_segmenter(words: Collection[str] = ()) -> Segmenter:
    """Cuts Chinese with jieba's dictionary, to which `words` (those of a lexicon) are added.

    `MissingExtraError` where jieba is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes in its source that newer Pythons frown on
            import jieba
    except ImportError:
        raise MissingExtraError(
            "Cutting Chinese with jieba needs the package jieba.",
            hint="pip install 'penchant[zh]', or leave the segmenter out: then longest matches are cut.",
        ) from None
    cutter: Any = jieba.Tokenizer()
    # Its dictionary from the package alone: by itself it would load a cache file from the folder for temporary files.
    cutter.FREQ, cutter.total = cutter.gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True
    for word in words:
        cutter.add_word(word)
    return lambda run: list(cutter.cut(run, HMM=False))
