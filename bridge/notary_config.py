"""What the two processes of a notary need, as bridge.config has it for everybody else."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bridge.config import INSTANCE, AssetText, FilePath, LedgerConfig, Network, Table, node_host
from bridge.core.hosts import is_loopback
from bridge.core.transfer import AMOUNT_MAX

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class KekConfig(Table):
    """The key that a notary's sealed files are locked with: of a passphrase, on a PKCS#11 token, or a plug-in's."""

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = "passphrase"
    """`passphrase`, `pkcs11`, or the name of an installed plug-in (entry points `naru.key_encryption`)."""
    passphrase_file: FilePath | None = None
    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """Name of the systemd credential with the passphrase or PIN, instead of a file."""
    module: FilePath | None = None
    """PKCS#11 library."""
    token: str | None = None
    key_label: str | None = None
    pin_file: FilePath | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    """A plug-in's own."""


class SignerConfig(Table):
    """What `python -m notary.signer` needs: the half of a notary that holds its secrets."""

    development: bool = False
    """True only in the embedded network and in tests: weaker passphrases, and committees without identities."""
    folder: FilePath
    """Identity, seats, ceremonies, approvals; mode 0700, on a local disk that nobody takes snapshots of."""
    socket: FilePath
    """Unix socket for the front, in a folder of mode 0700."""
    kek: KekConfig

    @property
    def ceremonies(self) -> Path:
        """Folder of the ceremonies that this signer takes part in."""
        return self.folder / "ceremonies"


class WindowConfig(Table):
    """At most so many smallest units in any such span, by the source's block times."""

    amount_max: Annotated[int, Field(ge=1)]
    seconds: Annotated[int, Field(ge=1, le=31_536_000)]


class ScopeConfig(Table):
    """Lanes that a notary attests for, and what they may carry. A list that is left out means: any configured one."""

    sources: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    """Names of ledgers."""
    destinations: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    assets: Annotated[tuple[AssetText, ...] | None, Field(strict=False)] = None
    amount_min: Annotated[int, Field(ge=1)] = 1
    amount_max: Annotated[int, Field(ge=1, le=AMOUNT_MAX)] = AMOUNT_MAX
    large_amount: Annotated[int, Field(ge=1)] = AMOUNT_MAX + 1
    """From here on an amount waits *large_delay_s* from its lock's block, for people to look."""
    large_delay_s: Annotated[int, Field(ge=0, le=2_592_000)] = 0
    windows: Annotated[tuple[WindowConfig, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _check_scope(self) -> Self:
        if self.amount_min > self.amount_max:
            msg = f"no amount is both at least {self.amount_min} and at most {self.amount_max}"
            raise ValueError(msg)
        return self


class PolicyConfig(Table):
    """What one notary's institution lets through (R-11). The first scope that covers a lane counts; no other passes."""

    scopes: Annotated[tuple[ScopeConfig, ...], Field(min_length=1, strict=False)] = (ScopeConfig(),)
    denied: Annotated[tuple[Digest, ...], Field(strict=False)] = ()
    """SHA-256 of accounts' CAIP-10 texts, as `naru notary digest` makes them: the file does not show who it is."""
    issue_required: bool = True
    """Whether an asset without an entry of its register waits; false in development only."""
    implementations: Annotated[tuple[Digest, ...], Field(strict=False)] = ()
    """Keccak-256 of the code that may stand behind a token that is a proxy, as `naru gateway status` shows it; another
    one lets its transfers wait (R-31)."""


class NotaryConfig(Network):
    """What `python -m notary` needs: the half of a notary that reads ledgers and talks to others, not its shares."""

    name: Annotated[str, Field(pattern=INSTANCE)]
    """The instance in its TLS certificate, and in every committee document."""
    listen: Annotated[str, Field(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
    """`host:port`; port 0 takes a free one. Without TLS on loopback only."""
    announce_file: FilePath | None = None
    """Where the address is written once the notary answers."""
    signer_socket: FilePath
    """Of this notary's signer."""
    folder: FilePath
    """What it saw and what it thought of it: facts, verdicts, breakers. Mode 0700."""
    policy: PolicyConfig = PolicyConfig()
    refusals_file: FilePath | None = None
    """What errors of tokens mean that Naru does not know: for `naru notary explain` (docs/refusals.md)."""
    idle_allowance_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """How far the notary's own clock may run ahead of an idle ledger's before a deadline counts as passed (R-12)."""

    @property
    def facts(self) -> Path:
        """File with what this notary saw on ledgers."""
        return self.folder / "facts.sqlite"

    @property
    def verdicts(self) -> Path:
        """File with what it thought of transfers, and its breakers."""
        return self.folder / "verdicts.sqlite"

    @model_validator(mode="after")
    def _check_notary(self) -> Self:
        problems = self._policy_problems()
        if not self.development:
            problems += [p for ledger in self.ledgers for p in _agreement_problems(ledger)]
        if self.tls is None and not self.development:
            problems.append("tls is missing: name this notary's certificate; plaintext is for development only")
        if self.tls is None and not is_loopback(self.listen):
            problems.append(f"{self.listen} is not a loopback address: without tls, listen on 127.0.0.1 only")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _policy_problems(self) -> list[str]:
        known = [ledger.name for ledger in self.ledgers]
        named = {
            n for scope in self.policy.scopes for names in (scope.sources, scope.destinations) for n in names or ()
        }
        problems = [
            f"policy: {name} is no ledger here: known are {', '.join(known)}" for name in sorted(named - set(known))
        ]
        if not self.policy.issue_required and not self.development:
            problems.append(
                "policy: issue_required false is for development only: the account needs the entries (R-11)"
            )
        return problems


def _agreement_problems(ledger: LedgerConfig) -> list[str]:
    k, m = ledger.agreement, len(ledger.nodes)
    problems = []
    if not (k >= 2 and m / 2 < k <= m):  # noqa: PLR2004 - R-10
        problems.append(
            f"ledger {ledger.name}: agreement {k} of {m} nodes is not enough: R-10 wants at least 2 and more than half"
        )
    problems += [
        f"ledger {ledger.name}: {times} nodes on host {host}: they fall and lie together; use another host for each"
        for host, times in Counter(node_host(node) for node in ledger.nodes).items()
        if times >= max(k, 2)
    ]
    return problems
