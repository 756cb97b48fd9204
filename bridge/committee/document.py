"""The committee document: who the members are, their key, and all n signatures under it (R-41).

Law: a key may be registered only by a document that `verify_document` let pass. Each member signs once its share is
sealed and read back, so n signatures say that all n can sign; a document with fewer says nothing.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import tomli_w

from bridge.committee.identity import ForgedError, Purpose
from bridge.committee.keys import public_keys
from bridge.committee.messages import Kind, Message, signed_bytes
from bridge.committee.proposal import Member, Proposal, card_problems, fields, member_of, member_row
from bridge.config import CommitteeConfig
from bridge.core.statements import Epoch
from bridge.errors import ConfigError
from bridge.frost import PublicKeyPackage

_TAG: Final = b"naru.committee.1"


class DocumentError(ConfigError):
    """A committee document is not certified by all its members: register nothing from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeDocument:
    """A committee with its key. A draft has no signatures; nothing is registered from a draft."""

    epoch: Epoch
    session: bytes
    members: tuple[Member, ...]
    keys: PublicKeyPackage
    signatures: tuple[bytes, ...] = ()
    """One a member, in the order of `members`."""

    @property
    def ranked(self) -> tuple[Member, ...]:
        """The members in the order of their ids."""
        return tuple(sorted(self.members, key=lambda member: member.id))

    @property
    def certificate(self) -> bytes:
        """The 32 bytes that every member certifies: sha256 over all of the document but the signatures.

        The verifying shares of n >= t members fix the whole group polynomial, so this binds all that the round-1
        messages gave; the messages themselves are bound by the echoes.
        """
        rows = fields(*(member.to_bytes() for member in self.ranked))
        return hashlib.sha256(fields(_TAG, self.session, self.epoch.to_bytes(8), rows, self.keys.to_bytes())).digest()

    def signed(self, signatures: tuple[bytes, ...]) -> "CommitteeDocument":
        """Give the document with its members' signatures."""
        return replace(self, signatures=signatures)

    def check(self) -> None:
        """Check that each member signed.

        Raises:
            DocumentError: somebody did not; everybody who did not is named.
        """
        problems = card_problems(self.members)
        if len(self.signatures) != len(self.members):
            problems.append(
                f"the committee document has {len(self.signatures)} signatures of {len(self.members)} members: "
                "wait until the ceremony is done, and take the document from there"
            )
        else:
            problems += [
                f"member {member.id} ({member.operator}) did not sign this committee document: ask it for its own copy"
                for member, signature in zip(self.members, self.signatures, strict=True)
                if not self._is_signed_by(member, signature)
            ]
        if problems:
            raise DocumentError(tuple(problems))

    def to_toml(self) -> str:
        """Write what parses as `bridge.config.CommitteeConfig`."""
        return tomli_w.dumps(
            {
                "epoch": self.epoch,
                "threshold": self.keys.threshold,
                "public_keys": self.keys.to_bytes().hex(),
                "session": self.session.hex(),
                "signatures": [signature.hex() for signature in self.signatures],
                "members": [member_row(member) for member in self.members],
            }
        )

    def _is_signed_by(self, member: Member, signature: bytes) -> bool:
        message = Message(
            session=self.session, sender=member.id, kind=Kind.CERTIFY, body=self.certificate, signature=signature
        )
        try:
            member.card.check(Purpose.CEREMONY, signed_bytes(message), signature)
        except ForgedError:
            return False
        return True


def draft(proposal: Proposal, keys: PublicKeyPackage) -> CommitteeDocument:
    """Lay down what the members of a proposal are to certify."""
    return CommitteeDocument(epoch=proposal.epoch, session=proposal.session, members=proposal.members, keys=keys)


def is_dealt(committee: CommitteeConfig) -> bool:
    """Whether a dealer made the key, as in the embedded network: good for development alone."""
    return not committee.session and not committee.signatures


def document_of(committee: CommitteeConfig) -> CommitteeDocument:
    """Read a document; whether it is signed is not looked at.

    Raises:
        DocumentError: it is of no ceremony.
        ConfigError: its keys are none, or of another committee.
    """
    if not committee.session:
        problem = "the committee document is of no ceremony: its key was dealt, and whoever dealt it can sign alone"
        raise DocumentError((problem,))
    nameless = tuple(
        f"member {m.id} has no identity in the committee document" for m in committee.members if not m.identity
    )
    if nameless:
        raise DocumentError(nameless)
    return CommitteeDocument(
        epoch=Epoch(committee.epoch),
        session=bytes.fromhex(committee.session),
        members=tuple(member_of(row) for row in committee.members),
        keys=public_keys(committee),
        signatures=tuple(bytes.fromhex(signature) for signature in committee.signatures),
    )


def verify_document(committee: CommitteeConfig, proposal: Proposal | None = None) -> None:
    """Check that all members named in a document certified it.

    By itself that says nothing of who they are: anybody can make n identities. Give the *proposal* that people
    approved, or compare the identities and the session with it, before a key is registered.

    Raises:
        DocumentError: it was dealt, somebody did not sign, or it is not of that proposal.
        ConfigError: its keys are none, or of another committee.
    """
    document = document_of(committee)
    if proposal is not None and document.session != proposal.session:
        problem = (
            f"the document is of ceremony {document.session.hex()}, not of the proposal's {proposal.session.hex()}"
        )
        raise DocumentError((problem,))
    if proposal is not None and (document.epoch, document.ranked) != (proposal.epoch, proposal.members):
        raise DocumentError(("the document's members or epoch are not the proposal's: take it from the ceremony",))
    document.check()
