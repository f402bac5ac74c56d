"""One frozen language model that serves several domains, each by a small set of trained weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize

from penchant.artifacts import MANIFEST, new_folder, read_manifest
from penchant.encoders.fine_tuning.encoder import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.pair_input import Texts
from penchant.errors import BundleError, NotFoundError
from penchant.types import FloatArray

KIND = "domain weights"
AT_ONCE = 64
HEAD, HEAD_BIAS, UNIT = "head.weight", "head.bias", "unit"


class DomainWeights:
    """What an encoder's method trained for each domain, kept by name and put into the one encoder when it is asked for.

    A language model of N numbers and a method that trains n of them serve K domains with N + K n numbers, where K
    models fine-tuned in full need K N (Houlsby et al. 2019, "Parameter-efficient transfer learning for NLP"; for
    recommendation Fu et al. 2024). With `LoraConfig` or `AdapterConfig` n is a hundredth of N or a few. Any method will
    do: what it trains is what is kept, a layer that was put after the pooling (`FineTunedEncoder.put_head`) with it.

    Caveat: one domain is served at a time; two threads need an encoder each, or a merged copy of each domain
    (`FineTunedEncoder.save`).
    """

    def __init__(self, encoder: FineTunedEncoder) -> None:
        self.encoder = encoder
        self._start = _copied(encoder.state_dict())
        self._sets: dict[str, dict[str, Tensor]] = {}

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains, in the order in which they came."""
        return tuple(self._sets)

    def begin(self) -> FineTunedEncoder:
        """The encoder as it was at first, to be trained for another domain."""
        return _with(self.encoder, self._start)

    def keep(self, domain: str) -> None:
        """What the encoder has learned becomes the domain's, in place of what it had."""
        self._sets[domain] = _copied(self.encoder.state_dict())

    def use(self, domain: str) -> FineTunedEncoder:
        """The encoder with a domain's weights, to serve with or to train further. `NotFoundError` for another name."""
        if domain not in self._sets:
            raise NotFoundError(
                f"No domain is called {domain!r}.", hint=f"There are: {', '.join(self._sets) or 'none'}."
            )
        return _with(self.encoder, self._sets[domain])

    def vectors(self, domain: str, texts: Sequence[Texts]) -> FloatArray:
        """Unit vectors of texts as the domain reads them, (N, D)."""
        encoder = self.use(domain).eval()
        found = torch.zeros(len(texts), encoder.dim)
        with torch.inference_mode():
            for start in range(0, len(texts), AT_ONCE):
                found[start : start + AT_ONCE] = normalize(encoder(texts[start : start + AT_ONCE]), dim=1).cpu()
        vectors: FloatArray = found.numpy()
        return vectors

    def save(self, folder: Path) -> None:
        """Write every domain's weights, not the language model's; a folder that was saved here before is replaced.

        `BundleError` for a place that cannot be written to or holds anything else.
        """
        manifest: dict[str, Any] = {
            "kind": KIND,
            "encoder": self.encoder.config.model_dump(mode="json"),
            "fingerprint": self.encoder.fingerprint,
            "domains": list(self._sets),
        }
        with new_folder(folder, manifest) as place:
            for number, weights in enumerate([self._start, *self._sets.values()]):
                save_file(weights, place / _file(number))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it, and the language model from where its settings say; vectors are the same bit for bit.

        `BundleError` where the folder is not whole, or another language model is in its place.
        """
        manifest = read_manifest(folder, kind=KIND)
        try:
            settings, fingerprint, names = (manifest[name] for name in ("encoder", "fingerprint", "domains"))
        except KeyError as error:
            raise BundleError(f"{folder / MANIFEST} lacks {error}.", hint="Save the domains again.") from None
        encoder = FineTunedEncoder(FineTunedEncoderConfig.of(settings, where=str(folder)), seed=0)
        encoder.check(fingerprint)
        try:
            start, *sets = (load_file(folder / _file(number)) for number in range(len(names) + 1))
            for weights in (*sets, start):
                _with(encoder, weights)
        except (RuntimeError, KeyError, OSError, SafetensorError):
            raise BundleError(
                f"{folder} does not hold the weights that its settings ask for.", hint="Copy the folder again whole."
            ) from None
        found = cls(encoder)
        found._sets = dict(zip(names, sets, strict=True))
        return found


def _with(encoder: FineTunedEncoder, weights: Mapping[str, Tensor]) -> FineTunedEncoder:
    """The encoder with a set of weights, and with the layer after the pooling where the set has one."""
    if HEAD in weights:
        encoder.put_head(weights[HEAD], weights[HEAD_BIAS], unit=UNIT in weights)
    else:
        encoder.take_head_off()
    encoder.load_state_dict(weights)
    return encoder


def _file(number: int) -> str:
    return f"domain-{number}.safetensors"  # a domain's name may hold what a file's may not


def _copied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.detach().cpu().clone().contiguous() for name, weight in weights.items()}
