"""The refusals that Naru knows: of OpenZeppelin 4 and 5, ERC-6093, 7943, 7802, 3643, 1404, 1400, KIP-7, and its own.

T-REX's texts are those that version 4.1.6 was seen to revert with (tests/integration/test_trex.py); one of its texts
may stand for several causes, which only the token's own views tell apart.
"""

from collections.abc import Mapping
from typing import Final

from bridge.core.refusals import Key, Known, Meaning, Refusals

_ISSUER: Final = "The token's issuer."
_REGISTER: Final = "Who keeps the issuer's register of holders, or the recipient."
_AGENT: Final = "The issuer's agent who froze it."
_RULES: Final = "The issuer, whose rule it is; the sender sends again once it allows it."
_GRANT: Final = "The token's owner: grant the gateway what docs/deploy.md lists."
_SENDER: Final = "The sender."

PAUSED: Final = Meaning(
    english="The token is paused.",
    korean="토큰이 일시 정지되어 있습니다.",
    who="Whoever paused the token; else nobody, it is tried again until the deadline.",
)
BALANCE: Final = Meaning(
    english="The account does not hold so many units, or not so many that are free.",
    korean="계좌의 보유 수량 또는 사용 가능한 수량이 부족합니다.",
    who="The sender; where units are frozen, the issuer's agent who froze them.",
)
ALLOWANCE: Final = Meaning(
    english="The gateway may not move so many units of the holder.",
    korean="게이트웨이에 허용된 이전 한도가 부족합니다.",
    who="The sender: approve the gateway, or let the client do it.",
)
NOT_VERIFIED: Final = Meaning(
    english="The recipient has no identity on the issuer's register with all the claims that the token asks for.",
    korean="수취인의 신원이 발행인 명부에 등록되어 있지 않거나 필요한 증명이 부족합니다.",
    who=_REGISTER,
)
RESTRICTED: Final = Meaning(
    english="The account may not hold or move this token.",
    korean="이 계좌는 해당 토큰을 보유하거나 이전할 수 없습니다.",
    who=_REGISTER,
)
FROZEN: Final = Meaning(
    english="The account, or a part of what it holds, is frozen.",
    korean="계좌 또는 보유 수량의 일부가 동결되어 있습니다.",
    who=_AGENT,
)
RULE: Final = Meaning(
    english="A compliance rule of the token forbids it: a country, a largest balance, a supply limit, an approval.",
    korean="토큰의 준법 규칙(국가, 최대 보유량, 발행 한도, 사전 승인 등)에 어긋납니다.",
    who=_RULES,
)
NOT_POSSIBLE: Final = Meaning(
    english="The receiving account is not on the register of holders, or a compliance rule forbids the transfer.",
    korean="받는 계좌가 보유자 명부에 없거나 준법 규칙이 이전을 허용하지 않습니다.",
    who="Who keeps the issuer's register; at a lock the receiver is the gateway, which needs a verified identity.",
)
CAP: Final = Meaning(
    english="The token's own limit of units would be exceeded.",
    korean="토큰의 최대 발행량을 초과합니다.",
    who=_RULES,
)
NO_ROLE: Final = Meaning(
    english="The gateway has not the token's right to do this.",
    korean="게이트웨이에 필요한 토큰 권한이 없습니다.",
    who=_GRANT,
)
BAD_ACCOUNT: Final = Meaning(
    english="The account can't hold this token.",
    korean="해당 토큰을 보유할 수 없는 계좌입니다.",
    who="The sender: send again to another account.",
)
BAD_AMOUNT: Final = Meaning(
    english="The token does not take this amount.",
    korean="토큰이 허용하지 않는 수량입니다.",
    who=_SENDER,
)
PERMIT: Final = Meaning(
    english="The signature that lets the gateway move units is not valid, or too late.",
    korean="이전을 허용하는 서명이 유효하지 않거나 만료되었습니다.",
    who="The sender: sign again.",
)
OVERFLOW: Final = Meaning(
    english="A sum in the token fell below zero or grew too large: often a missing allowance or balance.",
    korean="토큰 내부 계산이 범위를 벗어났습니다: 허용 한도나 잔고가 부족한 경우가 많습니다.",
    who="The sender: look at allowance and balance; else the token's issuer.",
)
BUSY: Final = Meaning(
    english="The token was called from within itself.",
    korean="토큰이 재진입 호출을 거절하였습니다.",
    who=_ISSUER,
)
IDENTITY: Final = Meaning(
    english="A holder is no longer on the register, and a rule of the token asks for the identity.",
    korean="보유자의 신원이 명부에서 제외되어 규칙을 확인할 수 없습니다.",
    who="Who keeps the issuer's register.",
)
LOCKUP: Final = Meaning(
    english="The units are under a lock-up period.",
    korean="보호예수 기간 중인 수량입니다.",
    who=_RULES,
)
FAILURE: Final = Meaning(
    english="The token refuses the transfer and does not say why.",
    korean="토큰이 사유 없이 이전을 거절하였습니다.",
    who=_ISSUER,
)
NO_ANSWER: Final = Meaning(
    english="The token or its handler gave no answer, or used up its gas: it counts as paused.",
    korean="토큰 또는 처리기가 응답하지 않아 일시 정지로 취급합니다.",
    who="Those who registered the asset, if it lasts: compare its gas allowance with what its calls need.",
)
MISCOUNT: Final = Meaning(
    english="The token did something else than it was asked: balance or supply moved by another amount.",
    korean="토큰의 잔고 또는 총량이 요청과 다르게 변하였습니다.",
    who="The token's issuer; stop the asset until it is understood.",
)

_ERRORS: Final[Mapping[Meaning, tuple[str, ...]]] = {
    PAUSED: ("EnforcedPause()",),
    BALANCE: (
        "ERC20InsufficientBalance(address,uint256,uint256)",
        "ERC20InsufficientUnfrozenBalance(address,uint256,uint256)",
    ),
    ALLOWANCE: ("ERC20InsufficientAllowance(address,uint256,uint256)",),
    RESTRICTED: (
        "ERC7943CannotTransact(address)",
        "ERC7943CannotSend(address)",
        "ERC7943CannotReceive(address)",
        "ERC7943NotAllowedUser(address)",
        "ERC20UserRestricted(address)",
        "ERC20Blocked(address)",
        "ERC20Disallowed(address)",
        "HolderNotRegistered(address)",
    ),
    FROZEN: (
        "ERC7943InsufficientUnfrozenBalance(address,uint256,uint256)",
        "ERC7943NotAvailableAmount(address,uint256,uint256)",
    ),
    RULE: (
        "ERC7943CannotTransfer(address,address,uint256)",
        "ERC7943NotAllowedTransfer(address,address,uint256)",
        "MaxBalanceExceeded(address,uint256)",
        "TransferRestricted(uint8,string)",
    ),
    CAP: ("ERC20ExceededCap(uint256,uint256)", "ERC20ExceededSafeSupply(uint256,uint256)"),
    NO_ROLE: (
        "AccessControlUnauthorizedAccount(address,bytes32)",
        "OwnableUnauthorizedAccount(address)",
        "Unauthorized()",
        "InvalidTokenBridge(address)",
        "AccessManagedUnauthorized(address)",
    ),
    BAD_ACCOUNT: ("ERC20InvalidReceiver(address)", "ERC20InvalidSender(address)"),
    PERMIT: (
        "ERC2612ExpiredSignature(uint256)",
        "ERC2612InvalidSigner(address,address)",
        "InvalidAccountNonce(address,uint256)",
    ),
    BUSY: ("ReentrancyGuardReentrantCall()",),
    FAILURE: ("SafeERC20FailedOperation(address)",),
    NO_ANSWER: ("NoAnswer(address)", "InsufficientGas(uint256,uint256)"),
    MISCOUNT: (
        "BalanceChangeMismatch(address,uint256,uint256)",
        "SupplyChangeMismatch(address,uint256,uint256)",
    ),
}
_TEXTS: Final[Mapping[Meaning, tuple[str, ...]]] = {
    PAUSED: (
        "Pausable: paused",
        "ERC20Pausable: token transfer while paused",
        "KIP7Pausable: token transfer while paused",
        "The transfer was restricted due to the contract being paused.",
        "EnforcedPause",
    ),
    BALANCE: (
        "ERC20: transfer amount exceeds balance",
        "ERC20: burn amount exceeds balance",
        "KIP7: transfer amount exceeds balance",
        "KIP7: burn amount exceeds balance",
        "Insufficient Balance",
        "sender balance too low",
        "cannot burn more than balance",
        "AddrFrom:insufficientActiveBalance",
    ),
    ALLOWANCE: (
        "ERC20: insufficient allowance",
        "ERC20: transfer amount exceeds allowance",
        "ERC20: burn amount exceeds allowance",
        "KIP7: insufficient allowance",
    ),
    NOT_VERIFIED: ("Identity is not verified.",),
    RESTRICTED: (
        "ILLEGAL_TRANSFER_TO_NON_WHITELISTED_ADDRESS",
        "ILLEGAL_TRANSFER_SENDING_ACCOUNT_NOT_WHITELISTED",
        "ILLEGAL_TRANSFER_RECEIVING_ACCOUNT_NOT_WHITELISTED",
        "The transfer was restricted due to white list configuration.",
    ),
    FROZEN: (
        "wallet is frozen",
        "AddrFromIsFrozen",
        "AddrToIsFrozen",
        "Amount exceeds available balance",
        "Amount should be less than or equal to frozen tokens",
    ),
    RULE: ("Compliance not followed",),
    LOCKUP: ("The transfer was restricted due to timelocked tokens.",),
    NOT_POSSIBLE: ("Transfer not possible",),
    CAP: ("ERC20Capped: cap exceeded", "KIP7Capped: cap exceeded"),
    NO_ROLE: (
        "AgentRole: caller does not have the Agent role",
        "Ownable: caller is not the owner",
        "ERC20PresetMinterPauser: must have minter role to mint",
        "KIP7Mintable: must have minter role to mint",
        "MinterRole: caller does not have the Minter role",
        "MinterRole: caller does not have the Minter role.",
    ),
    BAD_ACCOUNT: (
        "ERC20: mint to the zero address",
        "ERC20: transfer to the zero address",
        "KIP7: mint to the zero address",
        "KIP7: transfer to the zero address",
        "KIP7: transfer to non IKIP7Receiver implementer",
        "KIP7: transfer to non KIP7Receiver implementer",
    ),
    BAD_AMOUNT: (
        "invalid argument - no value mint",
        "invalid argument - no value burn",
        "invalid argument - no value transfer",
    ),
    PERMIT: (
        "ERC20Permit: expired deadline",
        "ERC20Permit: invalid signature",
        "KIP7Permit: expired deadline",
        "KIP7Permit: invalid signature",
    ),
    OVERFLOW: ("Panic(0x11)",),
    BUSY: ("ReentrancyGuard: reentrant call",),
    IDENTITY: ("identity not found",),
}
_STATUS: Final[Mapping[str, tuple[str, Meaning]]] = {
    "50": ("transfer failure", FAILURE),
    "52": ("insufficient balance", BALANCE),
    "53": ("insufficient allowance", ALLOWANCE),
    "54": ("transfers halted", PAUSED),
    "55": ("funds locked", LOCKUP),
    "56": ("invalid sender", RESTRICTED),
    "57": ("invalid receiver", RESTRICTED),
    "58": ("invalid operator", NO_ROLE),
}
"""ERC-1400's status bytes, which its tokens revert with as texts: 0x52 is "52"."""
_STARTS: Final[Mapping[str, Meaning]] = {"AccessControl: account ": NO_ROLE, "AccessControl: sender ": NO_ROLE}

KNOWN: Final = (
    *(Known(kind=Key.ERROR, key=key, meaning=meaning) for meaning, keys in _ERRORS.items() for key in keys),
    *(Known(kind=Key.TEXT, key=key, meaning=meaning) for meaning, keys in _TEXTS.items() for key in keys),
    *(
        Known(kind=Key.TEXT, key=key, name=f'"{key}" ({name}, ERC-1400)', meaning=meaning)
        for key, (name, meaning) in _STATUS.items()
    ),
    *(Known(kind=Key.TEXT_START, key=key, meaning=meaning) for key, meaning in _STARTS.items()),
)
BUILT_IN: Final = Refusals(KNOWN)
"""What is read without a file of the user's."""
