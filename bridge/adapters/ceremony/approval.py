"""What an operator says of a ceremony, beside a signer that runs: as files, which only it and the signer can reach."""

from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.committee.ceremony import is_bound
from bridge.committee.identity import IdentityCard
from bridge.committee.proposal import Proposal
from bridge.committee.verdict import Phase, assess, printable
from bridge.errors import ConfigError, InvalidInputError

ENDED = frozenset({Phase.DONE, Phase.FAILED, Phase.ABORTED})


def approve(folder: CeremonyFolder, card: IdentityCard, proposal: Proposal) -> None:
    """Let the notary whose *card* it is take part; a second time changes nothing.

    Raises:
        ConfigError: it is no member, or has another ceremony or key of that epoch.
        UnavailableError: the disk refuses.
    """
    proposal.seat_of(card)
    if folder.proposal(proposal.session) is None:
        _refuse_rivals(folder, card, proposal)
        folder.approve(proposal)


def ask_abort(folder: CeremonyFolder, session: bytes, reason: str) -> None:
    """Have the signer end a ceremony at its next step.

    Raises:
        InvalidInputError: it was not approved here.
        UnavailableError: the disk refuses.
    """
    if folder.proposal(session) is None:
        raise InvalidInputError(f"ceremony {session.hex()} was not approved here: there is nothing to abort")
    folder.ask_abort(session, printable(reason.encode()))


def _refuse_rivals(folder: CeremonyFolder, card: IdentityCard, proposal: Proposal) -> None:
    """Refuse a second ceremony for one epoch, unless this notary can do nothing about the first any more."""
    for session in folder.sessions():
        other = folder.proposal(session)
        if other is None or other.epoch != proposal.epoch:
            continue
        board = folder.board(other)
        phase = assess(board).phase
        if phase is Phase.DONE:
            problem = f"epoch {other.epoch} has its key already, of ceremony {session.hex()}: propose the next epoch"
            raise ConfigError((problem,))
        if phase not in ENDED and not is_bound(board, other.seat_of(card)):
            problem = f"ceremony {session.hex()} for epoch {other.epoch} is still open here: abort it first"
            raise ConfigError((problem,))
