"""Configuration: TOML in, frozen values out; everything wrong is told at once. Parsed in composition roots only.

Plain pydantic rather than pydantic-settings: the latter takes 0.3 s to import, which `naru transfer list` can't afford.
Secrets never stand in a file that this reads: a field ending in `_file` names where one is.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from bridge.core.caip import Account, AssetId, Endpoint, LedgerId, asset_id, evm_account, evm_address, ledger_id
from bridge.core.hosts import is_loopback
from bridge.errors import BridgeError, ConfigError

NOTARIES_MIN: Final = 4
PROBABILISTIC: Final = frozenset({1, 10, 56, 100, 137, 8453, 42161, 43114, 59144, 17000, 560048, 11155111})
"""EIP-155 ids of public chains whose newest block may still be undone: `instant` is refused there."""
FINALITY: Final = r"^(instant|tag:(safe|finalized)|depth:[1-9][0-9]{0,5})$"
INSTANCE: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""Of a TLS certificate: one process of one role."""
T = TypeVar("T", bound=BaseModel)


def _word(text: str) -> str:
    if len(text) != 66 or not text.startswith("0x") or any(c not in "0123456789abcdef" for c in text[2:]):  # noqa: PLR2004 - 0x and 32 bytes
        msg = "give 0x and 64 lower-case hexadecimal digits"
        raise ValueError(msg)
    return text


def _checked(text: str, parse: object) -> str:
    try:
        parse(text)  # type: ignore[operator] # a parser of one text
    except BridgeError as error:
        raise ValueError(str(error)) from None
    return text


def _address(text: str) -> str:
    return evm_address(evm_account(_checked(text, evm_account)))


def _as_path(value: object, info: ValidationInfo) -> object:
    folder = info.context["folder"] if info.context else Path()
    return folder / value if isinstance(value, str) else value


Word = Annotated[str, AfterValidator(_word)]
LedgerText = Annotated[str, AfterValidator(lambda t: _checked(t, ledger_id))]
AssetText = Annotated[str, AfterValidator(lambda t: _checked(t, asset_id))]
AddressText = Annotated[str, AfterValidator(_address)]
"""With its EIP-55 checksum from here on."""
FilePath = Annotated[Path, BeforeValidator(_as_path)]
NodeText = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Table(BaseModel):
    """A table of a configuration: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TlsConfig(Table):
    """This process's certificate, as `naru ca issue` writes it; reread when the files change."""

    ca_file: FilePath
    certificate_file: FilePath
    key_file: FilePath
    """Mode 0600."""


class LedgerConfig(Table):
    """One ledger and its gateway, as one process reaches it through nodes of its own."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    ledger: LedgerText
    fingerprint: Word
    gateway: AddressText
    nodes: Annotated[tuple[NodeText, ...], Field(min_length=1, strict=False)]
    """JSON-RPC addresses, `http://host:port`, each of another node."""
    agreement: Annotated[int, Field(ge=1)] = 1
    """How many of `nodes` must agree before a fact is one (k of m, R-10). Used by notaries."""
    finality: Annotated[str, Field(pattern=FINALITY)] = "instant"
    """`instant`, `tag:safe`, `tag:finalized` or `depth:<blocks>`."""
    consensus: Literal["final", "probabilistic"] = "final"
    """Whether a block that a node shows can't be undone (QBFT, IBFT, Raft), or grows safer with time only."""
    margin_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Seconds by which finality must outlive a refusal before it is attested (R-30); 0 under `instant` only."""
    account_file: FilePath | None = None
    """Relayer: file with the private key that pays for transactions, 0x and 64 digits."""

    @model_validator(mode="after")
    def _check_ledger(self) -> Self:
        problems = [f"node {n} occurs twice: R-10 counts different nodes" for n in _repeated(self.nodes)]
        if self.agreement > len(self.nodes):
            problems.append(f"agreement {self.agreement} of {len(self.nodes)} nodes can't be reached: name more nodes")
        if self.finality != "instant" and not self.margin_s:
            problems.append(
                f"finality {self.finality}: set margin_s above the deepest credible reorganisation, in seconds (R-30)"
            )
        if self.finality == "instant" and self._is_probabilistic:
            problems.append(
                f"finality instant on {self.ledger}: its newest blocks can be undone; use tag:finalized or depth:N, "
                "and a margin_s (R-30)"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def _is_probabilistic(self) -> bool:
        namespace, _, reference = self.ledger.partition(":")
        known = (
            namespace == "eip155" and reference.isascii() and reference.isdigit() and int(reference) in PROBABILISTIC
        )
        return known or self.consensus == "probabilistic"

    @property
    def endpoint(self) -> Endpoint:
        """The gateway's identity."""
        return Endpoint(
            ledger=LedgerId(self.ledger),
            fingerprint=bytes.fromhex(self.fingerprint[2:]),
            gateway=Account(evm_account(self.gateway)),
        )


class MemberConfig(Table):
    """One notary's seat."""

    id: Annotated[int, Field(ge=1, le=255)]
    operator: Annotated[str, Field(min_length=1, max_length=100)]
    """Who runs it; affiliates share one name (R-42)."""
    address: Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
    """gRPC address, `host:port`."""
    name: Annotated[str, Field(pattern=rf"({INSTANCE})|^$")] = ""
    """The instance in its TLS certificate; needed where TLS is."""
    identity: Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")] = ""
    """Its identity card, hexadecimal; empty in a dealt committee, which is for development."""


class CommitteeConfig(Table):
    """The committee of one epoch: n members, t = n − f of which sign, f = ⌊(n−1)/3⌋ (protocol.md, section 3).

    A ceremony writes it, signed by all n: `naru committee show` checks one.
    """

    epoch: Annotated[int, Field(ge=1)]
    threshold: int
    public_keys: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
    """FROST public key package, hexadecimal."""
    members: Annotated[tuple[MemberConfig, ...], Field(min_length=1, strict=False)]
    session: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the ceremony that made the key; empty if a dealer did."""
    signatures: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")], ...], Field(strict=False)] = ()
    """Each member's, by its identity, over the ceremony's certificate."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = committee_problems(self.threshold, [m.id for m in self.members], [m.operator for m in self.members])
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Network(Table):
    """What every configuration says of the network that it belongs to."""

    development: bool = False
    """True only in the embedded network and in tests: k = 1 and fewer than four operators are then allowed."""
    ledgers: Annotated[tuple[LedgerConfig, ...], Field(min_length=1, strict=False)]
    tls: TlsConfig | None = None
    """Without it gRPC is plaintext, on loopback and in development only."""

    @model_validator(mode="after")
    def _check_ledgers(self) -> Self:
        names, ledgers = [ledger.name for ledger in self.ledgers], [ledger.ledger for ledger in self.ledgers]
        problems = [
            f"{what} {value} occurs twice: give each ledger its own"
            for what, values in (("name", names), ("ledger", ledgers))
            for value in _repeated(values)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class TokenConfig(Table):
    """An asset's token on one ledger; `issued` in smallest units, as its register has it (INV-4)."""

    ledger: str
    token: AddressText
    issued: Annotated[int, Field(ge=0)] = 0


class AssetConfig(Table):
    """An asset as people name it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    asset: AssetText
    decimals: Annotated[int, Field(ge=0, le=36)]
    tokens: Annotated[tuple[TokenConfig, ...], Field(min_length=1, strict=False)]

    @property
    def id(self) -> AssetId:
        """The AssetId."""
        return asset_id(self.asset)


class AccountConfig(Table):
    """A key that this client may use, by name."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    address: AddressText
    key_file: FilePath | None = None


class ClientConfig(Network):
    """What the command `naru` needs."""

    redis: str
    committee: CommitteeConfig
    committee_folder: FilePath | None = None
    """As the relayer's."""
    refusals_file: FilePath | None = None
    """What errors of tokens mean that Naru does not know (docs/refusals.md)."""
    assets: Annotated[tuple[AssetConfig, ...], Field(strict=False)] = ()
    accounts: Annotated[tuple[AccountConfig, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        ledgers = [ledger.name for ledger in self.ledgers]
        problems = transport_problems(self.committee, tls=self.tls is not None, development=self.development)
        problems += [f"asset {name} occurs twice: name each once" for name in _repeated([a.name for a in self.assets])]
        problems += [f"asset {i} occurs twice: name each once" for i in _repeated([a.asset for a in self.assets])]
        problems += [f"account {n} occurs twice: name each once" for n in _repeated([a.name for a in self.accounts])]
        problems += [
            f"asset {asset.name} has a token on {token.ledger}, which is no ledger here: known are {', '.join(ledgers)}"
            for asset in self.assets
            for token in asset.tokens
            if token.ledger not in ledgers
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def load(path: Path, model: type[T]) -> T:
    """Read *path* as TOML into *model*; relative file names count from the file's own folder.

    Raises:
        ConfigError: it can't be read, or values are wrong; every problem is told.
    """
    try:
        data = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(
            (f"{path} can't be read ({error.strerror}): give the path of a configuration file",)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path} is not TOML: {error}",)) from error
    try:
        return model.model_validate(data, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(tuple(f"{path.name}: {_explain(e)}" for e in _causes(error.errors()))) from error


def faulty_max(members: int) -> int:
    """Tell f, how many of *members* notaries may be faulty."""
    return (members - 1) // 3


def committee_problems(threshold: int, ids: list[int], operators: list[str]) -> list[str]:
    """Tell what is wrong with a committee's numbers (section 3, R-42)."""
    n, f = len(ids), faulty_max(len(ids))
    problems = []
    if n < NOTARIES_MIN:
        problems.append(f"a committee of {n} tolerates no fault: configure at least {NOTARIES_MIN} notaries")
    if threshold != n - f:
        problems.append(f"threshold must be n - f = {n - f} for {n} notaries, not {threshold}")
    if sorted(ids) != list(range(1, n + 1)):
        problems.append(f"notary ids must be 1 to {n}, each once")
    problems += [
        f"operator {operator!r} holds {seats} of {n} seats: none may hold more than f = {f} (R-42)"
        for operator, seats in Counter(operators).items()
        if seats > f
    ]
    return problems


def host_problems(hosts: list[str]) -> list[str]:
    """Tell which hosts hold more than f of the seats, one host a seat (R-42)."""
    n, f = len(hosts), faulty_max(len(hosts))
    return [
        f"host {host} holds {seats} of {n} seats: none may hold more than f = {f} (R-42)"
        for host, seats in Counter(hosts).items()
        if seats > f
    ]


def transport_problems(committee: CommitteeConfig, *, tls: bool, development: bool) -> list[str]:
    """Tell what is wrong with how a committee's members are reached."""
    plain = [m for m in committee.members if not is_loopback(m.address)]
    if not tls and plain:
        where = ", ".join(m.address for m in plain)
        return [f"{where} is not on loopback: plaintext gRPC is allowed on loopback only; give a tls table"]
    if development:
        return []
    problems = host_problems([m.address.rpartition(":")[0] for m in committee.members])
    problems += [
        f"notary {m.id} has no {what} in the committee document: get the one that its ceremony made"
        for m in committee.members
        for what, value in (("name", m.name), ("identity", m.identity))
        if not value
    ]
    if not tls:
        problems.append("tls is missing: name this process's certificate; plaintext is for development only")
    return problems


def read_secret(path: Path) -> str:
    """Read a file that only its owner may read.

    Raises:
        ConfigError: it can't be read, or others may read it too.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"secret file {path} can't be read: {error}",)) from error
    if mode & 0o077:
        raise ConfigError((f"secret file {path} can be read by others: run chmod 600 {path}",))
    return text


def node_host(node: str) -> str:
    """Give the host of a node's address."""
    return urlsplit(node).hostname or node


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out lists that are called too short only because of what is wrong inside them."""
    return [e for e in errors if e["type"] != "too_short" or not any(_inside(other, e) for other in errors)]


def _inside(inner: ErrorDetails, outer: ErrorDetails) -> bool:
    depth = len(outer["loc"])
    return len(inner["loc"]) > depth and inner["loc"][:depth] == outer["loc"]


def _explain(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            text = "there is no such key: remove it, or correct its spelling"
        case "missing":
            text = "is missing: add it"
        case _:
            text = error["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text
