"""What the tidy tests look at: the files that are, or would be, in the repository."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bridge", "relayer", "notary")
GENERATED = (Path("bridge/rpc"),)
_NOT_OURS = frozenset({".git", ".venv", ".cache", "node_modules", "__pycache__", "build", "dist", "out", "cache"})
_BINARY = frozenset({".png", ".ico", ".woff2"})


@cache
def files() -> tuple[Path, ...]:
    """List every file that is tracked, or would be by `git add .`; relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git as the person has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [Path(line) for line in listed.stdout.splitlines()]
    else:  # not a checkout: an unpacked source distribution, or a mutant's copy
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not _NOT_OURS & set(path.parts)]
    return tuple(sorted(path for path in paths if (ROOT / path).is_file() and path.suffix not in _BINARY))


def generated(path: Path) -> bool:
    """Tell whether a tool wrote the file."""
    return any(path.is_relative_to(folder) for folder in GENERATED)


def python(*roots: str) -> tuple[Path, ...]:
    """List the Python files below *roots*."""
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in roots)


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), str(path))


def module(path: Path) -> str:
    """Give the dotted name of a Python file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
