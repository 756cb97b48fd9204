"""Opens the seats in a signer's folder: share, votes and committee document must belong together."""

import tomllib
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import ValidationError

from bridge.committee.identity import Identity, IdentityCard
from bridge.committee.keys import public_keys
from bridge.config import CommitteeConfig
from bridge.core.statements import Epoch
from bridge.errors import BridgeError, ConfigError, UnavailableError
from bridge.frost import KeyPackage, ParticipantId
from bridge.ports.runtime import Clock, Entropy
from bridge.ports.store import SeatStore
from notary.signer.broken import BrokenVotes
from notary.signer.seat import Approvals, HeldSeat, Holding

log = structlog.get_logger()


class SeatFolder(Protocol):
    """Where seats lie. Calls may block.

    Raises everywhere:
        ConfigError, UnavailableError: what is asked for can't be used, or can't be read.
    """

    def seats(self) -> list[Epoch]:
        """List the epochs whose seats may sign, lowest first."""
        ...

    def document(self, epoch: Epoch) -> str:
        """Read a seat's committee document."""
        ...

    def key(self, epoch: Epoch) -> KeyPackage:
        """Open a seat's share."""
        ...

    def votes_file(self, epoch: Epoch) -> Path:
        """Tell where a seat's vote store is."""
        ...


class OpenVotes(Protocol):
    """Opens a seat's vote store for as long as the process lives; ConfigError or UnavailableError if it can't."""

    def __call__(self, path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> SeatStore:
        """Open it."""
        ...


class Opener:
    """Makes HeldSeats of what lies in the folder. Its calls block: use a thread."""

    def __init__(  # noqa: PLR0913 - the ports of a seat, and where seats lie
        self,
        folder: SeatFolder,
        open_votes: OpenVotes,
        identity: Identity,
        approvals: Approvals,
        clock: Clock,
        entropy: Entropy,
        *,
        development: bool,
    ) -> None:
        """Open from *folder*; only in *development* committees without identities."""
        self._folder = folder
        self._open_votes = open_votes
        self._identity = identity
        self._approvals = approvals
        self._clock = clock
        self._entropy = entropy
        self._development = development

    def epochs(self) -> list[Epoch]:
        """List the epochs whose seats may sign, lowest first.

        Raises:
            ConfigError, UnavailableError: the folder can't be read.
        """
        return self._folder.seats()

    def open(self, epoch: Epoch) -> HeldSeat:
        """Open a seat; one whose vote store can't be used is given all the same, to say so.

        Raises:
            ConfigError: its share does not open, or does not belong to its document.
            UnavailableError: the disk or the KEK fails.
        """
        text = self._folder.document(epoch)
        document, key = parsed(text, epoch), self._folder.key(epoch)
        _check_belongs(epoch, key, document)
        cards = self._cards(epoch, key.identifier, document)
        holding = Holding(
            epoch=epoch,
            key=key,
            votes=self._votes(epoch, key),  # last: it stays open
            document=text,
            session=bytes.fromhex(document.session),
            cards=cards,
        )
        return HeldSeat(holding, self._identity, self._approvals, self._clock, self._entropy)

    def _votes(self, epoch: Epoch, key: KeyPackage) -> SeatStore:
        path, group_key = self._folder.votes_file(epoch), key.group_public_key.to_bytes()
        try:
            return self._open_votes(path, notary=key.identifier, epoch=epoch, group_key=group_key)
        except (ConfigError, UnavailableError) as error:
            log.warning("votes.unusable", epoch=epoch, notary=key.identifier, error=str(error))
            return BrokenVotes(str(error))

    def _cards(self, epoch: Epoch, own: ParticipantId, document: CommitteeConfig) -> dict[ParticipantId, IdentityCard]:
        cards = {ParticipantId(m.id): IdentityCard.from_hex(m.identity) for m in document.members if m.identity}
        if len(cards) < len(document.members):
            if self._development:
                return {}
            raise _problem(epoch, "names no identity of some members: only a development committee may do that")
        if cards[own] != self._identity.card:
            raise _problem(epoch, f"names another identity for notary {own} than this one's: restore the right one")
        return cards


def parsed(text: str, epoch: Epoch) -> CommitteeConfig:
    """Read a committee document.

    Raises:
        ConfigError: it is none, or of another epoch.
    """
    try:
        document = CommitteeConfig.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise _problem(epoch, f"can't be used ({error}): get the one that its ceremony made") from error
    if document.epoch != epoch:
        raise _problem(epoch, f"is of epoch {document.epoch}: put the right one there")
    return document


def _check_belongs(epoch: Epoch, key: KeyPackage, document: CommitteeConfig) -> None:
    keys = public_keys(document)
    try:
        expected = keys.group_public_key, keys.threshold, keys.participants, keys.verifying_share(key.identifier)
    except BridgeError as error:
        raise _problem(epoch, f"has no notary {key.identifier}, whose the share is") from error
    if expected != (key.group_public_key, key.threshold, key.participants, key.verifying_share):
        raise _problem(epoch, "is of another key than the share beside it: put the right one there")


def _problem(epoch: Epoch, text: str) -> ConfigError:
    return ConfigError((f"the committee document of epoch {epoch} {text}",))
