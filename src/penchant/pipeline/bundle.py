"""A bundle: everything serving needs, in one folder, without pickle."""

import hashlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp

import penchant
from penchant.artifacts import MANIFEST, new_folder, read_arrays, read_manifest, write_arrays, write_json
from penchant.concepts.heirs import Heir, Succession
from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.data.folder import load_dataset, save_dataset
from penchant.errors import BundleError
from penchant.exploration.interest_discovery import InterestDiscovery, Reach
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.population import Population
from penchant.interests.tracking import Beliefs
from penchant.models.hybrid import Interest
from penchant.pipeline.beliefs import BeliefModel
from penchant.pipeline.fitting import Fitted, InterestModelConfig, Named
from penchant.pipeline.publishing import current, only
from penchant.training.model_card import PublishedCard, about, total_costs, write_card
from penchant.types import AnyArray

KIND = "bundle"


def save(fitted: Fitted, config: InterestModelConfig, path: Path, *, seed: int) -> str:
    """Write a bundle and give its label; a crash leaves the old one whole.

    ``dataset/`` holds the events and catalogue, ``model/`` the ranking model, ``concepts.safetensors`` and
    ``concepts.json`` the concept space, ``manifest.json`` configs, fingerprints, and the hash of each file.
    """
    data = fitted.dataset
    manifest = {
        "kind": KIND,
        "penchant": penchant.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "seed": seed,
        "config": config.model_dump(mode="json"),
        "facts": fitted.facts,
        "dataset": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "users": data.n_users,
            "items": data.n_items,
            "events": len(data.events),
            "licence": data.licence,
        },
    }
    with new_folder(path, manifest) as folder:
        save_dataset(data, folder / "dataset")
        (folder / "model").mkdir()
        fitted.model.save(folder / "model")
        activations, bears = fitted.vocabulary.activations, fitted.vocabulary.bears
        write_arrays(
            folder / "concepts.safetensors",
            {
                "mean": fitted.space.mean,
                "directions": fitted.space.directions,
                "residuals": fitted.space.residuals,
                "population_mean": fitted.population.mean,
                "population_deviation": fitted.population.deviation,
                "population_rate": fitted.population.rate,
                "user_vectors": fitted.user_vectors,
                "activation_values": activations.data,
                "activation_columns": activations.indices.astype(np.int64),
                "activation_starts": activations.indptr.astype(np.int64),
                "borne_columns": bears.indices.astype(np.int64),
                "borne_starts": bears.indptr.astype(np.int64),
            },
        )
        _write_beliefs(folder, fitted)
        _write_discovery(folder, fitted.discovery)
        write_json(
            folder / "concepts.json",
            {
                "explained": fitted.space.explained,
                "concepts": [asdict(c) for c in fitted.vocabulary.concepts],
                "succession": asdict(fitted.succession),
            },
        )
        write_card(folder, _card(fitted, config, path.name))
        fitted.journal.write(folder)
    only(path)
    return _label(path)


def _card(fitted: Fitted, config: InterestModelConfig, name: str) -> PublishedCard:
    facts, data = fitted.facts, about(fitted.dataset)
    encoder = {name: told for name, told in (facts.get("encoder") or {}).items() if name != "folder"}
    licences = {"data": data["licence"], "encoder": encoder.get("licence")}
    metrics = dict(facts.get("validation") or {})
    return PublishedCard(
        name=name,
        kind=KIND,
        made=str(facts.get("fitted_at", "")),
        penchant=penchant.__version__,
        licence="; ".join(f"{part}: {licence}" for part, licence in licences.items() if licence),
        data=data,
        base=encoder,
        settings=config.model_dump(mode="json"),
        metrics=metrics | {key: facts[key] for key in ("concepts", "explained") if key in facts},
        costs=total_costs(fitted.journal.entries),
        intended="Learns what each user is interested in, says it in words, and recommends from it.",
        limits="It knows the items and events of its dataset. Validation values are of events held out of it; they say "
        "nothing of another catalogue, and no test event was asked. The folder holds the events of its users.",
    )


def load(path: Path) -> tuple[Fitted, InterestModelConfig, int, str]:
    """Read a bundle back, the version of it that stands: what was fitted, its config, its seed and its label."""
    path = current(path)
    manifest = read_manifest(path, kind=KIND)
    try:
        config = InterestModelConfig.of(dict(manifest["config"]), where=f"{path}: config")
        seed, facts = int(manifest["seed"]), dict(manifest["facts"])
        told = orjson.loads((path / "concepts.json").read_bytes())
        concepts = tuple(_concept(concept) for concept in told["concepts"])
        explained, gone = float(told["explained"]), _succession(told["succession"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OSError):
        raise BundleError(
            f"{path}: its {MANIFEST} or concepts.json is damaged.", hint="Copy the bundle again whole, or fit again."
        ) from None
    arrays = read_arrays(path / "concepts.safetensors")
    dataset = load_dataset(path / "dataset")
    activations = sp.csr_array(
        (arrays["activation_values"], arrays["activation_columns"], arrays["activation_starts"]),
        shape=(dataset.n_items, len(concepts)),
    )
    borne = None
    if "borne_starts" in arrays:  # not in bundles of older formats
        columns = arrays["borne_columns"]
        entries = np.ones(len(columns), dtype=np.float32), columns, arrays["borne_starts"]
        borne = sp.csr_array(entries, shape=activations.shape)
    belief, beliefs = _read_beliefs(path)
    fitted = Fitted(
        dataset=dataset,
        model=Interest.load(path / "model"),
        vocabulary=Vocabulary(concepts=concepts, activations=activations, borne=borne),
        space=ConceptSpace(
            mean=arrays["mean"],
            directions=arrays["directions"],
            residuals=arrays["residuals"],
            explained=explained,
        ),
        population=Population(
            mean=arrays["population_mean"],
            deviation=arrays["population_deviation"],
            rate=arrays["population_rate"],
        ),
        user_vectors=arrays["user_vectors"],
        belief=belief,
        beliefs=beliefs,
        discovery=_read_discovery(path),
        succession=gone,
        facts=facts,
    )
    return fitted, config, seed, _label(path)


def named(path: Path) -> Named:
    """The concepts of a bundle."""
    fitted = load(path)[0]
    return Named(vocabulary=fitted.vocabulary, items=fitted.dataset.items.ids, succession=fitted.succession)


def _succession(told: dict[str, Any]) -> Succession:
    heirs = {
        str(gone): tuple(Heir(str(heir["concept_id"]), float(heir["similarity"])) for heir in found)
        for gone, found in told["heirs"].items()
    }
    return Succession(names={str(gone): str(name) for gone, name in told["names"].items()}, heirs=heirs)


def _write_beliefs(folder: Path, fitted: Fitted) -> None:
    model, users = fitted.belief, fitted.beliefs
    settings = {"config": model.config.model_dump(mode="json"), "temperature": model.temperature}
    write_json(folder / "beliefs.json", {**settings, "weights": dict(model.weights)})
    arrays: dict[str, AnyArray] = {
        "starts": users.indptr,
        "concepts": users.concepts,
        "means": users.means,
        "covariances": users.covariances,
        "at": users.at,
        "reference": model.reference,
    }
    write_arrays(folder / "beliefs.safetensors", arrays)


def _read_beliefs(path: Path) -> tuple[BeliefModel, Beliefs]:
    try:
        told = orjson.loads((path / "beliefs.json").read_bytes())
        arrays = read_arrays(path / "beliefs.safetensors")
        model = BeliefModel(
            config=BeliefConfig.of(told["config"], where=f"{path}: beliefs.json"),
            temperature=float(told["temperature"]),
            weights={str(name): float(weight) for name, weight in told["weights"].items()},
            reference=arrays["reference"],
        )
        users = Beliefs(
            indptr=arrays["starts"],
            concepts=arrays["concepts"],
            means=arrays["means"],
            covariances=arrays["covariances"],
            at=arrays["at"],
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OSError):
        raise BundleError(
            f"{path}: its beliefs are damaged, or it was made before there were any.", hint="Fit again."
        ) from None
    return model, users


def _write_discovery(folder: Path, discovery: InterestDiscovery) -> None:
    reach, beyond = discovery.reach, discovery.reach.beyond
    arrays: dict[str, AnyArray] = {
        "popular": reach.popular,
        "floor": reach.floor,
        "beyond_values": beyond.data,
        "beyond_columns": beyond.indices.astype(np.int64),
        "beyond_starts": beyond.indptr.astype(np.int64),
        "meanings": discovery.meanings,
        "narrow": discovery.narrow.astype(np.uint8),
        "weights": np.array(discovery.weights),
    }
    write_arrays(folder / "discovery.safetensors", arrays)


def _read_discovery(path: Path) -> InterestDiscovery:
    try:
        arrays = read_arrays(path / "discovery.safetensors")
        n_concepts = len(arrays["popular"])
        entries = arrays["beyond_values"], arrays["beyond_columns"], arrays["beyond_starts"]
        return InterestDiscovery(
            reach=Reach(
                popular=arrays["popular"],
                floor=arrays["floor"],
                beyond=sp.csr_array(entries, shape=(n_concepts, n_concepts)),
            ),
            meanings=arrays["meanings"],
            narrow=arrays["narrow"].astype(np.bool_),
            weights=tuple(arrays["weights"].tolist()),
        )
    except (KeyError, TypeError, ValueError, OSError):
        raise BundleError(
            f"{path}: its discovery.safetensors is damaged, or it was made before there was one.", hint="Fit again."
        ) from None


def _concept(told: dict[str, Any]) -> Concept:
    """A concept as written; what it was not yet told in an older bundle has its default."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Concept(**values)


def _label(path: Path) -> str:
    """The bundle's name and a hash of its manifest, such as ``books@1f0c2a9b``: what slates carry."""
    return f"{path.name}@{hashlib.blake2b((path / MANIFEST).read_bytes(), digest_size=4).hexdigest()}"
