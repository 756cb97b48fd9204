"""One line per thing that must be true of a network, each with its remedy."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import permutations, product

from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.redis.client import connect
from bridge.committee.keys import key_account, public_keys
from bridge.config import ClientConfig, CommitteeConfig, LedgerConfig, MemberConfig
from bridge.core.caip import AssetId, LedgerId, evm_account, evm_chain_id
from bridge.core.transfer import Lane
from bridge.errors import BridgeError, ConfigError
from bridge.frost import ParticipantId, PublicKeyPackage
from bridge.ports.ledger import LedgerReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, what was found, and what to do if that is wrong."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


async def examine(config: ClientConfig) -> list[Check]:
    """Look at ledgers, gateways, keys, committee and Redis; never raises for what it finds."""
    keys, problem = _keys(config.committee)
    of_ledgers = [c for ledger in config.ledgers for c in await _ledger(ledger, config.committee.epoch, keys)]
    checks = [_committee(config.committee, problem), *of_ledgers]
    if all(check.ok for check in of_ledgers):
        checks.append(await _limits(config))
    members = [await _notary(member, config.committee.epoch, keys) for member in config.committee.members]
    checks += [*members, _quorum(sum(check.ok for check in members), config.committee)]
    checks.append(await _guarded("redis", _redis(config.redis), "start Redis, or correct the redis URL"))
    return checks


def _keys(committee: CommitteeConfig) -> tuple[PublicKeyPackage | None, str]:
    """Decode the committee's keys, or tell what is wrong with them."""
    try:
        return public_keys(committee), ""
    except ConfigError as error:
        return None, str(error)


def _committee(committee: CommitteeConfig, problem: str) -> Check:
    return Check(
        name="committee",
        ok=not problem,
        found=problem or f"{committee.threshold} of {len(committee.members)}, epoch {committee.epoch}",
        remedy="correct `committee.public_keys`: get it from the committee" if problem else "",
    )


async def _ledger(ledger: LedgerConfig, epoch: int, keys: PublicKeyPackage | None) -> list[Check]:
    """Look at one ledger; its committee key only where there are *keys* to hold it against."""
    node = Node(ledger.nodes[0], finality=ledger.finality)
    try:
        chain = await _guarded(f"{ledger.name} chain id", _chain(node, ledger), f"start the node at {node.address}")
        if not chain.ok:
            return [chain]
        questions: tuple[tuple[str, Callable[..., Awaitable[tuple[bool, str]]], str], ...] = (
            ("gateway code", _code, "deploy the gateway, or correct `gateway`"),
            (
                "fingerprint",
                _fingerprint,
                "this is another ledger, or a restored one: get its operator's configuration",
            ),
        )
        checks = [chain]
        for name, question, remedy in questions:
            checks.append(await _guarded(f"{ledger.name} {name}", question(node, ledger), remedy))
        if keys is not None:
            remedy = "register the committee's key at this gateway, or correct `committee`"
            checks.append(await _guarded(f"{ledger.name} committee key", _key(node, ledger, epoch, keys), remedy))
        return checks
    finally:
        await node.close()


async def _chain(node: Node, ledger: LedgerConfig) -> tuple[bool, str]:
    await node.check_chain(evm_chain_id(LedgerId(ledger.ledger)))
    head = await node.head()
    return True, f"{ledger.ledger}, final height {head.height}"


async def _code(node: Node, ledger: LedgerConfig) -> tuple[bool, str]:
    has = await node.has_code(ledger.gateway)
    return has, f"{ledger.gateway}" + ("" if has else " has no code")


async def _fingerprint(node: Node, ledger: LedgerConfig) -> tuple[bool, str]:
    functions = node.contract(GATEWAY, ledger.gateway).functions
    kept = bytes(await node.call(functions.fingerprint()))
    before = await node.final(int(await node.call(functions.deployedAt())) - 1)
    expected = bytes.fromhex(ledger.fingerprint[2:])
    return kept == before.hash == expected, f"0x{before.hash.hex()[:16]}… at height {before.height}"


async def _key(node: Node, ledger: LedgerConfig, epoch: int, keys: PublicKeyPackage) -> tuple[bool, str]:
    functions = node.contract(GATEWAY, ledger.gateway).functions
    current = await node.call(functions.currentEpoch())
    key, _, accepted, _ = await node.call(functions.epoch(epoch))
    same = evm_account(key) == key_account(keys.group_public_key)
    text = f"epoch {current}, " + ("key as configured" if same else "another key")
    return same and accepted and current == epoch, text


async def _limits(config: ClientConfig) -> Check:
    """Hold the two halves of each lane against each other (R-25)."""

    async def look() -> tuple[bool, str]:
        async with AsyncExitStack() as resources:
            readers: dict[str, LedgerReader] = {}
            for ledger in config.ledgers:
                node = Node(ledger.nodes[0], finality=ledger.finality)
                resources.push_async_callback(node.close)
                readers[ledger.name] = EvmReader(node, ledger.endpoint)
            found = await never_minted(readers, {asset.name: asset.id for asset in config.assets})
        return not found, "; ".join(found) or "no lane takes in more at once than its other end ever lets out"

    remedy = "lower the source's amountMax or raise the destination's capacity: what is above it only waits and expires"
    return await _guarded("lane limits", look(), remedy)


async def never_minted(readers: Mapping[str, LedgerReader], assets: Mapping[str, AssetId]) -> list[str]:
    """Tell of open lanes that lock more at once than the destination's bucket can ever hold (R-25)."""
    heads = {name: await reader.head() for name, reader in readers.items()}
    found = []
    for (source, destination), (asset, asset_id) in product(permutations(readers, 2), assets.items()):
        ends = {"source": readers[source].endpoint.id, "destination": readers[destination].endpoint.id}
        lane = Lane(**ends, asset=asset_id)
        outbound = await readers[source].lane(lane, heads[source])
        inbound = await readers[destination].lane(lane, heads[destination])
        if outbound.enabled and inbound.enabled and outbound.amount_max > inbound.capacity:
            amounts = f"amountMax {outbound.amount_max} is above capacity {inbound.capacity}"
            found.append(f"{source} to {destination}, {asset}: {amounts}")
    return found


async def _notary(member: MemberConfig, epoch: int, keys: PublicKeyPackage | None) -> Check:
    async def ask() -> tuple[bool, str]:
        notary = GrpcNotary(ParticipantId(member.id), member.address)
        try:
            status = await notary.status()
        finally:
            await notary.close()
        problems = [ledger.problem for ledger in status.ledgers if ledger.problem]
        group_key = status.group_key if keys is None else keys.group_public_key.to_bytes()
        if (status.epoch, status.group_key) != (epoch, group_key):
            problems.append(f"holds a share of another key (epoch {status.epoch})")
        heights = ", ".join(f"{ledger.ledger} at {ledger.height}" for ledger in status.ledgers)
        return not problems, "; ".join(problems) or f"{member.operator}, sees {heights}"

    return await _guarded(f"notary {member.id}", ask(), f"start notary {member.id} at {member.address}, read its log")


def _quorum(answering: int, committee: CommitteeConfig) -> Check:
    return Check(
        name="quorum",
        ok=answering >= committee.threshold,
        found=f"{answering} of {len(committee.members)} notaries are well, t = {committee.threshold} must sign",
        remedy="transfers wait until enough notaries are back: start them",
    )


async def _redis(url: str) -> tuple[bool, str]:
    async with connect(url) as stores:
        health = await stores.check()
    return not health.problems, "; ".join(health.problems) or f"version {health.version}"


async def _guarded(name: str, question: Awaitable[tuple[bool, str]], remedy: str) -> Check:
    try:
        ok, found = await question
    except BridgeError as error:
        ok, found = False, str(error)
    return Check(name=name, ok=ok, found=found, remedy="" if ok else remedy)
