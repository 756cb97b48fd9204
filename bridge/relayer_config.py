"""What a relayer needs, as bridge.config has it for everybody else."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bridge.config import INSTANCE, CommitteeConfig, FilePath, Network, Seconds, Table, transport_problems
from bridge.core.hosts import is_loopback


class InstitutionConfig(Table):
    """Who receives the lifecycle data of what goes to one ledger, and how its relayer is reached."""

    ledger: str
    """The destination's name in `ledgers`."""
    address: Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
    """gRPC address, `host:port`."""
    name: Annotated[str, Field(pattern=rf"({INSTANCE})|^$")] = ""
    """The instance in its relayer's TLS certificate; needed where TLS is."""
    card: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    """Its identity card, as its `naru lifecycle identity` prints it."""


class LifecycleConfig(Table):
    """Lifecycle data beside the units (R-27): without this table a relayer neither sends nor receives any."""

    listen: Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
    """Where other institutions' relayers hand data over, `host:port`. Without TLS on loopback only."""
    identity_file: FilePath
    """As `naru lifecycle identity` makes it, mode 0600: opens what is sealed to this institution's card."""
    folder: FilePath
    """Outbox and inbox, in the clear: mode 0700, on the institution's own disk."""
    peers: Annotated[tuple[InstitutionConfig, ...], Field(strict=False)] = ()


class RelayerConfig(Network):
    """What `python -m relayer` needs."""

    redis: str
    """`redis://…`, `rediss://…` or `unix://…`."""
    committee: CommitteeConfig
    committee_folder: FilePath | None = None
    """Where documents of other committees are put, `epoch-<n>.toml`: read when a gateway names another epoch."""
    poll_s: Seconds = 1.0
    """How often ledgers are looked at."""
    transcript_file: FilePath | None = None
    """Where signing sessions are kept as evidence."""
    lifecycle: LifecycleConfig | None = None

    @model_validator(mode="after")
    def _check_relayer(self) -> Self:
        problems = transport_problems(self.committee, tls=self.tls is not None, development=self.development)
        if self.lifecycle is not None:
            problems += self._lifecycle_problems(self.lifecycle)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _lifecycle_problems(self, lifecycle: LifecycleConfig) -> list[str]:
        known, named = [ledger.name for ledger in self.ledgers], [peer.ledger for peer in lifecycle.peers]
        problems = [
            f"lifecycle: {name} is no ledger here: known are {', '.join(known)}" for name in named if name not in known
        ]
        problems += [
            f"lifecycle: ledger {name} has two peers: one institution keeps its register, name that one"
            for name in sorted({name for name in named if named.count(name) > 1})
        ]
        if self.tls is not None:
            return problems + [
                f"lifecycle: the peer of ledger {peer.ledger} has no name: TLS can't tell who answers"
                for peer in lifecycle.peers
                if not peer.name
            ]
        return problems + [
            f"lifecycle: {address} is not on loopback: plaintext gRPC is allowed there only; give a tls table"
            for address in (lifecycle.listen, *(peer.address for peer in lifecycle.peers))
            if not is_loopback(address)
        ]
