"""The user's own table of tokens' errors: a TOML file, added to what Naru knows (docs/refusals.md)."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bridge.config import Table, load
from bridge.core.known_refusals import BUILT_IN, KNOWN
from bridge.core.refusals import Key, Known, Meaning, Refusals
from bridge.errors import InvalidInputError

Sentence = Annotated[str, Field(min_length=1, max_length=300)]
ErrorText = Annotated[str, Field(max_length=200)]


class RefusalRow(Table):
    """One error: by exactly one of its signature, selector, text, or how its text begins."""

    error: ErrorText | None = None
    selector: ErrorText | None = None
    text: ErrorText | None = None
    text_start: ErrorText | None = None
    name: ErrorText = ""
    """As it is shown; without one, as it is known by."""
    meaning: Sentence
    meaning_ko: Annotated[str, Field(max_length=300)] = ""
    who: Sentence
    """Who must act."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self._keys) != 1:
            given = " and ".join(kind for kind, _ in self._keys) or "none"
            raise ValueError(f"give exactly one of error, selector, text and text_start, not {given}")
        try:
            _ = self.known
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def known(self) -> Known:
        """As a row of the table."""
        ((kind, key),) = self._keys
        meaning = Meaning(english=self.meaning, korean=self.meaning_ko, who=self.who)
        return Known(kind=kind, key=key, meaning=meaning, name=self.name)

    @property
    def _keys(self) -> list[tuple[Key, str]]:
        given = ((kind, getattr(self, kind)) for kind in Key)
        return [(kind, key) for kind, key in given if key is not None]


class RefusalsFile(Table):
    """A list of errors."""

    refusal: Annotated[tuple[RefusalRow, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        counts = Counter((row.known.kind, row.known.key) for row in self.refusal)
        if twice := [f"{kind} {key!r} is there {n} times: give it once" for (kind, key), n in counts.items() if n > 1]:
            raise ValueError("; ".join(twice))
        return self


def refusals_of(path: Path | None) -> Refusals:
    """Give the table with what the file at *path* adds, which goes before what Naru knows itself.

    Raises:
        ConfigError: the file can't be read, or rows are wrong; every problem is told.
    """
    if path is None:
        return BUILT_IN
    return Refusals((*KNOWN, *(row.known for row in load(path, RefusalsFile).refusal)))
