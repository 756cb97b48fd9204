"""Handlers of tokens' standards (R-22): which contract is whose, and what a gateway would find at a registration.

Nothing here judges: bridge/ops/gateway_preflight.py does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from web3.types import TxParams, Wei

from bridge.adapters.evm.contracts import ERC20_HANDLER, Artifact, artifact
from bridge.adapters.evm.inspection import is_artifact
from bridge.adapters.evm.node import Node, hex_word
from bridge.core.refusals import selector
from bridge.errors import InvalidInputError, LedgerRefusedError

HANDLERS: Final[Mapping[str, str]] = {
    "erc20": ERC20_HANDLER,
    "erc3643": "Erc3643Handler",
    "erc7943": "Erc7943Handler",
    "erc7802": "Erc7802Handler",
    "kip7": "Kip7Handler",
    "erc1404": "Erc1404Handler",
    "erc1400": "Erc1400Handler",
}
"""Each standard's contract in contracts/evm/src/handlers: the one place that names them."""
OWN, ROLE, ERC7802 = 1, 2, 3
"""TokenForm, as the gateway numbers it."""
MINT: Final = {OWN: "mint(address,uint256)", ROLE: "mint(address,uint256)", ERC7802: "crosschainMint(address,uint256)"}
BURN: Final = {OWN: "burn(uint256)", ROLE: "burn(address,uint256)", ERC7802: "crosschainBurn(address,uint256)"}
TRANSACTION_GAS: Final = 21_000
WORD: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call came to: `data` is its answer, or the error that it reverted with."""

    passed: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What a gateway finds at a token and its handler before it registers them; None: no answer that can be read."""

    token_code: bytes
    handler_code: bytes
    decimals: int | None
    examined: tuple[bool, bool, bool] | None
    """Of the handler: the token fits, `check` is asked, the gateway is known to be allowed to burn."""
    checked: int | None
    """The handler's reason why nothing may be minted to the gateway; 0 if there is none, or it needs not be asked."""
    mint: Outcome
    """Of one unit, to the gateway itself."""
    mint_gas: int | None
    """What that took."""
    burn_nothing: Outcome
    burn_too_much: Outcome
    """Of one unit more than the gateway has."""


def handler_artifact(standard: str) -> Artifact:
    """Give the handler of a standard.

    Raises:
        InvalidInputError: there is none in this release.
    """
    if standard not in HANDLERS:
        raise InvalidInputError(
            f"{standard!r} is no standard with a handler in this release: known are {', '.join(HANDLERS)}"
        )
    return artifact(HANDLERS[standard])


def standard_of(code: bytes) -> str | None:
    """Tell of which standard's handler *code* is; None if it is none of Naru's."""
    return next((name for name, contract in HANDLERS.items() if is_artifact(artifact(contract), code)), None)


def told_standard(code: bytes) -> str:
    """Write whose handler *code* is, for people."""
    standard = standard_of(code)
    if standard is not None:
        return f"{standard}, Naru's own"
    return "not one of Naru's: read it" if code else "no code"


async def read_token(node: Node, gateway: str, token: str, handler: str, form: int) -> TokenFacts:
    """Ask token and handler as the gateway would; nothing is sent.

    Raises:
        UnavailableError: the node does not answer.
    """
    at = await node.stamp("latest")
    sight = _Sight(node, gateway, token, handler)
    examined = await sight.examined(form)
    balance = await sight.word(token, "balanceOf(address)", gateway) or 0
    mint = await sight.ask(token, MINT[form], gateway, 1)
    return TokenFacts(
        token_code=await node.code(token, at),
        handler_code=await node.code(handler, at),
        decimals=await sight.word(token, "decimals()"),
        examined=examined,
        checked=await sight.word(handler, "check(address,address,uint256)", token, gateway, 1)
        if examined is not None and examined[1]
        else 0,
        mint=mint,
        mint_gas=await sight.gas(token, MINT[form], gateway, 1) if mint.passed else None,
        burn_nothing=await sight.ask(token, BURN[form], *((0,) if form == OWN else (gateway, 0))),
        burn_too_much=await sight.ask(token, BURN[form], *((balance + 1,) if form == OWN else (gateway, balance + 1))),
    )


@dataclass(frozen=True, slots=True)
class _Sight:
    """Calls of others in the gateway's name."""

    node: Node
    gateway: str
    token: str
    handler: str

    async def examined(self, form: int) -> tuple[bool, bool, bool] | None:
        found = await self.ask(self.handler, "examine(address,uint8)", self.token, form)
        if not found.passed:
            return None
        try:
            fits, asks, may_burn = abi_decode(("bool", "bool", "bool"), found.data)
        except (DecodingError, OverflowError):
            return None
        return fits, asks, may_burn

    async def word(self, target: str, signature: str, *arguments: str | int) -> int | None:
        found = await self.ask(target, signature, *arguments)
        return int.from_bytes(found.data) if found.passed and len(found.data) == WORD else None

    async def ask(self, target: str, signature: str, *arguments: str | int) -> Outcome:
        call = self._call(target, signature, arguments)
        try:
            return Outcome(passed=True, data=bytes(await self.node.ask(lambda: self.node.web3.eth.call(call))))
        except LedgerRefusedError as error:
            return Outcome(passed=False, data=error.data)

    async def gas(self, target: str, signature: str, *arguments: str | int) -> int | None:
        """Tell what a call takes without what every transaction takes; None if the node doesn't say."""
        call = self._call(target, signature, arguments)
        try:
            return await self.node.ask(lambda: self.node.web3.eth.estimate_gas(call)) - TRANSACTION_GAS
        except LedgerRefusedError:
            return None

    def _call(self, target: str, signature: str, arguments: tuple[str | int, ...]) -> TxParams:
        """Encode addresses and numbers, which is all that is asked with here."""
        words = (int(a, 16) if isinstance(a, str) else a for a in arguments)
        data = selector(signature) + b"".join(word.to_bytes(WORD) for word in words)
        who, to = to_checksum_address(self.gateway), to_checksum_address(target)
        return {"from": who, "to": to, "data": HexStr(hex_word(data)), "gasPrice": Wei(0)}
