"""What the members of a committee to be agree on by hand, before they make its key: who, which epoch, which ledgers.

Law: a ceremony's session is the hash of its whole proposal. Whoever approves another letter of it takes part in
another ceremony, and no message of the one is good in the other (threshold.md, pitfall 5).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bridge.committee.identity import IdentityCard
from bridge.config import (
    INSTANCE,
    NOTARIES_MIN,
    LedgerText,
    MemberConfig,
    committee_problems,
    faulty_max,
    host_problems,
    load,
)
from bridge.core.caip import EndpointId, LedgerId
from bridge.core.statements import Epoch
from bridge.core.transfer import U64_MAX
from bridge.errors import ConfigError, InvalidInputError
from bridge.frost import ParticipantId

NAME_MAX: Final = 100
PORT_MAX: Final = 0xFFFF
MEMBERS_MIN: Final = 2
MEMBERS_MAX: Final = 255
_TAG: Final = b"naru.proposal.1"
_FIELD_PRIME: Final = (1 << 255) - 19
_SIGN_BIT: Final = 1 << 255
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        _FIELD_PRIME - 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
"""The y of the eight points of Ed25519 whose order divides 8: under such a key anybody can sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One notary's seat."""

    id: ParticipantId
    operator: str
    """Who runs it; affiliates share one name (R-42)."""
    name: str
    """The instance in its TLS certificate."""
    address: str
    """gRPC address, `host:port`."""
    card: IdentityCard

    def to_bytes(self) -> bytes:
        """Give the canonical bytes that are hashed."""
        texts = (self.operator.encode(), self.name.encode(), self.address.encode())
        return fields(self.id.to_bytes(2), *texts, self.card.to_bytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedLedger:
    """A ledger that the committee is to serve; for the people who approve."""

    name: str
    ledger: LedgerId
    endpoint: EndpointId | None = None
    """Its gateway; None before there is one, since a gateway's first key comes from the first ceremony."""

    def to_bytes(self) -> bytes:
        """Give the canonical bytes that are hashed."""
        return fields(self.name.encode(), self.ledger.encode(), self.endpoint or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A committee to be: n members, t = n − f of which will sign. Members are in the order of their ids, 1..n.

    Raises:
        ConfigError: it can't become a committee; every problem is told.
    """

    epoch: Epoch
    attempt: int
    """1, 2, …: a ceremony that failed is begun anew under the next number, and so in another session."""
    created: str
    """The day, YYYY-MM-DD."""
    members: tuple[Member, ...]
    ledgers: tuple[ProposedLedger, ...]
    development: bool = False
    """Fewer than four members, and members that share a host, are then allowed."""

    def __post_init__(self) -> None:
        """Refuse what can't become a committee."""
        problems = tuple(_problems(self))
        if problems:
            raise ConfigError(problems)

    @property
    def participants(self) -> int:
        """How many members there are, n."""
        return len(self.members)

    @property
    def threshold(self) -> int:
        """How many of them will sign, t = n − f."""
        return self.participants - faulty_max(self.participants)

    @property
    def session(self) -> bytes:
        """The ceremony's name, 32 bytes: sha256 over the canonical bytes, under a tag."""
        return hashlib.sha256(fields(_TAG, self.to_bytes())).digest()

    def to_bytes(self) -> bytes:
        """Give the canonical bytes: every field with its length before it."""
        numbers = (self.epoch.to_bytes(8), self.attempt.to_bytes(4), self.threshold.to_bytes(2))
        rows = (fields(*(m.to_bytes() for m in self.members)), fields(*(row.to_bytes() for row in self.ledgers)))
        return fields(*numbers, self.created.encode(), bytes([self.development]), *rows)

    def member(self, identifier: int) -> Member:
        """Give a member by number.

        Raises:
            InvalidInputError: nobody has it.
        """
        if not 1 <= identifier <= self.participants:
            raise InvalidInputError(f"there is no member {identifier}: they are 1 to {self.participants}")
        return self.members[identifier - 1]

    def seat_of(self, card: IdentityCard) -> ParticipantId:
        """Tell which member an identity is.

        Raises:
            ConfigError: none.
        """
        for member in self.members:
            if member.card == card:
                return member.id
        problem = f"the identity {card.to_bytes().hex()} is no member of this proposal: give it to whoever proposes"
        raise ConfigError((problem,))

    def to_toml(self) -> str:
        """Write what `read_proposal` reads."""
        return tomli_w.dumps(
            {
                "epoch": self.epoch,
                "attempt": self.attempt,
                "created": self.created,
                "threshold": self.threshold,
                "development": self.development,
                "members": [member_row(m) for m in self.members],
                "ledgers": [_ledger_row(row) for row in self.ledgers],
            }
        )


def read_proposal(path: Path) -> Proposal:
    """Read a proposal's TOML.

    Raises:
        ConfigError: it can't be read, or values are wrong; every problem is told.
    """
    return load(path, _ProposalTable).proposal()


def readable(session: bytes) -> str:
    """Write a session as people compare it over the telephone: all 32 bytes, in sixteen groups of four digits.

    A part would not do: whoever writes a proposal could look for two that agree in it.
    """
    digits = session.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def member_row(member: Member) -> dict[str, object]:
    """Lay a member out as its table in TOML."""
    return {
        "id": int(member.id),
        "operator": member.operator,
        "name": member.name,
        "address": member.address,
        "identity": member.card.to_bytes().hex(),
    }


def member_of(row: MemberConfig) -> Member:
    """Read a member's table.

    Raises:
        InvalidInputError: it has no identity.
    """
    card = IdentityCard.from_hex(row.identity)
    return Member(id=ParticipantId(row.id), operator=row.operator, name=row.name, address=row.address, card=card)


def card_problems(members: Iterable[Member]) -> list[str]:
    """Tell which identities are no keys of anybody's, and which are somebody else's too."""
    found = list(members)
    problems = [f"member {m.id}: {text}" for m in found for text in _weak(m.card)]
    for what in ("signing", "sealing"):
        keys = Counter(getattr(m.card, what) for m in found)
        shared = [str(m.id) for m in found if keys[getattr(m.card, what)] > 1]
        if shared:
            problems.append(f"members {', '.join(shared)} share a {what} key: each needs an identity of its own")
    return problems


def fields(*parts: bytes) -> bytes:
    """Join byte strings so that no other list of them gives the same bytes: each has its length, 4 bytes, before it."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


class _LedgerTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    ledger: LedgerText
    endpoint: Annotated[str, Field(pattern=r"^(0x[0-9a-f]{64})?$")] = ""

    def ledger_row(self) -> ProposedLedger:
        endpoint = EndpointId(bytes.fromhex(self.endpoint[2:])) if self.endpoint else None
        return ProposedLedger(name=self.name, ledger=LedgerId(self.ledger), endpoint=endpoint)


class _ProposalTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    epoch: int
    attempt: int = 1
    created: str
    threshold: int
    development: bool = False
    members: Annotated[tuple[MemberConfig, ...], Field(min_length=1, strict=False)]
    ledgers: Annotated[tuple[_LedgerTable, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems, n = [], len(self.members)
        if self.threshold != n - faulty_max(n):
            problems.append(f"threshold must be n - f = {n - faulty_max(n)} for {n} notaries, not {self.threshold}")
        nameless = [f"member {m.id} has no identity: copy its `identity.pub`" for m in self.members if not m.identity]
        try:
            _ = nameless or self.proposal()
        except ConfigError as error:
            problems += error.problems
        problems += nameless
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def proposal(self) -> Proposal:
        return Proposal(
            epoch=Epoch(self.epoch),
            attempt=self.attempt,
            created=self.created,
            members=tuple(member_of(row) for row in self.members),
            ledgers=tuple(row.ledger_row() for row in self.ledgers),
            development=self.development,
        )


def _problems(proposal: Proposal) -> Iterable[str]:
    yield from _number_problems(proposal)
    yield from _seat_problems(proposal)
    yield from _member_problems(proposal.members)
    yield from card_problems(proposal.members)
    if not proposal.ledgers:
        yield "no ledger is named: say which ones the committee is to serve"
    for what, values in (
        ("ledger name", [row.name for row in proposal.ledgers]),
        ("ledger", [row.ledger for row in proposal.ledgers]),
        ("endpoint", [row.endpoint.hex() for row in proposal.ledgers if row.endpoint is not None]),
        ("address", [m.address.casefold() for m in proposal.members]),
        ("name", [m.name for m in proposal.members]),
    ):
        yield from (f"{what} {v} occurs twice: give each its own" for v, times in Counter(values).items() if times > 1)


def _number_problems(proposal: Proposal) -> Iterable[str]:
    if not 0 < proposal.epoch <= U64_MAX:
        yield f"epoch {proposal.epoch} is out of range: committees are numbered from 1 to 2^64 - 1"
    if not 0 < proposal.attempt < 1 << 32:
        yield f"attempt {proposal.attempt} is out of range: count ceremonies of an epoch from 1"
    try:
        usual = date.fromisoformat(proposal.created).isoformat() == proposal.created
    except ValueError:
        usual = False
    if not usual:
        yield f"created {proposal.created!r} is no day: write it as 2026-11-22"


def _seat_problems(proposal: Proposal) -> Iterable[str]:
    """Tell what is wrong with the committee as a whole (R-42)."""
    n, ids = proposal.participants, [int(m.id) for m in proposal.members]
    if ids != sorted(ids):
        yield "the members are not in the order of their ids: list them from 1"
    if n > MEMBERS_MAX:
        yield f"{n} members are too many: a committee has at most {MEMBERS_MAX}"
    if proposal.development and MEMBERS_MIN <= n < NOTARIES_MIN:
        operators = [str(i) for i in ids]  # f is 0: nobody could hold a seat
        yield from (p for p in committee_problems(proposal.threshold, ids, operators) if p.startswith("notary ids"))
        return
    yield from committee_problems(proposal.threshold, ids, [m.operator for m in proposal.members])
    if not proposal.development:
        yield from host_problems([m.address.rpartition(":")[0].casefold() for m in proposal.members])


def _member_problems(members: Iterable[Member]) -> Iterable[str]:
    for m in members:
        texts = (("operator", m.operator), ("address", m.address), ("name", m.name))
        yield from (
            f"member {m.id}: {what} {text!r} is not 1 to {NAME_MAX} plain characters, without space at its ends"
            for what, text in texts
            if not 0 < len(text) <= NAME_MAX or not text.isprintable() or text != text.strip()
        )
        if not re.fullmatch(INSTANCE, m.name):
            yield f"member {m.id}: name {m.name!r} is no instance of a certificate ({INSTANCE})"
        host, _, port = m.address.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
            yield f"member {m.id}: address {m.address!r} can't be reached: give host:port, port 1 to {PORT_MAX}"


def _weak(card: IdentityCard) -> Iterable[str]:
    y = (int.from_bytes(card.signing, "little") & (_SIGN_BIT - 1)) % _FIELD_PRIME
    if y in _SMALL_ORDER_Y:
        yield "under its signing key anybody can sign: take a generated identity"
    try:
        card.seal(b"", b"")
    except ValueError:
        yield "nothing can be sealed to its sealing key: take a generated identity"


def _ledger_row(row: ProposedLedger) -> dict[str, object]:
    endpoint: dict[str, object] = {"endpoint": f"0x{row.endpoint.hex()}"} if row.endpoint else {}
    return {"name": row.name, "ledger": str(row.ledger)} | endpoint
