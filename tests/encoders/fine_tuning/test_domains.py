"""One base model, several domains."""

from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders.fine_tuning.domains import DomainWeights
from penchant.errors import BundleError, NotFoundError

from .conftest import Make
from .toy import TEXTS, learn


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def two_domains(make: Make, method: str) -> DomainWeights:
    domains = DomainWeights(make("bert", method))
    for name, rate in (("books", 0.02), ("films / 2", 0.05)):
        learn(domains.begin(), epochs=2, rate=rate)
        domains.keep(name)
    return domains


@pytest.mark.parametrize("method", ["lora", "adapter", "adalora"])
def test_each_domain_reads_as_an_encoder_of_its_own_does(make: Make, method: str):
    domains = two_domains(make, method)
    assert domains.domains == ("books", "films / 2")
    alone = learn(make("bert", method), epochs=2, rate=0.02).encoder.eval()
    with torch.no_grad():
        expected = unit(alone(TEXTS).numpy())
    first = domains.vectors("books", TEXTS)
    np.testing.assert_allclose(first, expected, atol=1e-6)
    other = domains.vectors("films / 2", TEXTS)
    assert np.abs(other - first).max() > 1e-3
    np.testing.assert_array_equal(domains.vectors("books", TEXTS), first)  # there and back


def test_the_base_stays_bit_for_bit_and_a_new_domain_begins_at_it(make: Make):
    domains = DomainWeights(make("bert", "lora"))
    domains.keep("start")
    model = domains.encoder.method.model
    base = {name: value.clone() for name, value in model.state_dict().items() if "lora_" not in name}
    start = domains.vectors("start", TEXTS)
    learn(domains.begin(), epochs=2)
    domains.keep("books")
    assert np.abs(domains.vectors("books", TEXTS) - start).max() > 1e-3
    domains.begin()
    domains.keep("again")
    np.testing.assert_array_equal(domains.vectors("again", TEXTS), start)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in base.items())


def test_further_training_does_not_change_what_was_kept(make: Make):
    domains = two_domains(make, "lora")
    kept = domains.vectors("books", TEXTS)
    learn(domains.use("books"), epochs=1)
    np.testing.assert_array_equal(domains.vectors("books", TEXTS), kept)


def test_saved_and_read_back_bit_for_bit_and_small(make: Make, tmp_path: Path):
    domains = two_domains(make, "lora")
    domains.save(tmp_path / "both")
    loaded = DomainWeights.load(tmp_path / "both")
    assert loaded.domains == domains.domains
    for name in domains.domains:
        np.testing.assert_array_equal(loaded.vectors(name, TEXTS), domains.vectors(name, TEXTS))
    loaded.begin()
    loaded.keep("new")
    domains.begin()
    domains.keep("new")
    np.testing.assert_array_equal(loaded.vectors("new", TEXTS), domains.vectors("new", TEXTS))
    weights = [f.stat().st_size for f in (tmp_path / "both").glob("*.safetensors")]
    assert len(weights) == 3
    assert all(size < 4 * domains.encoder.trainable_count + 8192 for size in weights)  # and not the base's


def test_what_is_not_there_is_refused(make: Make, tmp_path: Path):
    domains = two_domains(make, "lora")
    with pytest.raises(NotFoundError, match="No domain is called 'music'") as caught:
        domains.vectors("music", TEXTS)
    assert "books" in caught.value.hint
    domains.save(tmp_path / "both")
    (tmp_path / "both" / "domain-1.safetensors").write_bytes(b"cut")
    with pytest.raises(BundleError, match="cut short or altered"):
        DomainWeights.load(tmp_path / "both")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(BundleError, match=r"notes\.txt"):
        domains.save(tmp_path / "mine")


def test_no_texts_give_no_vectors(make: Make):
    domains = DomainWeights(make("bert", "lora"))
    domains.keep("books")
    assert domains.vectors("books", []).shape == (0, domains.encoder.dim)


def test_a_layer_after_the_pooling_belongs_to_its_domain(make: Make, tmp_path: Path):
    domains = DomainWeights(make("bert", "lora"))
    domains.keep("plain")
    plain, dim = domains.vectors("plain", TEXTS), domains.encoder.dim
    turned = torch.eye(dim)[: dim - 1].flip(0)  # another size than the pooling's
    domains.begin().put_head(turned, torch.zeros(dim - 1))
    domains.keep("turned")
    domains.begin().put_head(turned, torch.ones(dim - 1), unit=True)
    expected = unit(domains.encoder(TEXTS).detach().numpy())
    domains.keep("of unit vectors")
    domains.use("plain")
    np.testing.assert_allclose(domains.vectors("of unit vectors", TEXTS), expected, atol=1e-6)
    assert domains.vectors("turned", TEXTS).shape == (len(TEXTS), dim - 1)
    np.testing.assert_array_equal(domains.vectors("plain", TEXTS), plain)  # which has none
    assert domains.begin().head is None
    domains.save(tmp_path / "both")
    again = DomainWeights.load(tmp_path / "both")
    for name in domains.domains:
        np.testing.assert_array_equal(again.vectors(name, TEXTS), domains.vectors(name, TEXTS))
