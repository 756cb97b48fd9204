"""Hands every gateway over to the next committee (R-40): signed by the current one, submitted and activated by anybody.

Gateways can't change at the same instant, and one may be out of reach for days. So the signatures for all of them are
made first and kept in a file, which doesn't lapse; each run then does at each gateway what is still to be done there.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.handover import EpochView, EvmHandover
from bridge.adapters.memory.lines import MemoryLineLog
from bridge.committee.keys import key_account, public_keys
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.config import ClientConfig, CommitteeConfig, LedgerConfig
from bridge.connections import Lines, cards
from bridge.core.caip import Account, EndpointId
from bridge.core.statements import Epoch, Handover
from bridge.disk import put
from bridge.errors import BridgeError, ConfigError, InvalidInputError, LedgerRefusedError
from bridge.frost import Element, FrostError, Signature, verify
from bridge.ops.nodes import node_of
from bridge.ports.runtime import Clock

FORMAT: Final = 1


@unique
class Stage(StrEnum):
    """Where one gateway is on its way to the next committee."""

    DONE = "done"
    """The next epoch is its current one."""
    ANNOUNCED = "announced"
    """It waits for the gateway's delay to pass; its guardian may veto it."""
    SIGNED = "signed"
    """The signature is in the file, and nothing is submitted yet."""
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    """To wait does not help: mostly it takes no handover to this key, and governance must register one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway's stage. `until`: unix seconds of the ledger from which on it can be activated."""

    ledger: str
    stage: Stage
    note: str = ""
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers:
    """The next key, and the current committee's signature for each gateway.

    Raises:
        InvalidInputError: a signature is not the current committee's.
    """

    epoch: Epoch
    """The next one's."""
    key: Element
    signer: Element
    """The current group key."""
    signatures: Mapping[EndpointId, Signature]

    def __post_init__(self) -> None:
        """Refuse what no gateway would take."""
        for endpoint, signature in self.signatures.items():
            if not verify(self.signer, self.decree(endpoint).digest, signature):
                raise InvalidInputError(f"the handover for 0x{endpoint.hex()} is not signed by the current committee")

    @property
    def signer_epoch(self) -> Epoch:
        """The current one."""
        return Epoch(self.epoch - 1)

    def decree(self, verifier: EndpointId) -> Handover:
        """Give what is signed for one gateway."""
        px, py = self.key.coordinates()
        return Handover(verifier=verifier, epoch=self.epoch, px=px, py=py)

    def write(self, path: Path) -> None:
        """Keep them in a file; they don't lapse."""
        rows = {f"0x{e.hex()}": f"0x{s.to_evm().hex()}" for e, s in self.signatures.items()}
        keys = {"key": self.key.to_bytes().hex(), "signer": self.signer.to_bytes().hex()}
        put(path, json.dumps({"format": FORMAT, "epoch": self.epoch, **keys, "signatures": rows}, indent=2), mode=0o644)

    @classmethod
    def read(cls, path: Path) -> "Handovers":
        """Read what `write` kept.

        Raises:
            ConfigError: it can't be read, or is no handover file.
        """
        try:
            data = json.loads(path.read_text())
            return cls(
                epoch=Epoch(int(data["epoch"])),
                key=Element.from_bytes(bytes.fromhex(data["key"])),
                signer=Element.from_bytes(bytes.fromhex(data["signer"])),
                signatures={
                    EndpointId(bytes.fromhex(e[2:])): Signature.from_evm(bytes.fromhex(s[2:]))
                    for e, s in data["signatures"].items()
                },
            )
        except OSError as error:
            raise ConfigError((f"{path} can't be read: {error.strerror}",)) from error
        except (ValueError, KeyError, TypeError, AttributeError, FrostError, InvalidInputError) as error:
            raise ConfigError((f"{path} is no handover file, or is damaged: {error}",)) from error


async def sign_all(
    config: ClientConfig, heir: CommitteeConfig, lines: Lines, clock: Clock, path: Path, told: Callable[[str], None]
) -> Handovers:
    """Have the current committee sign the handover for every gateway of *config*; keep it in *path* as it grows.

    Raises:
        ConfigError: *heir* is not the next committee, or *path* holds another handover.
        UnavailableError: too few members sign; those must have approved it.
    """
    begun = begin(config.committee, heir, path)
    found = dict(begun.signatures)
    keys = public_keys(config.committee)
    committee = Committee(epoch=begun.signer_epoch, keys=keys, cards=cards(config.committee))
    desk = SigningDesk(committee, lines.notaries(config.committee), clock, TranscriptLog(MemoryLineLog()))
    try:
        for ledger in config.ledgers:
            if ledger.endpoint.id not in found:
                decree = begun.decree(ledger.endpoint.id)
                found[ledger.endpoint.id] = (await desk.endorse(decree)).signature
                replace(begun, signatures=found).write(path)
            told(ledger.name)
    finally:
        await desk.close()
    return replace(begun, signatures=found)


def begin(current: CommitteeConfig, heir: CommitteeConfig, path: Path) -> Handovers:
    """Read what *path* has of this handover, or begin one without signatures.

    Raises:
        ConfigError: *heir* is not the next committee, or *path* holds another handover.
    """
    if heir.epoch != current.epoch + 1:
        raise ConfigError((f"epoch {heir.epoch} can't follow epoch {current.epoch}: give the next one's document",))
    key, signer = public_keys(heir).group_public_key, public_keys(current).group_public_key
    fresh = Handovers(epoch=Epoch(heir.epoch), key=key, signer=signer, signatures={})
    if not path.exists():
        return fresh
    kept = Handovers.read(path)
    if replace(kept, signatures={}) != fresh:
        raise ConfigError((f"{path} holds another handover: give another file",))
    return kept


async def advance(ledgers: Sequence[LedgerConfig], handovers: Handovers, key_hex: str) -> list[Gateway]:
    """Do at each gateway what can be done now: announce, or activate once the delay is over. Idempotent."""
    return [await _advance(ledger, handovers, key_hex) for ledger in ledgers]


async def _advance(ledger: LedgerConfig, handovers: Handovers, key_hex: str) -> Gateway:
    try:
        async with node_of(ledger) as node:
            gateway, account = EvmHandover(node, ledger.gateway), EvmAccount(node, key_hex)
            before, at = await _look(ledger.name, gateway, handovers)
            try:
                if before.stage is Stage.SIGNED:
                    signature = handovers.signatures[ledger.endpoint.id]
                    await gateway.announce(account, handovers.decree(ledger.endpoint.id), handovers.signer, signature)
                elif before.stage is Stage.ANNOUNCED and at >= before.until:
                    await gateway.activate(account)
                else:
                    return before
            except LedgerRefusedError as error:  # anybody may do the same, and was perhaps faster
                after, _ = await _look(ledger.name, gateway, handovers)
                note = f"the gateway refuses: {error}"
                return Gateway(ledger=ledger.name, stage=Stage.STOPPED, note=note) if after == before else after
            return (await _look(ledger.name, gateway, handovers))[0]
    except BridgeError as error:
        stage = Stage.UNREACHABLE if error.retryable else Stage.STOPPED
        return Gateway(ledger=ledger.name, stage=stage, note=str(error))


async def _look(name: str, gateway: EvmHandover, handovers: Handovers) -> tuple[Gateway, int]:
    """Tell a gateway's stage, and the time of its newest block."""
    view, heir = await gateway.view(), key_account(handovers.key)
    return _stage(name, view, handovers, heir, struck=await gateway.is_struck(handovers.epoch, heir)), view.time


def _stage(name: str, view: EpochView, handovers: Handovers, heir: Account, *, struck: bool) -> Gateway:
    if view.current == handovers.epoch and view.current_key == heir:
        return Gateway(ledger=name, stage=Stage.DONE)
    if (view.pending, view.pending_key) == (handovers.epoch, heir):
        return Gateway(ledger=name, stage=Stage.ANNOUNCED, until=view.ready)
    if struck:
        note = "its guardian vetoed this key: agree why, then let governance register the next one (R-40)"
        return Gateway(ledger=name, stage=Stage.STOPPED, note=note)
    if view.current == handovers.epoch - 1 and view.current_key == key_account(handovers.signer) and not view.pending:
        return Gateway(ledger=name, stage=Stage.SIGNED)
    note = f"epoch {view.current} is current there, {view.pending or 'none'} announced: governance must re-key it"
    return Gateway(ledger=name, stage=Stage.STOPPED, note=note)
