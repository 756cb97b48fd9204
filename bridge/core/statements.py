"""What the committee signs (protocol.md, section 3): statements, decrees and their EIP-712 digests.

A statement is a fact or verdict about a list of transfers, bound to its verifier by the domain's salt. A decree is
about the committee itself, and signed only where each signer's operator has approved it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, TypeAlias

from bridge.core.caip import EndpointId, word
from bridge.core.keccak import keccak
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.transfer import U64_MAX, TransferId
from bridge.errors import InvalidInputError

Digest = NewType("Digest", bytes)
Epoch = NewType("Epoch", int)

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,bytes32 salt)"
_DOMAIN_PREFIX: Final = keccak(DOMAIN_TYPE.encode()) + keccak(b"Naru") + keccak(b"1")


class Kind(StrEnum):
    """The statements about transfers."""

    LOCKED = "Locked"
    REFUSED = "Refused"
    OUTCOME = "Outcome"


TYPES: Final = {
    Kind.LOCKED: "Locked(uint64 epoch,bytes32[] transfers)",
    Kind.REFUSED: "Refused(uint64 epoch,bytes32[] transfers,bytes reasons)",
    Kind.OUTCOME: "Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)",
}
HANDOVER_TYPE: Final = "Handover(uint64 epoch,uint256 px,uint256 py)"
CLOSED_TYPE: Final = "Closed(uint64 epoch,bytes32 endpoint)"
SESSION_LEN: Final = 32
_TRIAL_TAG: Final = keccak(b"naru.trial.1")
_TYPEHASHES: Final = {kind: keccak(text.encode()) for kind, text in TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One transfer in a statement. `code`: 0 in Locked, a reason in Refused, an outcome in Outcome; one byte."""

    transfer_id: TransferId
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A list about transfers that one signature covers; the order is the coordinator's and fixed by the digest.

    Raises:
        InvalidInputError: the epoch is not a u64 above zero, the list is empty, an id occurs twice, or a code is not
            one of its kind.
    """

    kind: Kind
    verifier: EndpointId
    epoch: Epoch
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        """Refuse what no gateway would take."""
        ids = [item.transfer_id for item in self.items]
        _check_epoch(self.epoch)
        if not ids:
            msg = "a statement names at least one transfer"
            raise InvalidInputError(msg)
        if len(set(ids)) != len(ids):
            msg = "a statement names no transfer twice"
            raise InvalidInputError(msg)
        for item in self.items:
            _check_code(self.kind, item.code)

    @property
    def signer_epoch(self) -> Epoch:
        """Whose signature counts."""
        return self.epoch

    @property
    def codes(self) -> bytes:
        """One byte an item: reasons or outcomes; empty in Locked."""
        return b"" if self.kind is Kind.LOCKED else bytes(item.code for item in self.items)

    @property
    def digest(self) -> Digest:
        """keccak256(0x1901 ‖ domain separator ‖ hashStruct): the 32 bytes that the committee signs."""
        return _digest(self.verifier, self._struct_hash())

    def _struct_hash(self) -> bytes:
        ids = keccak(b"".join(word(item.transfer_id) for item in self.items))
        body = _TYPEHASHES[self.kind] + self.epoch.to_bytes(32) + ids
        if self.kind is not Kind.LOCKED:
            body += keccak(self.codes)
        return keccak(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The next epoch's group key (R-40), for one gateway; signed by the epoch before.

    Raises:
        InvalidInputError: the epoch is not a u64 above one: the first key is governance's to register.
    """

    verifier: EndpointId
    epoch: Epoch
    """The next one's."""
    px: int
    py: int

    def __post_init__(self) -> None:
        """Refuse what no gateway would take."""
        if not 1 < self.epoch <= U64_MAX:
            msg = f"a handover to epoch {self.epoch} can't be: the first key is registered by governance (R-40)"
            raise InvalidInputError(msg)

    @property
    def signer_epoch(self) -> Epoch:
        """Whose signature counts."""
        return Epoch(self.epoch - 1)

    @property
    def digest(self) -> Digest:
        """The 32 bytes that the committee signs."""
        words = (self.epoch.to_bytes(32), self.px.to_bytes(32), self.py.to_bytes(32))
        return _digest(self.verifier, keccak(keccak(HANDOVER_TYPE.encode()) + b"".join(words)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """An endpoint is closed for ever (R-60), for one gateway.

    Raises:
        InvalidInputError: the epoch is not a u64 above zero.
    """

    verifier: EndpointId
    epoch: Epoch
    endpoint: EndpointId

    def __post_init__(self) -> None:
        """Refuse what no gateway would take."""
        _check_epoch(self.epoch)

    @property
    def signer_epoch(self) -> Epoch:
        """Whose signature counts."""
        return self.epoch

    @property
    def digest(self) -> Digest:
        """The 32 bytes that the committee signs."""
        words = (self.epoch.to_bytes(32), word(self.endpoint))
        return _digest(self.verifier, keccak(keccak(CLOSED_TYPE.encode()) + b"".join(words)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A ceremony's test signature: says nothing, and no gateway can take it for a statement.

    Its digest hashes a tag of its own where theirs hash 0x1901.

    Raises:
        InvalidInputError: the epoch is not a u64 above zero, *session* not 32 bytes, or *subset* not in 0..65535.
    """

    epoch: Epoch
    session: bytes
    """The ceremony's."""
    subset: int
    """Which t of the n members are tried."""

    def __post_init__(self) -> None:
        """Refuse what is none."""
        _check_epoch(self.epoch)
        if len(self.session) != SESSION_LEN or not 0 <= self.subset < 1 << 16:
            msg = "a trial names a session of 32 bytes and a subset of the committee"
            raise InvalidInputError(msg)

    @property
    def signer_epoch(self) -> Epoch:
        """Whose signature counts."""
        return self.epoch

    @property
    def digest(self) -> Digest:
        """The 32 bytes that the committee signs."""
        return Digest(keccak(_TRIAL_TAG + self.session + self.epoch.to_bytes(32) + self.subset.to_bytes(32)))


Decree: TypeAlias = Handover | Closed | Trial
Signable: TypeAlias = Statement | Handover | Closed | Trial


def domain_separator(verifier: EndpointId) -> bytes:
    """EIP-712 domain: name Naru, version 1, salt = the EndpointId of the verifying gateway."""
    return keccak(_DOMAIN_PREFIX + word(verifier))


def locked(verifier: EndpointId, epoch: Epoch, ids: Sequence[TransferId]) -> Statement:
    """State that the transfers are locked, final and approved."""
    items = tuple(Item(transfer_id=i, code=0) for i in ids)
    return Statement(kind=Kind.LOCKED, verifier=verifier, epoch=epoch, items=items)


def _digest(verifier: EndpointId, struct_hash: bytes) -> Digest:
    return Digest(keccak(b"\x19\x01" + domain_separator(verifier) + struct_hash))


def _check_epoch(epoch: int) -> None:
    if not 0 < epoch <= U64_MAX:
        msg = f"epoch {epoch} is out of range: committees are numbered from 1 to 2^64 - 1"
        raise InvalidInputError(msg)


def _check_code(kind: Kind, code: int) -> None:
    if code not in _CODES[kind]:
        msg = f"code {code} does not belong in a {kind} statement"
        raise InvalidInputError(msg)


_CODES: Final = {
    Kind.LOCKED: frozenset({0}),
    Kind.REFUSED: frozenset(r.value for r in Reason if r is not Reason.NONE and not r.transient),
    Kind.OUTCOME: frozenset(o.value for o in Outcome if o is not Outcome.NONE),
}
