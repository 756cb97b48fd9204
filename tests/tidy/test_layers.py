"""Import directions (ARCHITECTURE.md): errors <- core, frost <- ports <- adapters <- everything above."""

import ast
from pathlib import Path

import pytest

from tests.tidy import sources

CORE = ("bridge.errors", "bridge.core")
FROST = ("bridge.errors", "bridge.frost")
PORTS = (*CORE, "bridge.frost", "bridge.ports")
DAEMON = (*PORTS, "bridge.config", "bridge.notary_config", "bridge.relayer_config", "bridge.telemetry", "bridge.rpc")
"""What a daemon's own modules may know: no concrete adapter."""
ROOTS = (
    *DAEMON,
    "bridge.committee",
    "bridge.connections",
    "bridge.custody",
    "bridge.ca",
    "bridge.disk",
    "bridge.hardening",
    "bridge.adapters",
)
"""What a composition root may know besides its own package."""
ALLOWED = {
    "bridge.errors": (),
    "bridge.core": CORE,
    "bridge.frost": FROST,
    "bridge.ports": PORTS,
    "bridge.rpc": ("bridge.rpc",),
    "bridge.config": (*PORTS, "bridge.config"),
    "bridge.notary_config": (*PORTS, "bridge.config"),
    "bridge.relayer_config": (*PORTS, "bridge.config"),
    "bridge.committee": (*PORTS, "bridge.config", "bridge.committee"),
    "bridge.ca": (*CORE, "bridge.ca"),
    "bridge.connections": (
        *PORTS,
        "bridge.config",
        "bridge.relayer_config",
        "bridge.committee",
        "bridge.adapters.grpc",
    ),
    "bridge.telemetry": ("bridge.errors", "bridge.telemetry"),
    "bridge.hardening": ("bridge.errors",),
    "bridge.disk": (),
    "bridge.custody": (*PORTS, "bridge.config", "bridge.notary_config", "bridge.adapters"),
    "bridge.daemon": ("bridge.errors", "bridge.config", "bridge.telemetry"),
    "bridge.adapters": (*PORTS, "bridge.rpc", "bridge.telemetry", "bridge.disk"),
    "bridge.adapters.ceremony": (
        *PORTS,
        "bridge.config",
        "bridge.committee",
        "bridge.disk",
        "bridge.adapters.ceremony",
    ),
    "bridge.oversight": (*DAEMON, "bridge.oversight"),
    "bridge.devnet": (*ROOTS, "bridge.devnet"),
    "bridge.ops": (*ROOTS, "bridge.devnet", "bridge.ops"),
    "relayer.__main__": (*ROOTS, "bridge.daemon", "relayer"),
    "relayer": (*DAEMON, "bridge.committee", "relayer"),
    "notary.__main__": (*ROOTS, "bridge.daemon", "notary"),
    "notary": (*DAEMON, "bridge.committee", "bridge.hardening", "notary"),
    "notary.signer.__main__": (*ROOTS, "bridge.daemon", "notary.signer"),
    "notary.signer.service": (*DAEMON, "bridge.committee", "bridge.adapters.grpc", "notary.signer"),
    "notary.service": (*DAEMON, "notary", "bridge.adapters.grpc"),  # the server's end of the client's wire format
}
"""By module or package, the longest name that fits counts; what it may import of this project."""
IMPURE = {
    "asyncio",
    "datetime",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "structlog",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
MODULES = tuple(path for path in sources.python(*sources.PACKAGES) if not sources.generated(path))


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 10


def test_a_module_imports_only_what_stands_below_it() -> None:
    wrong = {sources.module(path): _not_allowed(path) for path in MODULES}
    assert {name: targets for name, targets in wrong.items() if targets} == {}, "see ALLOWED above"


def test_the_core_has_no_clock_socket_or_chance() -> None:
    pure = [path for path in MODULES if path.parts[:2] in {("bridge", "core"), ("bridge", "frost")}]
    assert pure
    for path in pure:
        assert not {target.split(".")[0] for target in _imports(path)} & IMPURE, path
        assert not [n for n in ast.walk(sources.tree(path)) if isinstance(n, ast.AsyncFunctionDef | ast.Await)], path


def _not_allowed(path: Path) -> list[str]:
    allowed = _allowed(sources.module(path))
    return sorted(
        target
        for target in _imports(path)
        if target != "bridge"  # its __init__ holds the version
        and target.split(".")[0] in sources.PACKAGES
        and not any(_within(target, prefix) for prefix in allowed)
    )


def _allowed(name: str) -> tuple[str, ...]:
    if name == "bridge":
        return ()
    owner = max((prefix for prefix in ALLOWED if _within(name, prefix)), key=len, default=None)
    if owner is None:
        pytest.fail(f"{name} has no row in ALLOWED: say what it may import")
    if owner == "bridge.adapters":  # one folder per outside system; none imports another
        return (*ALLOWED[owner], ".".join(name.split(".")[:3]))
    return ALLOWED[owner]


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def _imports(path: Path) -> set[str]:
    """List imported modules in full; `from package import name` counts as package.name where that is a module."""
    found: set[str] = set()
    for node in ast.walk(sources.tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            found.update(f"{base}.{alias.name}" if _is_module(f"{base}.{alias.name}") else base for alias in node.names)
    return found


def _is_module(name: str) -> bool:
    path = sources.ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()
