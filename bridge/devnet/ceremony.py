"""The embedded network's key made as a real committee makes it: by the commands that its operators would give."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import tomli_w

from bridge.committee.proposal import Proposal, ProposedLedger, member_of
from bridge.config import CommitteeConfig, LedgerConfig, MemberConfig, TlsConfig, load
from bridge.core.caip import LedgerId
from bridge.core.statements import Epoch
from bridge.devnet.process import die_with_parent, python
from bridge.errors import UnavailableError
from bridge.notary_config import SignerConfig

TIMEOUT_S: Final = 120.0


async def make_key(
    folder: Path,
    epoch: Epoch,
    members: tuple[MemberConfig, ...],
    ledgers: tuple[LedgerConfig, ...],
    signers: Mapping[int, SignerConfig],
    tls: TlsConfig,
) -> CommitteeConfig:
    """Propose, have every operator approve, drive the ceremony, try the key; give the committee document.

    Raises:
        UnavailableError: a command failed; what it said is in the text.
    """
    proposal, configs = _write(folder, _proposal(epoch, members, ledgers), signers)
    made = folder / f"epoch-{epoch}.toml"
    for config in configs:
        await _run("committee", "approve", str(proposal), "--config", str(config), "--yes")
    await _run("committee", "run", str(proposal), "--out", str(made), "--tls", str(tls.key_file.parent))
    return load(made, CommitteeConfig)


def _proposal(epoch: Epoch, members: tuple[MemberConfig, ...], ledgers: tuple[LedgerConfig, ...]) -> Proposal:
    return Proposal(
        epoch=epoch,
        attempt=1,
        created=datetime.now(UTC).date().isoformat(),
        members=tuple(member_of(member) for member in members),
        ledgers=tuple(
            ProposedLedger(name=ledger.name, ledger=LedgerId(ledger.ledger), endpoint=ledger.endpoint.id)
            for ledger in ledgers
        ),
        development=True,
    )


def _write(folder: Path, proposal: Proposal, signers: Mapping[int, SignerConfig]) -> tuple[Path, list[Path]]:
    folder.mkdir()
    path = folder / "proposal.toml"
    path.write_text(proposal.to_toml())
    configs = []
    for number, signer in signers.items():
        configs.append(folder / f"signer-{number}.toml")
        configs[-1].write_text(tomli_w.dumps(signer.model_dump(mode="json", exclude_none=True)))
    return path, configs


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *python("bridge.ops.cli.main", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=die_with_parent(os.getpid()),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise UnavailableError(f"naru {arguments[0]} {arguments[1]} did not end within {TIMEOUT_S:.0f} s") from None
    if process.returncode:
        raise UnavailableError(f"naru {arguments[0]} {arguments[1]}: {said.decode(errors='replace').strip()}")
