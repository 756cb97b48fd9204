"""Names of ledgers, accounts and assets in text and in 32 bytes (CAIP-2, CAIP-10; protocol.md, section 1)."""

import re
from dataclasses import dataclass
from typing import Final, NewType

from bridge.core.keccak import keccak
from bridge.errors import InvalidInputError

LedgerId = NewType("LedgerId", str)
"""CAIP-2 text, such as `eip155:1337`."""
EndpointId = NewType("EndpointId", bytes)
AssetId = NewType("AssetId", bytes)
Account = NewType("Account", bytes)
"""32 bytes; EVM: the address left-padded with twelve zero bytes."""

WORD_LEN: Final = 32
_EIP55_UPPER_FROM: Final = "8"
"""A letter stands in upper case where the hash's hexadecimal digit is this or more; in ASCII, a follows 9."""
_CAIP2: Final = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_EIP155: Final = re.compile(r"eip155:(?:0|[1-9][0-9]*)")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_ISIN: Final = re.compile(r"isin:[A-Z]{2}[A-Z0-9]{9}[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One gateway on one ledger: what an EndpointId is made of."""

    ledger: LedgerId
    fingerprint: bytes
    """32 bytes; EVM: hash of the block before the gateway's deployment."""
    gateway: Account

    @property
    def id(self) -> EndpointId:
        """keccak256(abi.encode(keccak256(bytes(caip2)), fingerprint, gateway))."""
        return EndpointId(keccak(keccak(self.ledger.encode()) + word(self.fingerprint) + word(self.gateway)))


def word(value: bytes) -> bytes:
    """Give back *value* if it is 32 bytes long.

    Raises:
        InvalidInputError: it isn't.
    """
    if len(value) != WORD_LEN:
        msg = f"expected {WORD_LEN} bytes, got {len(value)}"
        raise InvalidInputError(msg)
    return value


def ledger_id(text: str) -> LedgerId:
    """Parse CAIP-2 text.

    Raises:
        InvalidInputError: not of the form `namespace:reference`.
    """
    if not _CAIP2.fullmatch(text) or (text.startswith("eip155:") and not _EIP155.fullmatch(text)):
        msg = f"{text!r} is not a ledger: give CAIP-2 text such as eip155:1337"
        raise InvalidInputError(msg)
    return LedgerId(text)


def evm_chain_id(ledger: LedgerId) -> int:
    """Tell the chain id of an EVM ledger.

    Raises:
        InvalidInputError: the ledger is of another namespace.
    """
    if not _EIP155.fullmatch(ledger):
        msg = f"{ledger} is not an EVM ledger: its CAIP-2 namespace must be eip155"
        raise InvalidInputError(msg)
    return int(ledger.removeprefix("eip155:"))


def asset_id(text: str) -> AssetId:
    """Derive the AssetId of `isin:` text: keccak256(utf8(text)).

    Raises:
        InvalidInputError: not `isin:` and an ISIN of twelve characters.
    """
    if not _ISIN.fullmatch(text):
        msg = f"{text!r} is not an asset: give isin: and the twelve characters of its ISIN, such as isin:KR7000010009"
        raise InvalidInputError(msg)
    return AssetId(keccak(text.encode()))


def evm_account(address: str) -> Account:
    """Turn an EVM address into an account of 32 bytes; a mixed-case one must carry its EIP-55 checksum.

    Raises:
        InvalidInputError: not an address, a wrong checksum, or the zero address.
    """
    if not _ADDRESS.fullmatch(address):
        msg = f"{address!r} is not an EVM account: give 0x and 40 hexadecimal digits"
        raise InvalidInputError(msg)
    digits = address[2:]
    if digits not in (digits.lower(), digits.upper()) and address != _checksummed(digits.lower()):
        msg = f"{address} fails its EIP-55 checksum: copy it again, a character is wrong"
        raise InvalidInputError(msg)
    raw = bytes.fromhex(digits)
    if not any(raw):
        msg = "the zero address can't hold units: give the recipient's account"
        raise InvalidInputError(msg)
    return Account(bytes(12) + raw)


def evm_address(account: Account) -> str:
    """Turn an account of 32 bytes into a checksummed EVM address (EIP-55).

    Raises:
        InvalidInputError: the upper twelve bytes are not zero.
    """
    if any(word(account)[:12]):
        msg = f"0x{account.hex()} is not an EVM account: its upper twelve bytes must be zero"
        raise InvalidInputError(msg)
    return _checksummed(account[12:].hex())


def caip10(text: str, *, ledger: LedgerId) -> Account:
    """Parse an account given as CAIP-10 or as a bare address of *ledger*.

    Raises:
        InvalidInputError: malformed, or of another ledger than *ledger*.
    """
    prefix, separator, address = text.rpartition(":")
    if separator and prefix != ledger:
        msg = f"{text} is an account of {prefix}, but the transfer goes to {ledger}: give the recipient's account there"
        raise InvalidInputError(msg)
    evm_chain_id(ledger)
    return evm_account(address)


def _checksummed(digits: str) -> str:
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if n >= _EIP55_UPPER_FROM else d for d, n in zip(digits, nibbles, strict=False))
