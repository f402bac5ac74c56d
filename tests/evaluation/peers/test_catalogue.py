"""The peers that are known, their scripts, and what is written about them."""

import ast
import sys
from pathlib import Path

import pytest

from penchant.errors import NotFoundError
from penchant.evaluation.peers.catalogue import PEERS, RUNNER, chosen

ROOT = Path(__file__).resolve().parents[3]
BROUGHT = {"rectools": {"pandas", "pytorch_lightning"}, "recbole": {"torch"}, "lenskit": {"pandas"}}
"""What a library itself needs, and so brings."""


def script(peer: str) -> ast.Module:
    return ast.parse(RUNNER.with_name(f"{peer}_peer.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("peer", PEERS)
def test_a_script_runs_the_algorithms_of_the_catalogue_with_the_settings_of_their_spaces(peer):
    tree = script(peer)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    table = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ALGORITHMS"
    )
    assert isinstance(table, ast.Dict)
    named = {
        k.value: v.id
        for k, v in zip(table.keys, table.values, strict=True)
        if isinstance(k, ast.Constant) and isinstance(v, ast.Name)
    }
    assert set(named) == set(PEERS[peer].algorithms)
    for algorithm, space in PEERS[peer].algorithms.items():
        arguments = functions[named[algorithm]].args
        assert [one.arg for one in arguments.args] == ["split", "run"]
        assert space
        if arguments.kwarg is None:  # else the library itself refuses what it does not know
            assert set(space) <= {one.arg for one in arguments.kwonlyargs}, algorithm


@pytest.mark.parametrize("peer", PEERS)
def test_a_script_imports_the_library_numpy_and_the_standard_library_alone(peer):
    imported = set()
    for node in ast.walk(script(peer)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    allowed = {peer, "numpy", "plain_split", *BROUGHT.get(peer, ())} | sys.stdlib_module_names
    assert imported <= allowed


def test_the_page_names_every_algorithm_and_version():
    page = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    for peer in PEERS.values():
        assert peer.requirements[0].partition("==")[2] in page, peer.name
        for algorithm in peer.algorithms:
            assert f"`{peer.name}:{algorithm}`" in page


def test_names_choose_libraries_or_single_algorithms():
    pairs = [
        (peer.name, algorithm) for peer, algorithm in chosen(["implicit:bpr", "lenskit", "implicit", "implicit:bpr"])
    ]
    assert pairs == [
        ("implicit", "bpr"), ("lenskit", "item_knn"), ("lenskit", "als"), ("lenskit", "ease"),
        ("implicit", "als"), ("implicit", "cosine"), ("implicit", "bm25"),
    ]  # fmt: skip
    assert chosen([]) == []
    with pytest.raises(NotFoundError, match="gorse"):
        chosen(["gorse"])
