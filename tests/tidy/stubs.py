"""The gRPC stubs under bridge/rpc, from proto/ by the pinned generator. Run as a module: `make proto`."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tidy.sources import ROOT

PROTO = ROOT / "proto"
RPC = ROOT / "bridge" / "rpc"


def available() -> bool:
    """Tell whether the generator is installed (requirements/check.txt)."""
    return importlib.util.find_spec("grpc_tools") is not None and _plugin("mypy").exists()


def generate(into: Path) -> None:
    """Write the stubs of every .proto file below *into*."""
    outputs = [f"--{name}_out={into}" for name in ("python", "grpc_python", "mypy", "mypy_grpc")]
    plugins = [f"--plugin=protoc-gen-{name}={_plugin(name)}" for name in ("mypy", "mypy_grpc")]
    protos = [str(path.relative_to(PROTO)) for path in sorted(PROTO.rglob("*.proto"))]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *plugins, *outputs, *protos]
    subprocess.run(command, cwd=PROTO, check=True, capture_output=True)


def stale() -> list[str]:
    """Name the committed stubs that differ from those made anew, are missing, or are made no more."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        made = _texts(Path(folder) / "bridge" / "rpc")
    committed = _texts(RPC)
    return sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))


def _texts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*_pb2*.py*") if _is_source(path)}


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".pyi"}


def _plugin(name: str) -> Path:
    return Path(sys.executable).with_name(f"protoc-gen-{name}")


if __name__ == "__main__":
    if "--write" in sys.argv:
        generate(ROOT)
    elif differing := stale():
        sys.exit(f"proto: stale in bridge/rpc: {', '.join(differing)}; run `make proto WRITE=1` and commit")
    print("proto: fresh")
