"""What the project asks of its code and ruff does not check."""

import ast
import re
from collections.abc import Callable

from tests.tidy import sources

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 400
PORT_METHODS_MAX = 6
MODULES = tuple(path for path in sources.python(*sources.PACKAGES) if not sources.generated(path))
POSTPONED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {str(path): len(sources.text(path).splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES_MAX} == {}


def test_a_function_fits_on_a_screen() -> None:
    functions = [
        (f"{path}:{node.lineno} {node.name}", _length(node))
        for path in MODULES
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert {name: length for name, length in functions if length > FUNCTION_LINES_MAX} == {}


def test_nothing_rests_on_assert() -> None:
    """`python -O` drops assert: raise instead."""
    assert _places(lambda node: isinstance(node, ast.Assert)) == []


def test_no_error_is_swallowed_unseen() -> None:
    assert _places(lambda node: isinstance(node, ast.ExceptHandler) and node.type is None) == []


def test_every_port_is_narrow() -> None:
    ports = [
        node
        for path in MODULES
        if path.parts[:2] == ("bridge", "ports")
        for node in sources.tree(path).body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases)
    ]
    assert ports
    assert {port.name: _methods(port) for port in ports if len(_methods(port)) > PORT_METHODS_MAX} == {}


def test_nothing_is_postponed_in_a_comment() -> None:
    """What is missing stands in docs/invariants.md or an issue."""
    texts = [path for path in sources.files() if path.suffix in {".py", ".sol", ".toml", ".proto", ".lua"}]
    assert [str(path) for path in texts if POSTPONED.search(sources.text(path))] == []


def _places(wrong: Callable[[ast.AST], bool]) -> list[str]:
    found = ((path, node) for path in MODULES for node in ast.walk(sources.tree(path)) if wrong(node))
    return [f"{path}:{getattr(node, 'lineno', 0)}" for path, node in found]


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _methods(port: ast.ClassDef) -> list[str]:
    """List what can be called; a property is a fact about the thing, not a call."""
    return [
        node.name
        for node in port.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
    ]
