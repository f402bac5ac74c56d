"""The result, put together: over seeds, who is ahead of whom, and what a reader must know."""

import os
from collections.abc import Mapping, Sequence

from penchant.data.dataset import Dataset
from penchant.data.partition import cautions
from penchant.evaluation.case_values import CaseValues, averaged
from penchant.evaluation.comparing import compare, summarise
from penchant.evaluation.measuring import environment
from penchant.evaluation.peers.results import PeerComparison
from penchant.evaluation.peers.tournament import Tournament
from penchant.evaluation.results import Comparison

PEAK_IS = "highest resident memory of the model's own process, its libraries and the data included (VmHWM)"


def assemble(
    tournament: Tournament, dataset: Dataset, *, protocol: str, text: str | None, minutes: float
) -> PeerComparison:
    """Average, compare, and say how it was done."""
    split, conditions = tournament.split, tournament.conditions
    models = tournament.whole()
    results = tuple(tournament.results)
    over_seeds = {
        (model, exclude): averaged([tournament.values[model, seed, exclude] for seed in tournament.seeds])
        for model in models
        for exclude in (True, False)
        if (model, tournament.seeds[0], exclude) in tournament.values
    }
    sources = {result.model: result.source for result in results}
    return PeerComparison(
        dataset={
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "users": dataset.n_users,
            "items": dataset.n_items,
            "events": len(dataset.events),
        },
        protocol={
            "name": protocol,
            "k": list(tournament.ks),
            "ranking": "full: every item that the model can rank",
            "exclude_history": [True, False],
            "seeds": list(tournament.seeds),
            "trials": tournament.trials,
            "chosen_by": f"{tournament.metric} on validation, history excluded"
            if tournament.trials > 1
            else "defaults",
            "asked": len(split.test),
            "fitted_on_validation": False,
            "text": text,
            "diversity_by": tournament.similarity.by,
            "threads": conditions.threads,
            "limit_minutes": minutes,
            "peak_rss_is": PEAK_IS,
            "split_hash": split.hash,
            **split.facts,
        },
        results=results,
        summaries=summarise([result for result in results if result.model in models], over_seeds),
        comparisons=tuple(
            comparison
            for exclude in (True, False)
            for comparison in _compared(
                {model: values for (model, variant), values in over_seeds.items() if variant == exclude},
                sources,
                ks=tournament.ks,
                exclude_history=exclude,
            )
        ),
        searches=tuple(tournament.searches),
        failures=tuple(tournament.failures),
        environment={**environment(), "load_average": [round(load, 2) for load in os.getloadavg()]},
        notes=tuple(_notes(tournament, text)),
    )


def _compared(
    values: Mapping[str, CaseValues], sources: Mapping[str, str], *, ks: Sequence[int], exclude_history: bool
) -> tuple[Comparison, ...]:
    """The model ahead against every other, and each of ours against the best peer."""
    headline = f"ndcg@{ks[-1]}"
    ordered = sorted(values, key=lambda model: -values[model].values[headline].mean())
    if len(ordered) < 2:
        return ()
    pairs = [(ordered[0], other) for other in ordered[1:]]
    peers = [model for model in ordered if sources[model] != "penchant"]
    ours = [model for model in ordered if sources[model] == "penchant"]
    pairs += [(model, peers[0]) for model in ours if peers and not {(model, peers[0]), (peers[0], model)} & set(pairs)]
    return compare(values, ks=ks, exclude_history=exclude_history, pairs=pairs)


def _notes(tournament: Tournament, text: str | None) -> list[str]:
    facts = tournament.split.facts
    notes = cautions(facts)
    if text is not None:
        notes.append("Our models may read the items' texts, which peers are not given; --no-text takes them away.")
    cut = sorted({result.model for result in tournament.results if result.facts.get("cut_short")})
    if cut:
        notes.append(f"Cut short by the time limit, and so perhaps below its best: {', '.join(cut)}.")
    plain = sorted({result.model for result in tournament.results} - {search.model for search in tournament.searches})
    if tournament.trials > 1 and plain:
        notes.append(f"Run with the defaults alone, since no search space is stated for them: {', '.join(plain)}.")
    return notes
