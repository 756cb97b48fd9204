"""Reason codes: why a transfer waits or is refused (protocol.md, section 7). Numbers are for ever; append only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Reason(IntEnum):
    """Stored on ledgers: never renumber."""

    NONE = 0
    NOT_ELIGIBLE = 1
    ACCOUNT_FROZEN = 2
    COMPLIANCE_RULE = 3
    ASSET_NOT_REGISTERED = 4
    MALFORMED_ACCOUNT = 5
    POLICY_REFUSED = 6
    LIMIT_EXCEEDED = 7
    TOKEN_PAUSED = 8
    LEDGER_UNREACHABLE = 9
    EXPIRED = 10
    SUPPLY_BREAK = 11
    LOCK_BROKEN = 12
    TOKEN_REVERTED = 13
    SUPERSEDED = 14

    @property
    def transient(self) -> bool:
        """Waiting can change it; such a reason never closes a transfer (R-12)."""
        return self in TRANSIENT


TRANSIENT: Final = frozenset({Reason.LIMIT_EXCEEDED, Reason.TOKEN_PAUSED, Reason.LEDGER_UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a person is told: a sentence in English and in Korean, and what to do."""

    english: str
    korean: str
    action: str


EXPLANATIONS: Final[Mapping[Reason, Explanation]] = {
    Reason.NONE: Explanation("Nothing stands against it.", "거절 사유가 없습니다.", "Nothing to do."),
    Reason.NOT_ELIGIBLE: Explanation(
        "The recipient is not on the destination's register of holders.",
        "수취인이 도착 원장의 보유자 명부에 등록되어 있지 않습니다.",
        "Have the recipient registered there, then send again.",
    ),
    Reason.ACCOUNT_FROZEN: Explanation(
        "An account of this transfer is frozen.",
        "이전 대상 계좌가 동결되어 있습니다.",
        "Ask the issuer's agent why, then send again.",
    ),
    Reason.COMPLIANCE_RULE: Explanation(
        "A compliance rule of the asset forbids this transfer.",
        "해당 종목의 준법 규칙이 이 이전을 허용하지 않습니다.",
        "Read the asset's rules with its issuer.",
    ),
    Reason.ASSET_NOT_REGISTERED: Explanation(
        "The destination does not take this asset over this lane.",
        "도착 원장이 이 경로로 해당 종목을 받지 않습니다.",
        "Have the asset and lane enabled at the destination gateway.",
    ),
    Reason.MALFORMED_ACCOUNT: Explanation(
        "The recipient is not an account that can hold units there.",
        "수취 계좌가 도착 원장의 계좌 형식이 아니거나 보유할 수 없는 계좌입니다.",
        "Send again to an account of the destination ledger.",
    ),
    Reason.POLICY_REFUSED: Explanation(
        "The notaries refuse by their policy, each for a permanent reason of its own.",
        "공증 노드들이 각자의 정책에 따라 거절하였습니다.",
        "Ask the notaries for their reasons.",
    ),
    Reason.LIMIT_EXCEEDED: Explanation(
        "A limit of the lane is used up for now.",
        "경로 한도를 초과하여 대기 중입니다.",
        "Wait: it is tried again until the deadline.",
    ),
    Reason.TOKEN_PAUSED: Explanation(
        "The destination's token or gateway is paused.",
        "도착 원장의 토큰 또는 게이트웨이가 일시 정지되어 있습니다.",
        "Wait, or have it unpaused: it is tried again until the deadline.",
    ),
    Reason.LEDGER_UNREACHABLE: Explanation(
        "Too few nodes of a ledger answer or agree.",
        "원장 노드가 충분히 응답하지 않거나 서로 일치하지 않습니다.",
        "Check the ledger's nodes: it is tried again by itself.",
    ),
    Reason.EXPIRED: Explanation(
        "The deadline passed before the destination had minted.",
        "도착 원장에서 발행되기 전에 기한이 지났습니다.",
        "Send again with a later deadline.",
    ),
    Reason.SUPPLY_BREAK: Explanation(
        "The supply on a ledger does not add up.",
        "원장의 총량이 맞지 않습니다.",
        "Stop and call the depository: see the supply audit.",
    ),
    Reason.LOCK_BROKEN: Explanation(
        "The units locked at the source are no longer all there.",
        "출발 원장에 묶인 수량이 온전하지 않습니다.",
        "Stop and call the issuer of the asset.",
    ),
    Reason.TOKEN_REVERTED: Explanation(
        "The token refused the call.",
        "토큰 계약이 호출을 거절하였습니다.",
        "Look up the error's selector with the token's issuer.",
    ),
    Reason.SUPERSEDED: Explanation(
        "Another transfer was decided at this place of the lane.",
        "같은 순번에 다른 이전이 이미 결정되었습니다.",
        "Stop the lane: the source ledger was restored.",
    ),
}
