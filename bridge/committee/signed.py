"""What comes of asking a committee to sign: a signature, and of every member that had no part in it, why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Generic, TypeVar

from bridge.committee.identity import ForgedError, IdentityCard
from bridge.core.statements import Epoch, Signable
from bridge.errors import BridgeError, ConfigError, RefusedError, UnavailableError
from bridge.frost import Element, FrostError, InvalidShareError, ParticipantId, PublicKeyPackage, Signature
from bridge.ports.committee import NotApprovedError

S = TypeVar("S", bound=Signable)


class NonsenseError(UnavailableError):
    """A member's answer can't be: it goes on as if there had been none."""


@unique
class Fault(StrEnum):
    """What a member did instead of signing."""

    SILENT = "SILENT"
    """It did not answer, or only that it can't."""
    WAVERED = "WAVERED"
    """It does not approve an item that it was asked for."""
    REFUSED = "REFUSED"
    """It answered that it will not."""
    BAD_SHARE = "BAD_SHARE"
    """Its share is wrong, and its identity signed for it: it, or whoever has its key, cheats."""
    UNPROVEN = "UNPROVEN"
    """Its identity did not sign for its share."""
    NONSENSE = "NONSENSE"
    """Its answer can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a member had no part in a signature."""

    notary: ParticipantId
    fault: Fault
    error: BridgeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed(Generic[S]):
    """A committee's signature over a message."""

    signable: S
    group_key: Element
    signature: Signature
    signers: tuple[ParticipantId, ...]
    failures: tuple[Failure, ...]
    """Of members that were routed around; who is still silent is among them."""
    sessions: int
    """How many were opened for it."""


class NotSignedError(UnavailableError):
    """Too many members failed; `failures` says of each why."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        """Keep who failed."""
        super().__init__(f"no signature: {'; '.join(dict.fromkeys(str(f.error) for f in failures))}")
        self.failures = tuple(failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """The public half of one epoch's committee.

    Raises:
        ConfigError: some members have an identity card and some have none.
    """

    epoch: Epoch
    keys: PublicKeyPackage
    cards: Mapping[ParticipantId, IdentityCard]
    """Of every member; empty in development only: nobody can then be shown to have cheated."""

    def __post_init__(self) -> None:
        """Refuse what would leave some unaccountable."""
        if self.cards and len(self.cards) != self.keys.participants:
            problem = f"{len(self.cards)} of {self.keys.participants} members have an identity: give all of them"
            raise ConfigError((problem,))


def fault(error: BridgeError) -> Fault:
    """Tell what a member did whose request ended in *error*."""
    match error:
        case NotApprovedError():
            return Fault.WAVERED
        case RefusedError():
            return Fault.REFUSED
        case InvalidShareError():
            return Fault.BAD_SHARE
        case ForgedError():
            return Fault.UNPROVEN
        case NonsenseError() | FrostError():
            return Fault.NONSENSE
        case _:
            return Fault.SILENT
