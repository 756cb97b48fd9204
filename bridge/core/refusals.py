"""What a token's errors mean: raw revert data in, a sentence and who must act out. The table is known_refusals.py.

Law: errors are written by strangers. Any bytes are read, and nothing that they hold reaches a screen unescaped.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from bridge.core.keccak import keccak
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.errors import InvalidInputError, LedgerRefusedError

SELECTOR_LEN: Final = 4
WORD_LEN: Final = 32
TEXT_LEN_MAX: Final = 200
"""Characters of an error's own text that are shown; gateways keep 256 bytes of an error."""
DEPTH_MAX: Final = 4
"""Errors within errors: a token's in the gateway's, and a proxy may add one."""
_SIGNATURE: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\([A-Za-z0-9_$,()\[\]]*\)", re.ASCII)
_SELECTOR: Final = re.compile(r"0x[0-9a-f]{8}", re.ASCII)
_HEX_ERROR: Final = re.compile(r"0x((?:[0-9a-f]{2})+)", re.ASCII)
_UNNAMED: Final = "Reverted"
"""A LedgerRefusedError's name where nobody knows the selector."""
MARK: Final = "error 0x"
"""What stands before an error in a record's note."""

_LONG_ERROR: Final = re.compile(rf"({MARK}[0-9a-f]{{8}})[0-9a-f]+")


def selector(signature: str) -> bytes:
    """Give the first 4 bytes of a custom error, from its signature."""
    return keccak(signature.encode())[:SELECTOR_LEN]


TEXT: Final = selector("Error(string)")
PANIC: Final = selector("Panic(uint256)")
TOKEN_CALL_FAILED: Final = selector("TokenCallFailed(address,bytes)")
RECIPIENT_REFUSED: Final = selector("RecipientRefused(address,uint8)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an error means, as a sentence in English and in Korean, and who must act."""

    english: str
    korean: str
    who: str


class Key(StrEnum):
    """What an error is known by; named as in a file of the user's."""

    ERROR = "error"
    """A custom error's signature, such as EnforcedPause()."""
    SELECTOR = "selector"
    """The first 4 bytes of one: 0x and 8 digits."""
    TEXT = "text"
    """The whole text of a `require`; or Panic(0x11)."""
    TEXT_START = "text_start"
    """How that text begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One row of a table: what an error is known by, its meaning, and its name, which is the key if it is empty.

    Raises:
        InvalidInputError: the key is not of its kind.
    """

    kind: Key
    key: str
    meaning: Meaning
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what no error could ever fit."""
        if self.kind is Key.SELECTOR and not _SELECTOR.fullmatch(self.key):
            raise InvalidInputError(f"{self.key!r} is no selector: give 0x and 8 lower-case hexadecimal digits")
        if self.kind is Key.ERROR and not _SIGNATURE.fullmatch(self.key):
            msg = f"{self.key!r} is no error's signature: write it without spaces and names, as Refused(address,uint8)"
            raise InvalidInputError(msg)
        if not self.key:
            raise InvalidInputError(f"{self.kind} is empty: give the error's text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An error as a person reads it. `meaning`: None if no table knows it."""

    said: str
    """The error's name or text, escaped."""
    selector: str
    """0x and 8 digits; empty where there are none."""
    meaning: Meaning | None

    @property
    def lines(self) -> tuple[str, ...]:
        """Write it for a person, with how to teach the table what it doesn't know."""
        if self.meaning is not None:
            meaning = self.meaning
            return f"{self.said}: {meaning.english} {meaning.korean}".rstrip(), f"who must act: {meaning.who}"
        key = f'text = "{self.said[1:-1]}"' if self.said.startswith('"') else f'selector = "{self.selector}"'
        return (
            f"{self.said}: an error that no table knows (selector {self.selector})",
            f"who must act: ask the token's issuer, then add [[refusal]] {key} to refusals_file (docs/refusals.md)",
        )

    @property
    def words(self) -> str:
        """Write what it means in one line, in English."""
        if self.meaning is None:
            return "; ".join(self.lines).removeprefix(f"{self.said}: ")
        return f"{self.meaning.english} Who must act: {self.meaning.who}"


class Refusals:
    """A table of errors."""

    def __init__(self, known: Iterable[Known]) -> None:
        """Take *known* in; of rows with one key the last counts."""
        self._selectors: dict[bytes, Known] = {}
        self._texts: dict[str, Known] = {}
        self._starts: dict[str, Known] = {}
        for row in known:
            self._take(row)

    def read(self, error: bytes) -> Reading:
        """Read an error, going into those that wrap another."""
        return self._read(error, DEPTH_MAX)

    def read_in(self, note: str) -> Reading | None:
        """Read the error that stands in a record's note; None if there is none."""
        _, mark, rest = note.partition(MARK)
        found = _HEX_ERROR.match("0x" + rest) if mark else None
        return self.read(bytes.fromhex(found[1])) if found else None

    def told(self, error: LedgerRefusedError) -> str:
        """Write a ledger's refusal; with what it means, where a token said it."""
        reading = self.read(error.data)
        wrapped = error.data[:SELECTOR_LEN] == TOKEN_CALL_FAILED
        if not error.data or not (wrapped or reading.meaning or error.name == _UNNAMED):
            return str(error)
        head = str(error) if reading.said.startswith(error.name) else f"{error.name}: {reading.said}"
        return f"{head}: {reading.words}".rstrip(".")

    def _take(self, row: Known) -> None:
        match row.kind:
            case Key.ERROR:
                self._selectors[selector(row.key)] = row
            case Key.SELECTOR:
                self._selectors[bytes.fromhex(row.key[2:])] = row
            case Key.TEXT:
                self._texts[row.key] = row
            case Key.TEXT_START:
                self._starts[row.key] = row
            case _:
                assert_never(row.kind)

    def _read(self, error: bytes, depth: int) -> Reading:
        kind = error[:SELECTOR_LEN]
        if len(kind) < SELECTOR_LEN:
            return Reading(said=_NOTHING_SAID, selector="", meaning=_NOTHING)
        if kind == TOKEN_CALL_FAILED and depth:
            return self._read(_wrapped(error), depth - 1)
        if kind == RECIPIENT_REFUSED:
            return _refused(error)
        if kind in {TEXT, PANIC}:
            return self._text(kind, error[SELECTOR_LEN:])
        shown = "0x" + kind.hex()
        row = self._selectors.get(kind)
        return Reading(said=_named(row) if row else shown, selector=shown, meaning=row.meaning if row else None)

    def _text(self, kind: bytes, rest: bytes) -> Reading:
        text = _text_of(rest) if kind == TEXT else f"Panic({int.from_bytes(rest[:WORD_LEN]):#x})"
        begun = [start for start in self._starts if text.startswith(start)]
        row = self._texts.get(text) or (self._starts[max(begun, key=len)] if begun else None)
        said = _named(row) if row and row.name else f'"{shown(text)}"' if kind == TEXT else text
        return Reading(said=said, selector="0x" + kind.hex(), meaning=row.meaning if row else None)


def shown(text: str) -> str:
    """Write a stranger's text so that it can't write over anything else: one line, printable, not long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= TEXT_LEN_MAX else clean[:TEXT_LEN_MAX] + "…"


def text_of(error: bytes) -> str:
    """Give the text of an Error(string), in quotes and escaped; empty if it is none."""
    return f'"{shown(_text_of(error[SELECTOR_LEN:]))}"' if error[:SELECTOR_LEN] == TEXT else ""


def as_note(error: bytes) -> str:
    """Write an error into a record's note, where `read_in` finds it."""
    return f"{MARK}{error.hex()}" if error else "no error said"


def in_short(note: str) -> str:
    """Write a note for a person: of an error in it the selector alone."""
    return _LONG_ERROR.sub(r"\1…", note)


_NOTHING_SAID: Final = "(no error)"
_NOTHING: Final = Meaning(
    english="It reverted without an error: it has no such function, or ran out of gas.",
    korean="오류 내용 없이 실패하였습니다: 해당 함수가 없거나 가스가 부족합니다.",
    who="Those who registered the token: compare its form and gas allowance (`naru gateway verify`).",
)
_WHO_BY_REASON: Final[Mapping[Reason, str]] = {
    Reason.NOT_ELIGIBLE: "The recipient, or who keeps the issuer's register of holders.",
    Reason.ACCOUNT_FROZEN: "The issuer's agent who froze it.",
    Reason.COMPLIANCE_RULE: "The issuer: its rule decides.",
    Reason.TOKEN_PAUSED: "Whoever paused the token; else nobody, it is tried again.",
}


def _refused(error: bytes) -> Reading:
    """Read the reason code with which the asset's handler stopped the mint before the token was asked."""
    code = int.from_bytes(error[SELECTOR_LEN + WORD_LEN : SELECTOR_LEN + 2 * WORD_LEN])
    reason = Reason(code) if code in set(Reason) else Reason.TOKEN_REVERTED
    told = EXPLANATIONS[reason]
    who = _WHO_BY_REASON.get(reason, told.action)
    meaning = Meaning(english=told.english, korean=told.korean, who=who)
    return Reading(said=f"handler: {reason.name}", selector="0x" + RECIPIENT_REFUSED.hex(), meaning=meaning)


def _named(row: Known) -> str:
    return row.name or row.key


def _wrapped(error: bytes) -> bytes:
    """Give the bytes within TokenCallFailed(address,bytes), as many as are there."""
    return _dynamic(error[SELECTOR_LEN + WORD_LEN :], base=WORD_LEN)


def _text_of(rest: bytes) -> str:
    return _dynamic(rest, base=0).decode(errors="replace")


def _dynamic(rest: bytes, *, base: int) -> bytes:
    """Read bytes or a string whose offset is *rest*'s first word, counted from *base* bytes before it; lenient."""
    start = int.from_bytes(rest[:WORD_LEN]) - base
    if not WORD_LEN <= start < len(rest):
        return b""
    length = int.from_bytes(rest[start : start + WORD_LEN])
    return rest[start + WORD_LEN : start + WORD_LEN + length]
