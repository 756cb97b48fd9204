"""One line per thing that must be true of a network, each with its remedy."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import permutations, product

from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.redis.client import connect
from bridge.committee.document import is_dealt, verify_document
from bridge.committee.keys import key_account, public_keys
from bridge.config import ClientConfig, CommitteeConfig, LedgerConfig, MemberConfig, faulty_max
from bridge.connections import Lines, lines
from bridge.core.caip import AssetId, LedgerId, evm_account, evm_chain_id
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane
from bridge.errors import BridgeError, ConfigError
from bridge.frost import PublicKeyPackage
from bridge.ports.ledger import LedgerReader
from bridge.rpc.v1.notary_pb2 import StatusResponse


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
    tls, found = await _notaries(config, keys)
    members = [check for check, _ in found]
    checks += [*tls, *members, _quorum(sum(check.ok for check in members), config.committee), _document(config)]
    if not config.development:
        checks.append(_shared_nodes([status for _, status in found if status is not None], len(members)))
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
        chain = await _guarded(f"{ledger.name} chain id", _chain(node, ledger), f"start the node at {node.name}")
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


async def _notaries(
    config: ClientConfig, keys: PublicKeyPackage | None
) -> tuple[list[Check], list[tuple[Check, StatusResponse | None]]]:
    """Ask every notary, where this client's own certificate lets it; tell of that first if it doesn't."""
    members = config.committee.members
    async with AsyncExitStack() as resources:
        try:
            opened = await lines(resources, config.tls)
        except ConfigError as error:
            remedy = "get a certificate with `naru ca`, or correct the `tls` table"
            asked = [Check(name=f"notary {m.id}", ok=False, found="not asked", remedy="see tls") for m in members]
            return [Check(name="tls", ok=False, found=str(error), remedy=remedy)], [(check, None) for check in asked]
        return [], [await _notary(opened, member, config.committee, keys) for member in members]


async def _notary(
    lines: Lines, member: MemberConfig, committee: CommitteeConfig, keys: PublicKeyPackage | None
) -> tuple[Check, StatusResponse | None]:
    """Ask one notary how it stands; give its answer too, for what concerns several."""
    answers: list[StatusResponse] = []

    async def ask() -> tuple[bool, str]:
        status = await lines.notary(member, Epoch(committee.epoch)).status()
        answers.append(status)
        problems = [status.problem, *(ledger.problem for ledger in status.ledgers)]
        problems += [_seat_problem(status, committee.epoch, keys)] if not status.problem else []
        if member.identity and status.identity and status.identity.hex() != member.identity:
            problems.append("answers with another identity than the committee document's")
        heights = ", ".join(f"{ledger.ledger} at {ledger.height}" for ledger in status.ledgers)
        told = "; ".join(problem for problem in problems if problem)
        return not told, told or f"{member.operator}, sees {heights}"

    remedy = f"start notary {member.id} at {member.address} and its signer, read their logs"
    check = await _guarded(f"notary {member.id}", ask(), remedy)
    return check, answers[0] if answers else None


def _seat_problem(status: StatusResponse, epoch: int, keys: PublicKeyPackage | None) -> str:
    seat = next((seat for seat in status.seats if seat.epoch == epoch), None)
    if seat is None:
        held = ", ".join(str(seat.epoch) for seat in status.seats) or "none"
        return f"has no seat of epoch {epoch} (it has: {held}): hand over, or make its key in a ceremony"
    if keys is not None and seat.group_key != keys.group_public_key.to_bytes():
        return f"holds a share of another key of epoch {epoch}"
    return seat.problem


def _shared_nodes(answers: Sequence[StatusResponse], members: int) -> Check:
    """Look for hosts of ledger nodes that more than f notaries read through: one lie would then outvote the honest."""
    users = Counter(host for status in answers for host in {h for ledger in status.ledgers for h in ledger.node_hosts})
    most, f = max(users.values(), default=0), faulty_max(members)
    return Check(
        name="nodes",
        ok=most <= max(f, 1),
        found=f"at most {most} notaries read a ledger through one host (f = {f})",
        remedy="whoever runs that host can deceive them together: give each notary nodes of its own (R-10, R-42)",
    )


def _document(config: ClientConfig) -> Check:
    """Tell whether all members certified the committee document."""
    committee = config.committee
    if is_dealt(committee):
        found = "its key was dealt: whoever dealt it could sign alone; good for development only"
        remedy = "make a key in a ceremony (`naru committee`), and hand over to it"
        return Check(name="committee document", ok=config.development, found=found, remedy=remedy)
    try:
        verify_document(committee)
    except ConfigError as error:
        remedy = "take the document from the ceremony; register nothing from this one"
        return Check(name="committee document", ok=False, found=str(error), remedy=remedy)
    found = f"certified by all {len(committee.members)} members in ceremony {committee.session[:16]}…"
    return Check(name="committee document", ok=True, found=found)


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
