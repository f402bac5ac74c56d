"""Chinese, which is written without spaces between its words."""

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""The characters, as a regular expression's class holds them."""


@functools.cache
def jieba_cut() -> Callable[[str], Iterable[str]]:
    """The cutter of jieba, its dictionary read from the package alone, once; it has no state.

    By itself it would load and write a cache file in the folder for temporary files, where anyone may have put another.
    `ImportError` where jieba is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in its source that newer Pythons frown on
        import jieba
    tokenizer: Any = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return lambda run: list(tokenizer.cut(run, HMM=True))
