"""The files that make a checkpoint a Sentence Transformers folder: how its tokens become one vector."""

from pathlib import Path

from penchant.artifacts import write_json
from penchant.encoders.checkpoint import Pooling

_MODES: dict[Pooling, str] = {
    "mean": "mean_tokens",
    "first": "cls_token",
    "last": "lasttoken",
    "max": "max_tokens",
    "weighted_mean": "weightedmean_tokens",
}


def write_sentence_files(folder: Path, *, pooling: Pooling, dim: int, max_length: int) -> None:
    """Write into a checkpoint's folder that its token states (L, D) are pooled and normalised.

    Sentence Transformers and `load_encoder` then use the model in the same way. `max_length` counts tokens, special
    ones included.
    """
    chain = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(chain)
    ]
    for path in ("1_Pooling", "2_Normalize"):
        (folder / path).mkdir(exist_ok=True)
    modes = {f"pooling_mode_{mode}": kind == pooling for kind, mode in _MODES.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dim, **modes})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    write_json(folder / "modules.json", modules)
