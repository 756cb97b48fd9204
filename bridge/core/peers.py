"""Who is at the other end of a connection: a role and an instance, as certificates name them. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from bridge.errors import InvalidInputError

SCHEME: Final = "naru:"
INSTANCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Role(StrEnum):
    """What a process is to the others; a person's commands are an operator."""

    NOTARY = "notary"
    RELAYER = "relayer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One process, or one person's commands, as its certificate names it.

    `instance` is one to 32 lower-case letters, digits and hyphens, the first no hyphen.
    """

    role: Role
    instance: str

    def __post_init__(self) -> None:
        """Refuse an instance that is no name.

        Raises:
            InvalidInputError: it isn't.
        """
        if not INSTANCE.fullmatch(self.instance):
            raise InvalidInputError(
                f"instance {self.instance!r} is no name: use 1 to 32 of a-z, 0-9 and -, the first no hyphen"
            )

    @property
    def uri(self) -> str:
        """Its name as a URI: `naru:<role>/<instance>`. Servers read it."""
        return f"{SCHEME}{self.role}/{self.instance}"

    @property
    def dns_name(self) -> str:
        """Its name as a host: `<instance>.<role>.naru`. Clients, which can't check a URI, pin it."""
        return f"{self.instance}.{self.role}.naru"

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """Read `naru:<role>/<instance>`.

        Raises:
            InvalidInputError: it is something else.
        """
        role, slash, instance = uri.removeprefix(SCHEME).partition("/")
        if not uri.startswith(SCHEME) or not slash or role not in set(Role):
            raise InvalidInputError(f"{uri!r} is not naru:<role>/<instance>, with role {', '.join(Role)}")
        return cls(role=Role(role), instance=instance)

    @classmethod
    def among(cls, uris: Iterable[str]) -> Self:
        """Read the one name of ours among a certificate's URIs; others are none of our business.

        Raises:
            InvalidInputError: none is ours, or several, or one is malformed.
        """
        ours = [uri for uri in uris if uri.startswith(SCHEME)]
        if len(ours) != 1:
            raise InvalidInputError(f"{len(ours)} names naru:<role>/<instance>, and exactly one is needed")
        return cls.from_uri(ours[0])
