"""Real tokens in a folder of the test: SoftHSM (Debian: softhsm2) and python-pkcs11. Skipped where one is missing."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bridge.adapters.keystore.pkcs11 import Pkcs11Key

UTIL = "softhsm2-util"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
TOKEN, LABEL, OTHER = "naru", "kek", "other"
TWINS = "twins"
"""Two tokens of one label."""
PIN = b"4711-0815"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHsm:
    module: Path

    def key(
        self, *, label: str = LABEL, token: str = TOKEN, pin: bytes = PIN, mechanism: str = "AES_GCM"
    ) -> "Pkcs11Key":
        from bridge.adapters.keystore.pkcs11 import Pkcs11Key  # noqa: PLC0415 - an extra

        return Pkcs11Key(module=self.module, token=token, label=label, pin=pin, mechanisms=(mechanism,))


@contextmanager
def running(folder: Path) -> Iterator[SoftHsm]:
    """Make a token with two keys, and two of one label, and give the library that has no other."""
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed (requirements/check.txt)")
    module = next((Path(path) for path in MODULES if Path(path).exists()), None)
    if module is None or shutil.which(UTIL) is None:
        pytest.skip("SoftHSM is not on this machine: apt-get install softhsm2")
    tokens = folder / "tokens"
    tokens.mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        for label in (TOKEN, TWINS, TWINS):
            command = [UTIL, "--init-token", "--free", "--label", label, "--pin", PIN.decode(), "--so-pin", "12345678"]
            subprocess.run(command, check=True, capture_output=True, env=os.environ)
        hsm = SoftHsm(module=module)
        for label in (LABEL, OTHER):
            assert hsm.key(label=label).make_key()
        yield hsm
        pkcs11.unload(str(module))  # the library reads its configuration once: the next test brings its own
