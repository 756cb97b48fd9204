"""What stands against registering a token, in words, before two persons wait days for the gateway's own no.

The gateway tries the least of it itself (addProfile); the rest would show at the first lock, or the first mint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.handlers import Outcome, TokenFacts, standard_of
from bridge.core.known_refusals import (
    BAD_ACCOUNT,
    BUILT_IN,
    FROZEN,
    IDENTITY,
    NO_ROLE,
    NOT_POSSIBLE,
    NOT_VERIFIED,
    PAUSED,
    RESTRICTED,
    RULE,
)
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.refusals import Meaning
from bridge.errors import RefusedError
from bridge.ops.gateway_plan import AssetPlan

GAS_TIMES: Final = 2
"""How often a mint must fit into the allowance: a token that swallows an inner call's running out of gas says no
instead, and only what used little of its gas is believed (R-21)."""
_HOLDER: Final = frozenset({NOT_VERIFIED, RESTRICTED, NOT_POSSIBLE, FROZEN, IDENTITY, RULE})
"""Refusals of a mint to the gateway that say that it may not hold, and not that it may not mint."""
_HOLDS: Final = (
    "have the issuer put the gateway's address on its register of holders, with a verified identity where the token "
    "asks for one, and room under its largest balance: what is locked stands on it, or passes through it (R-04)"
)
_GRANTS: Final = {
    "own": "mint(address,uint256), and to burn its own by burn(uint256)",
    "role": "mint(address,uint256) and burn(address,uint256)",
    "erc7802": "crosschainMint and crosschainBurn",
}
_FITS: Final[Mapping[str, str]] = {
    "erc3643": "form role, an identity registry and a compliance contract that are there, paused() and isFrozen()",
    "erc7943": "ERC-165 id 0x3edbb4c4, and canSend and canReceive true of the gateway, which the issuer must allow",
    "erc7802": "form erc7802 and ERC-165 id 0x33331994",
    "kip7": "form own, KIP-13 ids of minting and burning, and isMinter true of the gateway: the issuer adds it",
    "erc1404": "detectTransferRestriction and messageForTransferRestriction",
    "erc1400": "canTransferFrom that answers anybody with a status byte, and isIssuable true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What is missing, and what to do about it."""

    what: str
    remedy: str


class RegistrationRefusedError(RefusedError):
    """A token is not ready for its gateway; nothing was proposed. `objections` tells all of it."""

    def __init__(self, asset: str, objections: list[Objection]) -> None:
        """Keep what stands against registering *asset*."""
        told = "; ".join(f"({n}) {o.what}: {o.remedy}" for n, o in enumerate(objections, 1))
        super().__init__(f"asset {asset} is not ready: {told}. Nothing was proposed; --force proposes it all the same")
        self.objections = objections


def objections(planned: AssetPlan, facts: TokenFacts) -> list[Objection]:
    """List what stands against registering an asset as planned."""
    if not facts.token_code:
        return [Objection(what=f"there is no contract at {planned.token}", remedy="correct the plan's token")]
    if not facts.handler_code:
        remedy = "deploy one with `naru gateway handler STANDARD`, and put its address into the plan"
        return [Objection(what=f"there is no handler at {planned.handler}", remedy=remedy)]
    found = (_decimals(planned, facts), _fit(facts), *_right_to_mint(planned, facts), *_right_to_burn(planned, facts))
    return list(dict.fromkeys(o for o in (*found, _checked(facts), _gas(planned, facts)) if o is not None))


def _decimals(planned: AssetPlan, facts: TokenFacts) -> Objection | None:
    if facts.decimals == planned.decimals:
        return None
    told = "does not say its decimals" if facts.decimals is None else f"has {facts.decimals} decimals"
    return Objection(what=f"the token {told}, the plan {planned.decimals}", remedy="correct the plan's decimals (R-01)")


def _fit(facts: TokenFacts) -> Objection | None:
    standard = standard_of(facts.handler_code)
    if facts.examined is None:
        remedy = "name a handler of `naru gateway handler`, or correct the issuer's own"
        return Objection(what="the handler does not answer examine()", remedy=remedy)
    if facts.examined[0]:
        return None
    needs = _FITS.get(standard or "", "what its author says")
    remedy = f"it asks for {needs}; or name the handler of the token's own standard"
    return Objection(what=f"the {standard or 'issuer-made'} handler does not take the token", remedy=remedy)


def _right_to_mint(planned: AssetPlan, facts: TokenFacts) -> tuple[Objection | None, ...]:
    return (None,) if facts.mint.passed else (_refused("mint", planned, facts.mint),)


def _right_to_burn(planned: AssetPlan, facts: TokenFacts) -> tuple[Objection | None, ...]:
    """As the gateway tries it (TokenLib.canBurn)."""
    may_burn = facts.examined is not None and facts.examined[2]
    first = None if may_burn or facts.burn_nothing.passed else _refused("burn", planned, facts.burn_nothing)
    if not facts.burn_too_much.passed:
        return (first,)
    remedy = "correct the plan's form: own, role or erc7802"
    return first, Objection(what="the token accepts a burn of more than there is: it has no such burn", remedy=remedy)


def _refused(act: str, planned: AssetPlan, outcome: Outcome) -> Objection | None:
    reading = BUILT_IN.read(outcome.data)
    said = f"the token says {reading.said}"
    grant = f"have its issuer grant the gateway {_GRANTS[planned.form]}, and no more"
    match reading.meaning:
        case meaning if meaning == NO_ROLE:
            return Objection(what=f"the gateway may not {act} ({said})", remedy=grant)
        case meaning if meaning in _HOLDER:
            return Objection(what=f"the gateway may not hold the token ({said})", remedy=_HOLDS)
        case meaning if meaning == PAUSED:
            return _paused()
        case meaning if meaning == BAD_ACCOUNT and act == "mint":
            return None  # a safe mint, to a contract that is no recipient of one: the gateway mints to others only
        case meaning:
            what = f"a {act} by the gateway is refused ({said})"
            return Objection(what=what, remedy=_words(meaning, f"ask the token's issuer why; {grant}"))


def _checked(facts: TokenFacts) -> Objection | None:
    if facts.checked == 0:
        return None
    if facts.checked is None:
        remedy = "let the issuer look why: until it answers, nothing is minted"
        return Objection(what="the handler gives no answer to check()", remedy=remedy)
    reason = Reason(facts.checked) if facts.checked in set(Reason) else Reason.TOKEN_REVERTED
    if reason is Reason.TOKEN_PAUSED:
        return _paused()
    return Objection(
        what=f"the handler says {reason.name} of the gateway: {EXPLANATIONS[reason].english}", remedy=_HOLDS
    )


def _gas(planned: AssetPlan, facts: TokenFacts) -> Objection | None:
    if facts.mint_gas is None or planned.gas_allowance >= GAS_TIMES * facts.mint_gas:
        return None
    what = f"gas_allowance {planned.gas_allowance} is less than twice what a mint took now, {facts.mint_gas}"
    return Objection(what=what, remedy=f"give {GAS_TIMES * facts.mint_gas} or more, with room for what recipients need")


def _paused() -> Objection:
    return Objection(what="the token is paused", remedy="register it once it is not: now nothing of it can be tried")


def _words(meaning: Meaning | None, otherwise: str) -> str:
    return f"{meaning.english} {meaning.who}".rstrip(".") if meaning else otherwise
