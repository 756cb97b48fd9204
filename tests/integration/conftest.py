"""One network for all tests of a file that only look at it, or break what its supervisor mends.

One for all files would save two starts, and take half a core until the last test has ended: it makes blocks and looks.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support import Network, running


@pytest.fixture(scope="session", autouse=True)
def _runtime_folder() -> Iterator[None]:
    """Keep the networks of tests apart from those that the user runs. The path is short: sockets stand in it."""
    with tempfile.TemporaryDirectory(prefix="naru-t-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    """A folder for networks in which none runs."""
    with tempfile.TemporaryDirectory(prefix="naru-t-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def network(_runtime_folder: None) -> Iterator[Network]:
    with running() as started:
        started.prepare()
        yield started
