"""Builds the wheel, installs it with its pinned requirements into a clean environment, and runs it: `make wheel`."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.tidy.sources import PACKAGES, ROOT, files

PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
CARRIED = frozenset({".py", ".pyi", ".json", ".lua", ".typed"})


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        if missing := expected() - contents(wheel):
            sys.exit(f"wheel: not in {wheel.name}: {', '.join(sorted(missing))}")
        if foreign := {path for path in contents(wheel) if path.split("/")[0] not in PACKAGES} - metadata(wheel):
            sys.exit(f"wheel: does not belong in {wheel.name}: {', '.join(sorted(foreign))}")
        python = install(wheel, folder / "venv")
        for arguments in (["--version"], ["--help"]):
            _run(folder, str(python.with_name("naru")), *arguments)
        _run(folder, str(python), "-m", "pip", "check")
    print(f"wheel: {wheel.name} builds, installs and runs; {len(expected())} files")


def build(folder: Path) -> Path:
    """Build the wheel into *folder*, from the work tree, with the pinned hatchling."""
    _run(ROOT, sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    return next(folder.glob("naru_bridge-*.whl"))


def expected() -> set[str]:
    """List what the wheel has to carry."""
    return {str(path) for path in files() if path.parts[0] in PACKAGES and path.suffix in CARRIED}


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> set[str]:
    return {path for path in contents(wheel) if ".dist-info/" in path}


def install(wheel: Path, venv: Path) -> Path:
    """Make an environment that holds the wheel and its pinned requirements; give its Python."""
    _run(ROOT, sys.executable, "-m", "venv", str(venv))
    python = venv / "bin" / "python"
    pinned = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile")
    _run(ROOT, str(python), *PIP, "install", *pinned, "--requirement", "requirements/run.txt")
    _run(ROOT, str(python), *PIP, "install", "--no-index", "--no-deps", str(wheel))
    return python


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"wheel: `{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
