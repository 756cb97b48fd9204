"""What came of each message that a committee was asked to sign, kept as evidence (threshold.md, pitfall 8).

FROST's signature does not tell who signed. A transcript does: who committed to what, each share, and the notary's
identity signature over it, so that a wrong share can be shown to anybody and a coordinator can't make one up. Lines
are JSON; each names the hash of the one before. Nothing in them is secret.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, assert_never

from bridge.committee.identity import ForgedError, IdentityCard, Purpose
from bridge.core.caip import EndpointId
from bridge.core.statements import Closed, Epoch, Handover, Item, Kind, Signable, Statement, Trial
from bridge.core.transfer import TransferId
from bridge.core.votes import VoteHead
from bridge.errors import BridgeError, InvalidInputError
from bridge.frost import ParticipantId, PublicKeyPackage, SignatureShare, SigningCommitments, verify_share
from bridge.ports.committee import Commitment, evidence_message
from bridge.ports.transcripts import LineLog

FIRST: Final = "0" * 64
"""Before the first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One member's part in a session; without an answer, `share` is None and `evidence` empty."""

    commitment: Commitment
    share: SignatureShare | None = None
    evidence: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One message: its sessions, in the order in which they were opened, and what came of them."""

    at: float
    """Unix seconds."""
    signable: Signable
    sessions: tuple[tuple[Seat, ...], ...]
    failures: Mapping[ParticipantId, str]
    signature: bytes | None
    """65 bytes; None if none came about."""
    signers: tuple[ParticipantId, ...]


class TranscriptLog:
    """Keeps transcripts, each chained to the one before."""

    def __init__(self, lines: LineLog) -> None:
        """Go on after what *lines* hold."""
        self._lines = lines

    def keep(self, transcript: Transcript) -> None:
        """Add one.

        Raises:
            UnavailableError: the disk refuses.
        """
        last = self._lines.last()
        self._lines.append(_encode(transcript, FIRST if last is None else _hash(last)))


def read(lines: Iterable[str]) -> list[Transcript]:
    """Read lines in order, and hold the chain against them; the oldest may have been dropped.

    Raises:
        InvalidInputError: a line is no transcript, was changed, or one before it is missing.
    """
    found, before = [], None
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            previous, transcript = fields["previous"], _decode(fields)
        except (ValueError, KeyError, TypeError, AttributeError, BridgeError) as error:
            raise InvalidInputError(f"line {number} is no transcript: {error}") from error
        if before not in (None, previous):
            raise InvalidInputError(f"line {number} does not follow the one before: something was changed or removed")
        before = _hash(line)
        found.append(transcript)
    return found


def culprits(
    transcript: Transcript, keys: PublicKeyPackage, cards: Mapping[ParticipantId, IdentityCard]
) -> frozenset[ParticipantId]:
    """Tell whose identity signed a wrong share: no word of the coordinator's is taken."""
    return frozenset(
        seat.commitment.notary
        for session in transcript.sessions
        for seat in session
        if _is_guilty(transcript.signable.digest, session, seat, keys, cards)
    )


def _is_guilty(
    digest: bytes,
    session: tuple[Seat, ...],
    seat: Seat,
    keys: PublicKeyPackage,
    cards: Mapping[ParticipantId, IdentityCard],
) -> bool:
    member = seat.commitment.notary
    if seat.share is None or member not in cards:
        return False
    listed = [other.commitment for other in session]
    try:
        message = evidence_message(digest, seat.commitment.handle, listed, seat.share)
        cards[member].check(Purpose.SHARE, message, seat.evidence)
    except ForgedError:
        return False
    return not verify_share(keys, digest, [each.commitments for each in listed], member, seat.share)


def _hash(line: str) -> str:
    return sha256(line.encode()).hexdigest()


def _encode(transcript: Transcript, previous: str) -> str:
    fields = {
        "previous": previous,
        "at": transcript.at,
        "digest": transcript.signable.digest.hex(),
        "signed": _signable_out(transcript.signable),
        "sessions": [[_seat_out(seat) for seat in session] for session in transcript.sessions],
        "failures": {str(member): why for member, why in transcript.failures.items()},
        "signature": None if transcript.signature is None else transcript.signature.hex(),
        "signers": list(transcript.signers),
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _decode(fields: Any) -> Transcript:  # noqa: ANN401 - JSON
    signature = fields["signature"]
    transcript = Transcript(
        at=float(fields["at"]),
        signable=_signable_in(fields["signed"]),
        sessions=tuple(tuple(_seat_in(seat) for seat in session) for session in fields["sessions"]),
        failures={ParticipantId(int(member)): str(why) for member, why in fields["failures"].items()},
        signature=None if signature is None else bytes.fromhex(signature),
        signers=tuple(ParticipantId(int(member)) for member in fields["signers"]),
    )
    if transcript.signable.digest.hex() != fields["digest"]:
        raise InvalidInputError("its digest is not the statement's")
    return transcript


def _seat_out(seat: Seat) -> dict[str, object]:
    head = seat.commitment.head
    return {
        "notary": seat.commitment.notary,
        "handle": seat.commitment.handle.hex(),
        "commitments": seat.commitment.commitments.to_bytes().hex(),
        "head": [head.epoch, head.notary, head.count, head.hash.hex(), head.signature.hex()],
        "share": None if seat.share is None else seat.share.to_bytes().hex(),
        "evidence": seat.evidence.hex(),
    }


def _seat_in(fields: Any) -> Seat:  # noqa: ANN401 - JSON
    member, share = ParticipantId(int(fields["notary"])), fields["share"]
    epoch, notary, count, digest, signature = fields["head"]
    head = VoteHead(
        epoch=Epoch(int(epoch)),
        notary=int(notary),
        count=int(count),
        hash=bytes.fromhex(digest),
        signature=bytes.fromhex(signature),
    )
    commitments = SigningCommitments.from_bytes(member, bytes.fromhex(fields["commitments"]))
    handle = bytes.fromhex(fields["handle"])
    return Seat(
        commitment=Commitment(notary=member, handle=handle, commitments=commitments, head=head),
        share=None if share is None else SignatureShare.from_bytes(bytes.fromhex(share)),
        evidence=bytes.fromhex(fields["evidence"]),
    )


def _signable_out(signable: Signable) -> dict[str, object]:
    match signable:
        case Statement(kind=kind, verifier=verifier, epoch=epoch, items=items):
            listed = [[item.transfer_id.hex(), item.code] for item in items]
            return {"kind": kind.value, "verifier": verifier.hex(), "epoch": epoch, "items": listed}
        case Handover(verifier=verifier, epoch=epoch, px=px, py=py):
            return {
                "kind": "Handover",
                "verifier": verifier.hex(),
                "epoch": epoch,
                "px": f"{px:064x}",
                "py": f"{py:064x}",
            }
        case Closed(verifier=verifier, epoch=epoch, endpoint=endpoint):
            return {"kind": "Closed", "verifier": verifier.hex(), "epoch": epoch, "endpoint": endpoint.hex()}
        case Trial(epoch=epoch, session=session, subset=subset):
            return {"kind": "Trial", "epoch": epoch, "session": session.hex(), "subset": subset}
        case unknown:
            assert_never(unknown)


def _signable_in(fields: Any) -> Signable:  # noqa: ANN401 - JSON
    epoch = Epoch(int(fields["epoch"]))
    if fields["kind"] == "Trial":
        return Trial(epoch=epoch, session=bytes.fromhex(fields["session"]), subset=int(fields["subset"]))
    verifier = EndpointId(bytes.fromhex(fields["verifier"]))
    match fields["kind"]:
        case "Handover":
            return Handover(verifier=verifier, epoch=epoch, px=int(fields["px"], 16), py=int(fields["py"], 16))
        case "Closed":
            return Closed(verifier=verifier, epoch=epoch, endpoint=EndpointId(bytes.fromhex(fields["endpoint"])))
        case kind:
            items = tuple(Item(transfer_id=TransferId(bytes.fromhex(i)), code=int(code)) for i, code in fields["items"])
            return Statement(kind=Kind(kind), verifier=verifier, epoch=epoch, items=items)
