"""Which network a command works on, and what people call things in it."""

import os
import re
from pathlib import Path
from typing import Final

from bridge.config import AccountConfig, AssetConfig, ClientConfig, LedgerConfig, load
from bridge.core.caip import Account, LedgerId, caip10, evm_account, evm_address
from bridge.errors import ConfigError, InvalidInputError

ENVIRONMENT: Final = "NARU_CONFIG"
_AMOUNT: Final = re.compile(r"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<part>[0-9]+))?", re.ASCII)
AMOUNT_LEN_MAX: Final = 80
"""Characters; the largest amount, 2^127, has 39 digits, and an asset at most 36 decimal places."""
_ID: Final = re.compile(r"(?:0x)?([0-9a-f]{8,64})", re.ASCII)
_WORD: Final = re.compile(r"(?:0x)?([0-9a-f]{64})", re.ASCII)


def find_config(given: Path | None) -> Path:
    """Choose the configuration: as given, by NARU_CONFIG, or that of the one embedded network that runs.

    Raises:
        ConfigError: none of these, or several networks run.
    """
    if given is not None:
        return given
    if path := os.environ.get(ENVIRONMENT):
        return Path(path)
    from bridge.devnet.runs import live  # noqa: PLC0415 - only where nothing was named

    runs = [run for run in live() if run.config.exists()]
    if not runs:
        problem = f"no network: give --config FILE, set {ENVIRONMENT}, or start one with `naru devnet up`"
        raise ConfigError((problem,))
    if len(runs) > 1:
        problem = f"{len(runs)} embedded networks run: name one with --config, such as {runs[0].config}"
        raise ConfigError((problem,))
    return runs[0].config


def open_config(given: Path | None) -> ClientConfig:
    """Find and read the client configuration.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    return load(find_config(given), ClientConfig)


class Names:
    """Turns what people write into what the protocol takes, and back."""

    def __init__(self, config: ClientConfig) -> None:
        """Know the names of *config*."""
        self._config = config

    def ledger(self, text: str) -> LedgerConfig:
        """Find a ledger by name or CAIP-2 text.

        Raises:
            InvalidInputError: there is none; the text lists those that are known.
        """
        for ledger in self._config.ledgers:
            if text in (ledger.name, ledger.ledger):
                return ledger
        raise _unknown("ledger", text, [ledger.name for ledger in self._config.ledgers])

    def asset(self, text: str) -> AssetConfig:
        """Find an asset by name or `isin:` text.

        Raises:
            InvalidInputError: there is none; the text lists those that are known.
        """
        for asset in self._config.assets:
            if text in (asset.name, asset.asset):
                return asset
        raise _unknown("asset", text, [asset.name for asset in self._config.assets])

    def recipient(self, text: str, ledger: LedgerConfig) -> Account:
        """Read an account of *ledger*: a name, an address, or CAIP-10 text.

        Raises:
            InvalidInputError: malformed, or of another ledger.
        """
        named = self._account(text)
        return evm_account(named.address) if named else caip10(text, ledger=LedgerId(ledger.ledger))

    def key_file(self, text: str) -> Path:
        """Find the private key of a named account, or take *text* as a file's path.

        Raises:
            InvalidInputError: neither.
        """
        named = self._account(text)
        if named is not None and named.key_file is not None:
            return named.key_file
        if _is_file(text):
            return Path(text)
        known = [account.name for account in self._config.accounts if account.key_file]
        raise _unknown("account or key file", text, known)

    def ledger_name(self, endpoint: bytes) -> str:
        """Name the ledger of a gateway, or give its EndpointId."""
        for ledger in self._config.ledgers:
            if ledger.endpoint.id == endpoint:
                return ledger.name
        return f"0x{endpoint.hex()}"

    def ledger_of(self, endpoint: bytes) -> LedgerConfig | None:
        """Find the ledger of a gateway by its EndpointId."""
        return next((ledger for ledger in self._config.ledgers if ledger.endpoint.id == endpoint), None)

    def ledger_by_caip2(self, caip2: str) -> str:
        """Name a ledger given as CAIP-2, or give that back."""
        return next((ledger.name for ledger in self._config.ledgers if ledger.ledger == caip2), caip2)

    def asset_of(self, asset_id: bytes) -> AssetConfig | None:
        """Find an asset by its AssetId."""
        return next((asset for asset in self._config.assets if asset.id == asset_id), None)

    def account_text(self, account: Account) -> str:
        """Write an account: its name, if it has one here, and its address where it is an EVM account."""
        try:
            address = evm_address(account)
        except InvalidInputError:
            return f"0x{account.hex()}"
        name = next((known.name for known in self._config.accounts if known.address == address), "")
        return f"{name} {address}".strip()

    def _account(self, name: str) -> AccountConfig | None:
        return next((account for account in self._config.accounts if account.name == name), None)


def parse_amount(text: str, decimals: int) -> int:
    """Read an amount in units, such as `12` or `0.5`, as smallest units; never by way of a float.

    Raises:
        InvalidInputError: not a positive decimal number, or finer than the asset is.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or len(text) > AMOUNT_LEN_MAX:
        msg = f"amount {text!r} is not a positive decimal number: write 12 or 0.5, without sign, exponent or commas"
        raise InvalidInputError(msg)
    part = match["part"] or ""
    if len(part) > decimals:
        msg = f"amount {text} is finer than this asset allows: it has {decimals} decimal places"
        raise InvalidInputError(msg)
    amount = int(match["whole"] + part.ljust(decimals, "0"))
    if amount == 0:
        msg = "amount must be above zero"
        raise InvalidInputError(msg)
    return amount


def format_amount(amount: int, decimals: int) -> str:
    """Write smallest units as units."""
    if decimals == 0:
        return str(amount)
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def parse_id(text: str) -> str:
    """Read a TransferId or the first 8 or more digits of one; give its lower-case digits.

    Raises:
        InvalidInputError: neither.
    """
    match = _ID.fullmatch(text.lower())
    if match is None:
        msg = f"{text!r} is not a transfer id: give 0x and its 64 hexadecimal digits, or the first 8 or more of them"
        raise InvalidInputError(msg)
    return match[1]


def parse_reference(text: str, what: str = "client reference") -> bytes:
    """Read a client reference, or *what* else has 32 bytes.

    Raises:
        InvalidInputError: not 64 hexadecimal digits.
    """
    match = _WORD.fullmatch(text.lower())
    if match is None:
        raise InvalidInputError(f"{text!r} is not a {what}: give 0x and 64 hexadecimal digits")
    return bytes.fromhex(match[1])


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _unknown(what: str, text: str, known: list[str]) -> InvalidInputError:
    choices = ", ".join(known) or "none is configured"
    return InvalidInputError(f"unknown {what} {text!r}: known are {choices}")
