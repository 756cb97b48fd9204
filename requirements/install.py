"""Makes .venv and fills it with one of the lists beside this file. Needs Python only; run by make, by hand if need be.

Two at once wait for each other (file lock). A stamp in .venv says what is installed; the next run then does nothing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LEVELS = ("run", "test", "check")
"""Each list holds the one before it."""
PROGRESS_S = 5
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def main(level: str) -> None:
    """Install *level* unless it is there."""
    if _installed(level):
        return
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another set-up is at work in this folder; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not _installed(level):
            _install(level)


def _installed(level: str) -> bool:
    wider = LEVELS[LEVELS.index(level) :]
    fresh = any(_stamp(name).exists() and _stamp(name).read_text() == _fingerprint(name) for name in wider)
    return fresh and _runs(PYTHON)


def _install(level: str) -> None:
    started = time.monotonic()
    if not _runs(PYTHON):
        _say(f"making .venv with {sys.executable} ({sys.version.split()[0]})")
        shutil.rmtree(VENV, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(VENV))
    requirements = ROOT / "requirements" / f"{level}.txt"
    count = sum(line[:1].isalnum() for line in requirements.read_text().splitlines())
    _say(f"installing {count} packages, each checked by its hash (about 30 s the first time)")
    # The list is complete, so pip need not resolve; it would compile on one core.
    options = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile")
    _pip(count, "install", *options, "--requirement", str(requirements))
    compile_all = (str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(VENV / "lib"))
    subprocess.run(compile_all, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    _say("installing the project itself")
    _pip(0, "install", "--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    _stamp(level).write_text(_fingerprint(level))
    _say(f"ready after {time.monotonic() - started:.0f} s")


def _runs(python: Path) -> bool:
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"
    return python.exists() and subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0


def _stamp(level: str) -> Path:
    return VENV / f".naru-{level}"


def _fingerprint(level: str) -> str:
    files = (ROOT / "pyproject.toml", ROOT / "requirements" / f"{level}.txt")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files) + str(ROOT).encode()).hexdigest()


def _run(*command: str) -> None:
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        sys.exit(f"setup: `{' '.join(command)}` failed: its output above says why")


def _pip(count: int, *arguments: str) -> None:
    """Run pip, count what it fetches, and show its output only if it fails."""
    log: list[str] = []
    command = [str(PYTHON), *PIP, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        seen, shown = 0, time.monotonic()
        for line in process.stdout or ():
            log.append(line)
            seen += line.startswith("Collecting ")
            if count and (time.monotonic() - shown > PROGRESS_S or line.startswith("Installing collected")):
                _say("unpacking" if line.startswith("Installing") else f"fetched {seen} of {count}")
                shown = time.monotonic()
    if process.returncode != 0:
        sys.stderr.writelines(log[-30:])
        sys.exit("setup: pip failed, see above. Without a network? The packages come from the registry pip is set to.")


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main(sys.argv[1] if len(sys.argv) > 1 else LEVELS[0])
