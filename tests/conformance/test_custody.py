from collections.abc import Iterator

import pytest

from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.ports.custody import KeyEncryption
from tests.conformance.custody import KeyEncryptionContract
from tests.unit.custody.kms import make
from tests.unit.custody.softhsm import OTHER, SoftHsm, running


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with running(tmp_path_factory.mktemp("softhsm")) as hsm:
        yield hsm


class TestPassphraseKey(KeyEncryptionContract):
    def fresh(self) -> KeyEncryption:
        return PassphraseKey(b"correct horse battery staple", development=True)

    def other(self) -> KeyEncryption:
        return PassphraseKey(b"Correct horse battery staple", development=True)


class TestPlugin(KeyEncryptionContract):
    def fresh(self) -> KeyEncryption:
        return make({"key": "11" * 32})

    def other(self) -> KeyEncryption:
        return make({"key": "22" * 32})


class TestPkcs11KeyByAesGcm(KeyEncryptionContract):
    mechanism = "AES_GCM"

    @pytest.fixture(autouse=True)
    def _on(self, softhsm: SoftHsm) -> None:
        self.hsm = softhsm

    def fresh(self) -> KeyEncryption:
        return self.hsm.key(mechanism=self.mechanism)

    def other(self) -> KeyEncryption:
        return self.hsm.key(label=OTHER, mechanism=self.mechanism)


class TestPkcs11KeyByAesKeyWrap(TestPkcs11KeyByAesGcm):
    mechanism = "AES_KEY_WRAP"
