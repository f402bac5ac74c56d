"""Every model on the same split, asked the same cases, measured by the same code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.polarity import consumption
from penchant.data.splitting import Protocol, SplitConfig, splits
from penchant.errors import ConfigError
from penchant.evaluation.assembling import Findings, SplitRecord, assemble
from penchant.evaluation.bench import Bench
from penchant.evaluation.case_values import case_values, with_stability
from penchant.evaluation.exporting import ListFolder
from penchant.evaluation.learning_curve import check_shares, learning_curve
from penchant.evaluation.results import CurvePoint, EvaluationResult
from penchant.interfaces import Encoder, Recommender
from penchant.metrics.diversity import item_similarity
from penchant.metrics.ranking import check_ks
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import SILENT, Progress
from penchant.registry import Registry
from penchant.seeding import numpy_rng
from penchant.training.folders import states_of


def evaluate(
    dataset: Dataset,
    models: Sequence[str],
    *,
    protocol: Protocol = "leave-one-out",
    ks: Sequence[int] = (5, 10),
    exclude_history: bool | None = None,
    sample_users: int | None = None,
    seeds: Sequence[int] = (0,),
    split_config: SplitConfig | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    encoder: Encoder | None = None,
    registry: Registry[Recommender] | None = None,
    curve_shares: Sequence[float] = (),
    lists_to: Path | None = None,
    fitted: Callable[[str, int, Recommender], None] | None = None,
    checkpoints: Path | None = None,
    resume: bool | None = None,
    run_log: Path | None = None,
    device: str = "auto",
    stability: bool = False,
    progress: Progress = SILENT,
) -> EvaluationResult:
    """Fit each model on the protocol's training part and rank the whole catalogue for every test case.

    What was turned down or only shown (`penchant.data.polarity`) is neither learned from nor asked for.

    `exclude_history` takes a user's history, the targets excepted, out of the ranking; None gives both variants from
    the same scores. `sample_users` asks a seeded sample of the test users and changes nothing else. `seeds` are those
    of fits and ties; the split has its own in `split_config`. `settings` maps a model's name to its settings.
    `encoder` reads the items' texts, once for all models; without one no model sees text. `curve_shares` adds a
    learning curve over these shares of the records, `lists_to` writes every list into a folder, `fitted` is told each
    fitted model with its name and seed. `stability` asks every model also as it would have been asked one event
    earlier, and gives the share of each list that was there already.

    In the folder `checkpoints` every training keeps its state until the evaluation has ended: stopped, the same call
    with ``resume=True`` takes over what was trained and gives the same metrics. `run_log` gets one line of JSON for
    each epoch of each training, `device` says where they compute, as in `FitOptions`.

    Raises `ConfigError` and `NotFoundError` for wrong arguments before anything is fitted, `ProtocolError` where the
    data cannot serve the protocol.
    """
    ks, models, seeds = check_ks(ks), tuple(dict.fromkeys(models)), tuple(dict.fromkeys(seeds))
    shares = check_shares(curve_shares)
    _check(models, seeds, sample_users)
    config = split_config or SplitConfig()
    bench = Bench(
        registry=registry if registry is not None else RECOMMENDERS,
        settings=settings or {},
        items=dataset.items,
        encoder=encoder,
        ks=ks,
        exclude=(True, False) if exclude_history is None else (exclude_history,),
        progress=progress,
        fitted=fitted,
        checkpoints=checkpoints,
        resume=resume,
        run_log=run_log,
        device=device,
        ask_before=stability,
    )
    bench.check(models)
    work = work_of(
        dataset, models, protocol=protocol, split_config=config, seeds=seeds, settings=settings or {}, encoder=encoder
    )
    with states_of(work, checkpoints, resume=resume, progress=progress):
        return _evaluate(
            dataset, models, bench, protocol, config, seeds, shares, sample_users=sample_users, lists_to=lists_to
        )


def work_of(
    dataset: Dataset,
    models: Sequence[str],
    *,
    protocol: Protocol,
    split_config: SplitConfig,
    seeds: Sequence[int],
    settings: Mapping[str, Mapping[str, Any]],
    encoder: Encoder | None,
) -> dict[str, Any]:
    """What must be the same for an evaluation to go on from the states of another."""
    return {
        "work": "evaluate",
        "data": dataset.fingerprint,
        "models": list(models),
        "protocol": protocol,
        "split": repr(split_config),
        "seeds": list(seeds),
        "settings": {name: dict(values) for name, values in settings.items()},
        "encoder": None if encoder is None else encoder.identity,
    }


def _evaluate(
    dataset: Dataset,
    models: Sequence[str],
    bench: Bench,
    protocol: Protocol,
    config: SplitConfig,
    seeds: Sequence[int],
    shares: Sequence[float],
    *,
    sample_users: int | None,
    lists_to: Path | None,
) -> EvaluationResult:
    folder = (
        ListFolder(lists_to, users=dataset.users, items=dataset.items, protocol=protocol)
        if lists_to is not None
        else None
    )
    findings: Findings = {(model, seed): [] for seed in seeds for model in models}
    records: list[SplitRecord] = []
    curve: tuple[CurvePoint, ...] = ()
    for whole in splits(consumption(dataset), protocol, config=config):
        split = replace(whole, test=_sampled(whole.test, sample_users, seed=config.seed))
        similarity = item_similarity(split.train, bench.item_vectors)
        if folder is not None:
            folder.begin(split.test)
        for (model, seed), found in findings.items():
            run = bench.run(model, split, seed=seed)
            values = {v: case_values(a, split, ks=bench.ks, similarity=similarity) for v, a in run.answers.items()}
            if run.before is not None:
                values = {v: with_stability(values[v], a, run.before[v], ks=bench.ks) for v, a in run.answers.items()}
            found.append((run.costs, values))
            if folder is not None:
                folder.write(model, run.answers, seed=seed)
        if shares and not records:
            curve = learning_curve(bench, models, split, shares, similarity=similarity, seed=seeds[0])
        records.append(SplitRecord(hash=whole.hash, facts=whole.facts, asked=len(split.test), similar_by=similarity.by))
    return assemble(dataset, protocol, bench, findings, records, curve=curve, seeds=seeds, sample_users=sample_users)


def _check(models: Sequence[str], seeds: Sequence[int], sample_users: int | None) -> None:
    if not models:
        raise ConfigError("No model to evaluate was named.", hint=f"There are: {', '.join(RECOMMENDERS)}.")
    if not seeds or min(seeds) < 0:
        raise ConfigError(f"Seeds are whole numbers from 0; {list(seeds)} came.", hint="Give seeds such as 0,1,2.")
    if sample_users is not None and sample_users < 1:
        raise ConfigError(f"A sample has one user or more; {sample_users} came.", hint="Leave it out to ask everyone.")


def _sampled(cases: Cases, n: int | None, *, seed: int) -> Cases:
    """The cases of a seeded sample of the users asked."""
    users = np.unique(cases.histories.users)
    if n is None or n >= len(users):
        return cases
    chosen = numpy_rng(seed, "sample users").choice(users, size=n, replace=False)
    return cases.take(np.flatnonzero(np.isin(cases.histories.users, chosen)))
