"""The package is pure: it imports nothing that has a clock, socket, log or randomness of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge.frost

FILES = sorted(Path(bridge.frost.__file__).parent.glob("*.py"))
ALLOWED = {
    "__future__",
    "bridge",
    "coincurve",
    "collections",
    "contextlib",
    "dataclasses",
    "enum",
    "hashlib",
    "itertools",
    "typing",
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_module_of_frost_imports_only_pure_ones(path: Path) -> None:
    names = set(imported(ast.parse(path.read_text())))
    assert {name.split(".")[0] for name in names} <= ALLOWED
    assert all(n.startswith(("bridge.frost", "bridge.errors")) for n in names if n.startswith("bridge"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_module_of_frost_neither_awaits_nor_asserts(path: Path) -> None:
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.Assert, ast.Global)
    assert not [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


def test_every_public_name_is_there() -> None:
    assert all(hasattr(bridge.frost, name) for name in bridge.frost.__all__)
    assert bridge.frost.__all__ == sorted(bridge.frost.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
