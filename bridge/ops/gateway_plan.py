"""The plan of one gateway, written by its operator, and the deployment file, which `naru gateway deploy` writes.

The plan says what must be true; the ledger says what is. Every key stands in a file of its own, never here.
"""

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bridge.committee.keys import key_account
from bridge.config import (
    FINALITY,
    AddressText,
    AssetText,
    FilePath,
    LedgerText,
    NodeText,
    Word,
    faulty_max,
    load,
)
from bridge.core.caip import Account, AssetId, Endpoint, LedgerId, asset_id, evm_account
from bridge.core.keccak import keccak
from bridge.core.transfer import AMOUNT_MAX
from bridge.disk import put
from bridge.errors import ConfigError
from bridge.frost import Element, FrostError, PublicKeyPackage

PERSONS_MIN: Final = 2
NOTARIES_MIN: Final = 4
U32_MAX: Final = 2**32 - 1
U128_MAX: Final = 2**128 - 1
SUFFIX: Final = ".deployment.json"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Persons = Annotated[tuple[AddressText, ...], Field(min_length=PERSONS_MIN, strict=False)]
Delay = Annotated[int, Field(ge=1, le=U32_MAX)]
Amount = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class KeyPlan(_Table):
    """The committee's key of one epoch (R-40)."""

    epoch: Annotated[int, Field(ge=1, lt=2**64)]
    public_keys: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
    """FROST public key package, hexadecimal: `committee.public_keys` of the network's other files."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            keys = PublicKeyPackage.from_bytes(bytes.fromhex(self.public_keys))
        except FrostError as error:
            raise ValueError(f"public_keys is no public key package: {error}") from None
        n = keys.participants
        if n < NOTARIES_MIN or keys.threshold != n - faulty_max(n):
            raise ValueError(
                f"public_keys is of a {keys.threshold}-of-{n} committee: n must be at least {NOTARIES_MIN} and the "
                "threshold n - f, f = (n - 1) / 3 rounded down"
            )
        return self

    @property
    def _group_key(self) -> Element:
        return PublicKeyPackage.from_bytes(bytes.fromhex(self.public_keys)).group_public_key

    @property
    def point(self) -> tuple[int, int]:
        """The group's public key: px and py."""
        return self._group_key.coordinates()

    @property
    def account(self) -> Account:
        """The key's address, by which a gateway keeps it."""
        return key_account(self._group_key)


class PeerPlan(_Table):
    """Another ledger's gateway: by its deployment file, or by what its EndpointId is made of."""

    name: Name
    deployment: FilePath | None = None
    ledger: LedgerText | None = None
    fingerprint: Word | None = None
    gateway: AddressText | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.ledger, self.fingerprint, self.gateway]
        if (self.deployment is None) == any(value is None for value in given) or (self.deployment and any(given)):
            raise ValueError("give either deployment, or ledger, fingerprint and gateway")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """The peer's identity.

        Raises:
            ConfigError: its deployment file is not there yet, or not complete.
        """
        if self.deployment is not None:
            return read_record(self.deployment).endpoint_or_raise(self.deployment)
        return Endpoint(
            ledger=LedgerId(str(self.ledger)),
            fingerprint=bytes.fromhex(str(self.fingerprint)[2:]),
            gateway=Account(evm_account(str(self.gateway))),
        )


class AssetPlan(_Table):
    """An asset's active profile here (R-07)."""

    name: Name
    asset: AssetText
    token: AddressText
    handler: AddressText
    """What knows the token's standard: deployed by `naru gateway handler`, or an issuer's own (R-22)."""
    code_hash: Word | None = None
    """Of the token's code, if it is to be held against a known one; else against the one at its registration."""
    implementation: Word | None = None
    """Of the code behind a token that is a proxy, if that is to be held against a known one."""
    mode: Literal["escrow", "burn"] = "escrow"
    form: Literal["own", "role", "erc7802"]
    decimals: Annotated[int, Field(ge=0, le=36)]
    gas_allowance: Annotated[int, Field(ge=1, le=U32_MAX)]
    register_key: AddressText | None = None
    agents: Annotated[tuple[AddressText, ...], Field(strict=False)] = ()

    @property
    def id(self) -> AssetId:
        """The AssetId."""
        return asset_id(self.asset)

    @property
    def mode_number(self) -> int:
        """LockMode as the gateway numbers it."""
        return {"burn": 1, "escrow": 2}[self.mode]

    @property
    def form_number(self) -> int:
        """TokenForm as the gateway numbers it."""
        return {"own": 1, "role": 2, "erc7802": 3}[self.form]


class OutboundPlan(_Table):
    """Limits of a lane that leaves here: amounts in smallest units (R-01)."""

    amount_min: Amount
    amount_max: Amount
    deadline_min_s: Delay
    deadline_max_s: Delay

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.amount_min > self.amount_max or self.deadline_min_s > self.deadline_max_s:
            raise ValueError("a minimum is above its maximum")
        return self

    @property
    def words(self) -> tuple[int, int, int, int]:
        """As the ABI's OutboundLimits."""
        return self.amount_min, self.amount_max, self.deadline_min_s, self.deadline_max_s


class InboundPlan(_Table):
    """Limits of a lane that arrives here: a bucket, and what waits for people to look (R-25)."""

    capacity: Amount
    refill_s: Delay
    large_amount: Annotated[int, Field(ge=1, le=U128_MAX)]
    large_delay_s: Annotated[int, Field(ge=0, le=U32_MAX)]

    @property
    def words(self) -> tuple[int, int, int, int]:
        """As the ABI's InboundLimits."""
        return self.capacity, self.large_amount, self.refill_s, self.large_delay_s


class LanePlan(_Table):
    """An asset's way to and from a peer; one direction may be missing."""

    asset: str
    peer: str
    outbound: OutboundPlan | None = None
    inbound: InboundPlan | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.outbound is None and self.inbound is None:
            raise ValueError("give outbound, inbound or both")
        return self


class GatewayPlan(_Table):
    """One gateway on one EVM ledger: who may do what, and what it must know."""

    name: Name
    node: NodeText
    finality: Annotated[str, Field(pattern=FINALITY)] = "instant"
    chain_id: Annotated[int, Field(ge=1)]
    deployer_file: FilePath
    """File (mode 600) with the key that pays for the deployment. It gets no role."""
    governance: Persons
    governance_delay_s: Annotated[int, Field(ge=1, le=366 * 86_400)]
    governance_timelock: AddressText | None = None
    """One that stands already, such as an older gateway's; else one is deployed."""
    unpausers: Persons
    unpauser_timelock: AddressText | None = None
    guardian: AddressText
    auditor: AddressText | None = None
    handover_delay_s: Delay
    redirect_delay_s: Delay
    frost_verifier: bool = False
    """Also deploy an ERC-7913 verifier, for contracts that check the committee's signatures themselves."""
    key: KeyPlan | None = None
    peers: Annotated[tuple[PeerPlan, ...], Field(strict=False)] = ()
    assets: Annotated[tuple[AssetPlan, ...], Field(strict=False)] = ()
    lanes: Annotated[tuple[LanePlan, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = _repetitions(self)
        peers, assets = {p.name for p in self.peers}, {a.name for a in self.assets}
        for lane in self.lanes:
            if lane.asset not in assets:
                problems.append(f"a lane is of asset {lane.asset}, which is not in assets: add it there")
            if lane.peer not in peers:
                problems.append(f"a lane is with {lane.peer}, which is not in peers: add it there")
        if self.guardian == self.auditor:
            problems.append("guardian and auditor are one account: the auditor is a program, give it its own")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def ledger(self) -> LedgerId:
        """CAIP-2 text."""
        return LedgerId(f"eip155:{self.chain_id}")

    @property
    def digest(self) -> str:
        """Hash of what a deployment fixes; registrations may come later."""
        fixed = self.model_dump(
            mode="json", include={"chain_id", "governance", "governance_delay_s", "governance_timelock", "unpausers"}
        ) | self.model_dump(mode="json", include={"unpauser_timelock", "guardian", "auditor", "frost_verifier"})
        delays = {"handover_delay_s": self.handover_delay_s, "redirect_delay_s": self.redirect_delay_s}
        return keccak(json.dumps(fixed | delays, sort_keys=True).encode()).hex()

    @property
    def bare(self) -> Self:
        """The same gateway as it must be right after its deployment: no key, nothing registered."""
        return self.model_copy(update={"key": None, "peers": (), "assets": (), "lanes": ()})

    def peer(self, name: str) -> PeerPlan:
        """Find a peer by its name, which is known."""
        return next(peer for peer in self.peers if peer.name == name)

    def asset(self, name: str) -> AssetPlan:
        """Find an asset by its name, which is known."""
        return next(asset for asset in self.assets if asset.name == name)


def read_plan(path: Path) -> GatewayPlan:
    """Read a plan.

    Raises:
        ConfigError: it can't be read, or values are wrong; every problem is told.
    """
    return load(path, GatewayPlan)


def _repetitions(plan: GatewayPlan) -> list[str]:
    lists = {
        "governance": plan.governance,
        "unpausers": plan.unpausers,
        "peers": tuple(peer.name for peer in plan.peers),
        "assets": tuple(asset.name for asset in plan.assets),
        "assets' identifiers": tuple(asset.asset for asset in plan.assets),
        "assets' tokens": tuple(asset.token for asset in plan.assets),
        "lanes": tuple(f"{lane.asset} {lane.peer}" for lane in plan.lanes),
    }
    return [
        f"{where} has {value} twice: name each once"
        for where, values in lists.items()
        for value in dict.fromkeys(value for value in values if values.count(value) > 1)
    ]


# --- the deployment file


class Step(_Table):
    """One contract. `raw` stays until its transaction is in a block, so that it can be sent again and never twice."""

    contract: str
    address: AddressText
    transaction: Word | None = None
    nonce: int = 0
    raw: str | None = None
    block: int | None = None
    """None: not known to be in a block. 0 for a contract that stood there before."""
    code_hash: Word | None = None


class Record(_Table):
    """What `naru gateway deploy` has done so far; complete once the checks passed (`checked_at`)."""

    version: Literal[1] = 1
    name: str
    plan: str
    """GatewayPlan.digest."""
    chain_id: int
    ledger: str
    deployer: AddressText
    steps: dict[str, Step]
    fingerprint: Word | None = None
    endpoint_id: Word | None = None
    checked_at: int | None = None
    """Height at which the whole state was checked after the deployment."""

    def address(self, step: str) -> str:
        """Where a deployed contract stands."""
        return self.steps[step].address

    def endpoint_or_raise(self, path: Path) -> Endpoint:
        """The gateway's identity.

        Raises:
            ConfigError: the deployment is not complete.
        """
        if self.fingerprint is None or self.checked_at is None:
            raise ConfigError((f"{path}: this deployment is not complete: run `naru gateway deploy` of it to its end",))
        return Endpoint(
            ledger=LedgerId(self.ledger),
            fingerprint=bytes.fromhex(self.fingerprint[2:]),
            gateway=Account(evm_account(self.address("gateway"))),
        )


def record_path(plan: Path) -> Path:
    """Name the deployment file of a plan: alpha.toml has alpha.deployment.json."""
    return plan.with_name(plan.stem + SUFFIX)


def read_record(path: Path) -> Record:
    """Read a deployment file.

    Raises:
        ConfigError: it is not there, or not one.
    """
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"{path} can't be read ({error.strerror}): deploy that gateway first, with `naru gateway deploy`"
        raise ConfigError((problem,)) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path} is no deployment file: {error}",)) from error


def write_record(path: Path, record: Record) -> None:
    """Write it whole or not at all, and on disk before this returns.

    Raises:
        ConfigError: it can't be written.
    """
    text = record.model_dump_json(indent=2, exclude_none=True) + "\n"
    try:
        put(path, text, mode=0o644)
    except OSError as error:
        raise ConfigError(
            (f"{path} can't be written ({error.strerror}): it is the memory of the deployment",)
        ) from error
