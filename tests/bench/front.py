"""A notary's front whose verdicts are ready: everything of a real one but the reading of ledgers and the judging.

`python -m tests.bench.front NAME SOCKET FOLDER`: service, server, mutual TLS and the signer behind SOCKET are real. It
finds its certificate in FOLDER, and writes the address that it got to FOLDER/NAME.address.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from bridge import telemetry
from bridge.adapters.grpc.guard import peer_of
from bridge.adapters.grpc.server import Service, serve
from bridge.adapters.grpc.signer import GrpcSigner
from bridge.adapters.grpc.tls import TlsFiles
from bridge.core.caip import EndpointId
from bridge.core.peers import Role
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.ports.committee import Offer, Question, TransferRef, Verdict
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import add_NotaryServicer_to_server
from notary.judge import Judge, Judged
from notary.service import NotaryService
from tests.committee import EPOCH

NOTARY = pb.DESCRIPTOR.services_by_name["Notary"].full_name
APPROVE = (Offer(kind=Kind.LOCKED, code=0),)


class Ready:
    """Approves everything at once."""

    async def judge(self, question: Question, refs: Sequence[TransferRef]) -> list[Judged]:
        del question
        return [
            Judged(
                ref=ref,
                verdict=Verdict(transfer_id=ref.transfer_id, offers=APPROVE, waiting_for=Reason.NONE, note=""),
                expired=False,
            )
            for ref in refs
        ]

    async def epoch(self, verifier: EndpointId) -> int:
        del verifier
        return EPOCH


def tls(folder: Path, name: str) -> TlsFiles:
    return TlsFiles(ca=folder / "ca.pem", certificate=folder / f"{name}.pem", key=folder / f"{name}.key")


async def run(name: str, socket: Path, folder: Path) -> None:
    signer = GrpcSigner(socket)
    service = NotaryService(cast("Judge", Ready()), signer, (), lambda context: peer_of(context).uri)
    server = await serve(
        "127.0.0.1:0",
        [Service(name=NOTARY, add=lambda to: add_NotaryServicer_to_server(service, to))],
        {NOTARY: frozenset({Role.RELAYER})},
        tls=tls(folder, name),
    )
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    written = folder / f"{name}.address.new"
    written.write_text(server.address)
    written.rename(folder / f"{name}.address")
    await stopping.wait()
    await server.stop(0)
    await signer.close()


if __name__ == "__main__":
    telemetry.configure("notary")
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
