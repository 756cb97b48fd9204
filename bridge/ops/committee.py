"""What a notary's operator decides by hand, as files in the signer's folder: nobody else may write there.

The signer's front can't: a takeover of the machine that talks to the world approves nothing.
"""

from dataclasses import dataclass
from typing import Final

from bridge.adapters.ceremony.approval import approve as approve_ceremony
from bridge.adapters.ceremony.approval import ask_abort
from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.adapters.keystore.approvals import approve_handover as write_handover
from bridge.adapters.keystore.folder import CARD
from bridge.adapters.keystore.private import read_private
from bridge.committee.document import is_dealt, verify_document
from bridge.committee.identity import Identity, IdentityCard
from bridge.committee.keys import public_keys
from bridge.committee.proposal import Proposal
from bridge.config import CommitteeConfig
from bridge.core.statements import Epoch
from bridge.core.votes import HandoverVote
from bridge.custody import locked_by, signer_folder
from bridge.errors import ConfigError, UnavailableError
from bridge.notary_config import SignerConfig
from bridge.ports.custody import KeyMaker

_CARD_LEN_MAX: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialised:
    """A new notary: what others need of it, and whether a key was made on the token."""

    card: IdentityCard
    made_key: bool


def init(config: SignerConfig) -> Initialised:
    """Make a signer's folder with a fresh identity in it; where the KEK is on a token, its key too if it isn't there.

    An identity whose making was interrupted is the one that is kept.

    Raises:
        ConfigError: there is an identity already, or the KEK can't be used.
        UnavailableError: the disk or the KEK fails.
    """
    key = locked_by(config)
    try:
        config.folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"{config.folder} can't be made: {error.strerror}; its own folder must exist") from error
    made = key.make_key() if isinstance(key, KeyMaker) else False
    folder = signer_folder(config)
    if folder.lacks_card:
        identity = Identity.from_bytes(folder.identity())
        folder.write_card(identity.card.to_bytes())
    else:
        identity = Identity.generate()
        folder.make_identity(identity.to_bytes(), identity.card.to_bytes())
    return Initialised(card=identity.card, made_key=made)


def card(config: SignerConfig) -> IdentityCard:
    """Read this notary's identity card, which is public.

    Raises:
        ConfigError: there is none yet, or others may use the folder.
    """
    return IdentityCard.from_hex(read_private(config.folder / CARD, size_max=_CARD_LEN_MAX).decode().strip())


def approve(config: SignerConfig, proposal: Proposal) -> None:
    """Take part in a ceremony: the signer finds it in its folder, and answers whoever drives it.

    Raises:
        ConfigError: this notary is no member, or has another ceremony or key of that epoch.
        UnavailableError: the disk refuses.
    """
    own = card(config)
    approve_ceremony(_ceremonies(config), own, proposal)


def abort(config: SignerConfig, proposal: Proposal, reason: str) -> None:
    """Have the signer end a ceremony at its next step, for everybody who hears of it.

    Raises:
        InvalidInputError: it was not approved here.
        ConfigError: this is no signer's folder.
        UnavailableError: the disk refuses.
    """
    card(config)
    ask_abort(_ceremonies(config), proposal.session, reason)


def approve_handover(config: SignerConfig, heir: CommitteeConfig, proposal: Proposal | None = None) -> None:
    """Let this notary's seat of the epoch before sign the handover to exactly this committee (R-13, R-40).

    Who the heir's members are, only the *proposal* tells; a notary that took part in the ceremony has it.

    Raises:
        ConfigError: all members of the proposal did not certify the document, or it is a first epoch's.
    """
    if heir.epoch == 1:
        raise ConfigError(("epoch 1 is nobody's heir: its key is registered by governance",))
    if not (config.development and is_dealt(heir)):
        session = bytes.fromhex(heir.session)  # empty where the key was dealt, which is refused below
        known = proposal or (_ceremonies(config).proposal(session) if session else None)
        if session and known is None:
            problem = (
                "this notary has no proposal of that ceremony: give the one that its members approved (--proposal)"
            )
            raise ConfigError((problem,))
        verify_document(heir, known)
    px, py = public_keys(heir).group_public_key.coordinates()
    write_handover(config.folder, HandoverVote(epoch=Epoch(heir.epoch - 1), px=px, py=py))


def _ceremonies(config: SignerConfig) -> CeremonyFolder:
    return CeremonyFolder(config.ceremonies)
