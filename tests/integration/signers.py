"""Signers as real processes, each with a folder of its own, made without a ceremony; and what they were asked."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.adapters.grpc.signer import GrpcSigner
from bridge.adapters.keystore.folder import SignerFolder
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.core.statements import Epoch
from bridge.core.votes import Vote
from bridge.errors import UnavailableError
from bridge.ports.committee import Commitment, SignedShare, WitnessReport
from tests.committee import EPOCH, dealing
from tests.seats import COORDINATOR, SESSION, document, identity, order

PASSPHRASE: Final = "fourteen-mice-in-a-teapot"  # noqa: S105 - of seats that live as long as a test
READY_S: Final = 30.0
POLL_S: Final = 0.02
ROOT: Final = Path(__file__).parents[2]


@dataclass
class SignerProcess:
    """One notary's signer."""

    number: int
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "signer.sock"

    @property
    def config(self) -> Path:
        return self.folder / "signer.toml"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def seats(self) -> SignerFolder:
        key = PassphraseKey(PASSPHRASE.encode(), development=True)
        return SignerFolder(self.folder / "signer", key, SqliteVoteStore.create)

    def make(self, *, dealt: bool = False) -> None:
        """Lay the folder down: identity, seat of epoch 1, configuration."""
        for path in (self.folder, self.folder / "signer"):
            path.mkdir(mode=0o700)
        (self.folder / "phrase").touch(mode=0o600)
        (self.folder / "phrase").write_text(PASSPHRASE)
        own = identity(self.number)
        self.seats.make_identity(own.to_bytes(), own.card.to_bytes())
        self.add_seat(EPOCH, dealt=dealt)
        kek = '[kek]\nkind = "passphrase"\npassphrase_file = "phrase"\n'
        self.config.write_text(f'development = true\nfolder = "signer"\nsocket = "run/signer.sock"\n{kek}')

    def add_seat(self, epoch: Epoch, *, dealt: bool = False, seed: int = 0) -> None:
        key = dealing(seed).key_packages[self.number - 1]
        text = document(epoch=epoch, seed=seed, session=SESSION, signatures=4, identities=not dealt)
        self.seats.make(epoch, key, text)

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "notary.signer", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stderr=log, cwd=ROOT)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(READY_S)

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[GrpcSigner]:
        """Ask it, once it answers."""
        client = GrpcSigner(self.socket)
        try:
            async with asyncio.timeout(READY_S):
                while not await _answers(client):
                    assert self.process is not None
                    assert self.process.poll() is None, self.log.read_text()
                    await asyncio.sleep(POLL_S)
            yield client
        finally:
            await client.close()


async def _answers(client: GrpcSigner) -> bool:
    try:
        await client.describe()
    except UnavailableError:
        return False
    return True


@contextmanager
def running(folder: Path, numbers: Sequence[int], *, dealt: bool = False) -> Iterator[list[SignerProcess]]:
    """Signers of these notaries, started; all are ended."""
    signers = [SignerProcess(number, folder / str(number)) for number in numbers]
    try:
        for signer in signers:
            signer.make(dealt=dealt)
            signer.start()
        yield signers
    finally:
        for signer in signers:
            if signer.process is not None:
                signer.kill()


async def admit(subject: GrpcSigner, witnesses: Sequence[GrpcSigner]) -> list[str]:
    """Carry the witnesses' reports to the subject, as its front does."""
    seat = (await subject.seats())[0]
    asked = WitnessReport(
        epoch=seat.epoch, witness=seat.notary, subject=seat.notary, challenge=seat.challenge, seen=None
    )
    return await subject.admit([await witness.witness(asked, seat.head) for witness in witnesses])


async def sign_together(
    signers: Sequence[GrpcSigner], votes: Sequence[Vote], commitments: Sequence[Commitment] | None = None
) -> list[SignedShare]:
    """Have each sign a list together with the others."""
    listed = commitments or [(await signer.commit(EPOCH, COORDINATOR, 1))[0] for signer in signers]
    return [
        await signer.sign(order(votes, listed, own.handle), COORDINATOR)
        for signer, own in zip(signers, listed, strict=True)
    ]
