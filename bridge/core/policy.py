"""What one notary's institution lets through (R-11, R-12), as data, and the checks that need nothing but facts. Pure.

A finding speaks against a transfer: REFUSE for ever, or WAIT for something that can still change. None speaks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bridge.core.caip import Account, AssetId, EndpointId, LedgerId, evm_address
from bridge.core.rate import Window
from bridge.core.reasons import Reason
from bridge.core.transfer import AMOUNT_MAX, Lane, Transfer
from bridge.errors import InvalidInputError

DIGEST_LEN: Final = 32
_EVM: Final = "eip155:"


class Answer(StrEnum):
    """A notary's opinion of a transfer (R-12)."""

    APPROVE = "APPROVE"
    REFUSE = "REFUSE"
    WAIT = "WAIT"


class Check(StrEnum):
    """Which check decided; stored, so never rename."""

    LOCK = "LOCK"
    """Its own lock, read final."""
    READ = "READ"
    """Enough own nodes answer and agree."""
    RECORDS = "RECORDS"
    """What the two records say."""
    BREAKER = "BREAKER"
    SCOPE = "SCOPE"
    """The policy's lanes and assets."""
    AMOUNT = "AMOUNT"
    DENY_LIST = "DENY_LIST"
    DEADLINE = "DEADLINE"
    ELIGIBILITY = "ELIGIBILITY"
    PAUSE = "PAUSE"
    """At the source; the destination's is part of eligibility."""
    ENABLED = "ENABLED"
    """At the source; the destination's is part of eligibility."""
    CODE = "CODE"
    """At both ends the code that was registered, behind a proxy one of the policy's (R-31)."""
    ISSUE = "ISSUE"
    """The register has posted an entry."""
    ACCOUNT = "ACCOUNT"
    """R-11's account of the source ledger."""
    LARGE = "LARGE"
    """The policy's delay of a large amount."""
    RATE = "RATE"
    """The policy's windows and the rate of the destination's bucket (R-25)."""
    MARGIN = "MARGIN"
    """R-30's margin after a refusal."""
    ALL = "ALL"
    """Every check has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What speaks against a transfer; *until*: when waiting ends by itself, unix seconds, None if it doesn't."""

    answer: Answer
    check: Check
    reason: Reason
    note: str
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a lane may carry: amounts in smallest units, *large_delay_s* in seconds from the lock's block time.

    Raises:
        InvalidInputError: no amount fits, or the delay is below zero.
    """

    amount_min: int = 1
    amount_max: int = AMOUNT_MAX
    large_amount: int = AMOUNT_MAX + 1
    """From here on an amount waits; as it stands, none does."""
    large_delay_s: int = 0
    windows: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no transfer could pass."""
        if not 1 <= self.amount_min <= self.amount_max:
            msg = f"no amount is both at least {self.amount_min} and at most {self.amount_max}: give a range from 1 on"
            raise InvalidInputError(msg)
        if self.large_amount < 1 or self.large_delay_s < 0:
            msg = "a large amount is at least 1, and its delay at least 0 s"
            raise InvalidInputError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The lanes that one rule is for. None: any that is configured."""

    sources: frozenset[EndpointId] | None = None
    destinations: frozenset[EndpointId] | None = None
    assets: frozenset[AssetId] | None = None
    rule: Rule = Rule()

    def covers(self, lane: Lane) -> bool:
        """Tell whether *lane* is one of them."""
        return (
            (self.sources is None or lane.source in self.sources)
            and (self.destinations is None or lane.destination in self.destinations)
            and (self.assets is None or lane.asset in self.assets)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One notary's policy. The first scope that covers a lane has its rule; what none covers is refused.

    *denied* are digests of accounts, as `account_digest` makes them: the file does not show who is on the list, though
    whoever has an account's name can look whether it is.

    Raises:
        InvalidInputError: a digest is not 32 bytes long.
    """

    scopes: tuple[Scope, ...]
    denied: frozenset[bytes] = frozenset()
    issue_required: bool = True
    """Whether an asset without an entry of its register waits (R-11); False in development only."""
    implementations: frozenset[bytes] = frozenset()
    """Keccak-256 of the code that may stand behind a token that is a proxy (R-31)."""

    def __post_init__(self) -> None:
        """Refuse what can't be a SHA-256."""
        if any(len(digest) != DIGEST_LEN for digest in self.denied):
            msg = "a denied account is given by the SHA-256 of its CAIP-10 text, 64 hexadecimal digits"
            raise InvalidInputError(msg)

    def rule(self, lane: Lane) -> Rule | None:
        """Give the rule of *lane*; None if this notary does not attest for it."""
        return next((scope.rule for scope in self.scopes if scope.covers(lane)), None)


EVERYTHING: Final = Policy(scopes=(Scope(),))
"""Attests for every lane that is configured; limits are those of the lanes."""


def account_digest(ledger: LedgerId, account: Account) -> bytes:
    """SHA-256 of an account's CAIP-10 text: EVM addresses with their EIP-55 checksum, others 0x and 64 digits."""
    is_address = ledger.startswith(_EVM) and not any(account[:12])
    name = evm_address(account) if is_address else f"0x{account.hex()}"
    return sha256(f"{ledger}:{name}".encode()).digest()


def check_terms(policy: Policy, transfer: Transfer, parties: Sequence[bytes]) -> Finding | None:
    """Say what of the terms the policy never lets through; *parties* are digests of sender and recipient."""
    rule = policy.rule(transfer.lane)
    if rule is None:
        return _refused(Check.SCOPE, "this notary does not attest for this lane and asset")
    amount_max = min([rule.amount_max, *(window.amount_max for window in rule.windows)])
    if not rule.amount_min <= transfer.amount <= amount_max:
        note = (
            f"this notary attests for {rule.amount_min} to {amount_max} smallest units, and not for {transfer.amount}"
        )
        return _refused(Check.AMOUNT, note)
    if not policy.denied.isdisjoint(parties):
        return _refused(Check.DENY_LIST, "an account of it is on this notary's list of denied accounts")
    return None


def check_deadline(transfer: Transfer, *, now: int, deadline_max_s: int) -> Finding | None:
    """Refuse a deadline beyond the lane's maximum from *now* on (unix seconds; R-62)."""
    if transfer.deadline <= now + deadline_max_s:
        return None
    note = f"its deadline is more than the lane's {deadline_max_s} s ahead: lock again with an earlier one"
    return _refused(Check.DEADLINE, note)


def check_large(rule: Rule, transfer: Transfer, *, locked_at: int, now: int) -> Finding | None:
    """Let a large amount wait, so that people can look; times in unix seconds."""
    until = locked_at + rule.large_delay_s
    if transfer.amount < rule.large_amount or now >= until:
        return None
    note = f"this notary lets amounts from {rule.large_amount} on wait {rule.large_delay_s} s from their lock"
    return _waits(Check.LARGE, Reason.LIMIT_EXCEEDED, note, until)


def check_rate(*, allowed_from: int, now: int) -> Finding | None:
    """Let a lock wait until the lane's limits let it out (R-25); times in unix seconds."""
    if now >= allowed_from:
        return None
    note = "the lane sends out as much as its limits allow; it is approved in its turn"
    return _waits(Check.RATE, Reason.LIMIT_EXCEEDED, note, allowed_from)


def overdrawn(*, issued: int, sent: int, received: int) -> int:
    """Tell how much more a ledger has sent out than was issued on it plus what came in, net of releases (R-11); or 0.

    Smallest units of one asset, all of one gateway at one final block. *sent*: locked less released, *received*:
    minted, over all its lanes. A gateway that drains beside a newer one has an entry of its own for what it keeps.
    """
    return max(0, sent - issued - received)


def _refused(check: Check, note: str) -> Finding:
    return Finding(answer=Answer.REFUSE, check=check, reason=Reason.POLICY_REFUSED, note=note)


def _waits(check: Check, reason: Reason, note: str, until: int | None = None) -> Finding:
    return Finding(answer=Answer.WAIT, check=check, reason=reason, note=note, until=until)
