"""How many lists a committee signs a second, and how long one takes: `make bench-committee`.

Real processes: per notary a front and a signer, with mutual TLS, vote stores on disk and evidence checked; a
coordinator in this one. Counted is what comes beyond the reading: the fronts' verdicts are ready, and ledgers are not
asked. Nothing fails because a figure misses its aim. The anchor is the bare arithmetic of FROST in one process.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final, cast

import tomli_w

from bridge import ca, telemetry
from bridge.adapters.files.lines import FileLineLog
from bridge.adapters.grpc.signer import GrpcSigner
from bridge.adapters.grpc.tls import TlsSource
from bridge.adapters.system import SystemClock, system_entropy
from bridge.committee.keys import public_keys
from bridge.committee.session import MESSAGES_MAX, SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.config import CommitteeConfig, MemberConfig
from bridge.connections import Lines, cards
from bridge.core.peers import Peer, Role
from bridge.core.statements import Kind
from bridge.core.transfer import TransferId
from bridge.devnet import dealer
from bridge.devnet.process import Child, daemon, python
from bridge.errors import BridgeError
from bridge.frost import Dealing, aggregate, commit, deal_at_random, sign
from bridge.ports.committee import Seat, SignItem, TransferRef, WitnessReport
from tests.bench import front
from tests.committee import EPOCH
from tests.conformance.samples import transfer
from tests.tidy import sources

REPORT: Final = sources.ROOT / "build" / "committee.json"
ITEMS: Final = 10
"""Of the lists that every committee signs: what its `signatures_per_s`, `p50_ms` and `p95_ms` are about."""
REPETITIONS: Final = 3
START_S: Final = 120.0
Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Size:
    """A committee, how many lists are measured in one repetition, and how many items they have."""

    threshold: int
    members: int
    lists: int
    items: tuple[int, ...] = (ITEMS,)

    @property
    def name(self) -> str:
        return f"{self.threshold}-of-{self.members}"


SIZES: Final = (
    Size(threshold=3, members=4, lists=160, items=(1, ITEMS, 50)),
    Size(threshold=5, members=7, lists=120),
    Size(threshold=13, members=19, lists=40),
)


@dataclass(kw_only=True)
class Figures:
    """One committee's, with lists of one length."""

    signatures_per_s: list[float] = field(default_factory=list)
    """One a repetition, with `MESSAGES_MAX` lists side by side."""
    alone_ms: list[float] = field(default_factory=list)
    """Of each list that was signed with no other beside it."""
    loaded_ms: list[float] = field(default_factory=list)
    """Of each list among others."""
    cpu_ms: list[dict[str, float]] = field(default_factory=list)
    """Of all processes of each part together, for a list; one a repetition."""
    rerouted: int = 0
    """Lists for which a member was too slow, and another one signed."""

    def report(self) -> dict[str, object]:
        per_s = statistics.median(self.signatures_per_s)
        return {
            "signatures_per_s": round(per_s, 1),
            "p50_ms": round(_percentile(self.alone_ms, 50), 2),
            "p95_ms": round(_percentile(self.alone_ms, 95), 2),
            "loaded_p50_ms": round(_percentile(self.loaded_ms, 50), 2),
            "loaded_p95_ms": round(_percentile(self.loaded_ms, 95), 2),
            "cpu_ms": {part: round(statistics.median(cpu[part] for cpu in self.cpu_ms), 2) for part in self.cpu_ms[0]},
            "rerouted": self.rerouted,
            "repetitions": [round(rate, 1) for rate in self.signatures_per_s],
        }


def _report(anchor_per_s: float, by_items: Mapping[int, Figures]) -> dict[str, object]:
    """Tell of one committee: lists of `ITEMS` items first, since most in production are about as long."""
    usual = by_items[ITEMS]
    return {
        "items": ITEMS,
        **usual.report(),
        "anchor_per_s": round(anchor_per_s, 1),
        "of_anchor": round(statistics.median(usual.signatures_per_s) / anchor_per_s, 3),
        "by_items": {str(items): figures.report() for items, figures in by_items.items()},
    }


@dataclass(frozen=True, kw_only=True)
class Running:
    """A committee's processes, and the desk of a coordinator in this one."""

    desk: SigningDesk
    fronts: Sequence[Child]
    signers: Sequence[Child]

    def cpu_ms(self) -> dict[str, float]:
        """Tell how long processors have worked for each part since it began."""
        return {
            "coordinator": 1000 * time.process_time(),
            "fronts": sum(_cpu_ms(child.pid) for child in self.fronts),
            "signers": sum(_cpu_ms(child.pid) for child in self.signers),
        }


class Lists:
    """Lists that nobody has signed yet."""

    def __init__(self) -> None:
        self._made = 0

    def fresh(self, items: int, count: int) -> list[tuple[SignItem, ...]]:
        return [tuple(self._item() for _ in range(items)) for _ in range(count)]

    def _item(self) -> SignItem:
        self._made += 1
        transfer_id = TransferId(sha256(self._made.to_bytes(8)).digest())
        return SignItem(ref=TransferRef(lane=transfer(1).lane, sequence=self._made, transfer_id=transfer_id), code=0)


# --- the committee's processes


@asynccontextmanager
async def running(size: Size, folder: Path, note: Note) -> AsyncIterator[Running]:
    """Start a committee; everything ends with it."""
    dealing = deal_at_random(entropy=system_entropy, threshold=size.threshold, participants=size.members)
    places = {number: dealer.place(folder / f"signer-{number}") for number in range(1, size.members + 1)}
    _certify(folder, [*(f"n{number}" for number in places)])
    async with AsyncExitStack() as resources:
        note(f"{size.name}: starts {2 * size.members} processes")
        fronts = [
            Child(
                f"n{number}",
                python("tests.bench.front", f"n{number}", str(place.config.socket), str(folder)),
                folder / f"front-{number}.log",
            )
            for number, place in places.items()
        ]
        await _start(resources, fronts)
        addresses = [await asyncio.to_thread(_address, folder / f"{child.name}.address", child) for child in fronts]
        members = tuple(
            MemberConfig(
                id=number, operator=f"bank-{number}", address=address, identity=place.card.to_bytes().hex(), name=name
            )
            for (number, place), address, name in zip(
                places.items(), addresses, (child.name for child in fronts), strict=True
            )
        )
        committee = dealer.document(EPOCH, dealing.public_key_package, members)
        dealer.seat(places, dealing, committee)
        signers = [_signer(number, place, folder) for number, place in places.items()]
        await _start(resources, signers)
        await _admit([place.config.socket for place in places.values()], size, note)
        yield Running(desk=_desk(committee, folder, resources), fronts=fronts, signers=signers)


def _certify(folder: Path, names: Sequence[str]) -> None:
    now = datetime.now(UTC)
    authority = ca.new_authority("bench", now)
    (folder / "ca.pem").write_text(ca.pem(authority.certificate))
    for name, role in [("bench", Role.RELAYER), *((name, Role.NOTARY) for name in names)]:
        key = ca.new_key()
        certificate = ca.issue(authority, Peer(role=role, instance=name), key.public_key(), now=now)
        (folder / f"{name}.pem").write_text(ca.pem(certificate))
        dealer.write_secret(folder / f"{name}.key", ca.key_pem(key))


async def _start(resources: AsyncExitStack, children: Sequence[Child]) -> None:
    for child in children:
        await child.start()
        resources.push_async_callback(child.stop)
        await child.feed()


def _signer(number: int, place: dealer.SignerPlace, folder: Path) -> Child:
    config = folder / f"signer-{number}.toml"
    config.write_text(tomli_w.dumps(place.config.model_dump(mode="json", exclude_none=True)))
    return Child(f"s{number}", daemon("notary.signer"), folder / f"signer-{number}.log", input_file=config)


def _address(file: Path, child: Child) -> str:
    until = time.monotonic() + START_S
    while not file.exists():
        if not child.alive or time.monotonic() > until:
            raise SystemExit(f"{child.name} did not start: {child.last_words()}")
        time.sleep(0.05)
    return file.read_text()


async def _admit(sockets: Sequence[Path], size: Size, note: Note) -> None:
    """Let each seat have the reports that it needs before it signs, as fronts do among each other."""
    signers = [GrpcSigner(socket) for socket in sockets]
    try:
        seats = [(await _seats(signer))[0] for signer in signers]
        for signer, seat in zip(signers, seats, strict=True):
            asked = WitnessReport(
                epoch=seat.epoch, witness=seat.notary, subject=seat.notary, challenge=seat.challenge, seen=None
            )
            others = [other for other in signers if other is not signer][: size.threshold - 1]
            reports = [await other.witness(asked, None) for other in others]
            if missing := await signer.admit(reports):
                raise SystemExit("; ".join(missing))
        note(f"{size.name}: every seat is admitted")
    finally:
        for signer in signers:
            await signer.close()


async def _seats(signer: GrpcSigner) -> list[Seat]:
    until = time.monotonic() + START_S
    while True:
        try:
            return await signer.seats()
        except BridgeError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)


def _desk(committee: CommitteeConfig, folder: Path, resources: AsyncExitStack) -> SigningDesk:
    lines = Lines(TlsSource(front.tls(folder, "bench")))
    log = FileLineLog(folder / "transcripts")
    resources.callback(log.close)
    resources.push_async_callback(lines.close)
    public = Committee(epoch=EPOCH, keys=public_keys(committee), cards=cards(committee))
    desk = SigningDesk(public, lines.notaries(committee), SystemClock(), TranscriptLog(log))
    resources.push_async_callback(desk.close)
    return desk


# --- what is measured


async def measure(size: Size, folder: Path, note: Note) -> dict[str, object]:
    """Measure one committee."""
    anchor_per_s, lists = _anchor(size), Lists()
    by_items = {items: Figures() for items in size.items}
    note(f"{size.name}: bare FROST in one process, {anchor_per_s:,.0f} signatures/s")
    async with running(size, folder, note) as committee:
        await _sign_all(committee.desk, lists.fresh(ITEMS, 2 * MESSAGES_MAX), MESSAGES_MAX, Figures())
        for repetition in range(1, REPETITIONS + 1):
            for items, figures in by_items.items():
                told = await _repeat(committee, size.lists, partial(lists.fresh, items), figures)
                note(f"{size.name}: lists of {items}, {repetition} of {REPETITIONS}: {told}")
    return _report(anchor_per_s, by_items)


async def _repeat(
    committee: Running, count: int, fresh: Callable[[int], list[tuple[SignItem, ...]]], figures: Figures
) -> str:
    """Sign some lists one by one, then *count* side by side; add to *figures*, and tell."""
    spent = committee.cpu_ms()
    alone = await _sign_all(committee.desk, fresh(count // 4), 1, figures)
    began = time.perf_counter()
    loaded = await _sign_all(committee.desk, fresh(count), MESSAGES_MAX, figures)
    rate = count / (time.perf_counter() - began)
    made = count + count // 4
    cpu = {part: (ms - spent[part]) / made for part, ms in committee.cpu_ms().items()}
    figures.cpu_ms.append(cpu)
    figures.alone_ms += alone
    figures.loaded_ms += loaded
    figures.signatures_per_s.append(rate)
    return (
        f"{rate:6.1f} signatures/s, "
        f"alone p50 {_percentile(alone, 50):5.1f} ms p95 {_percentile(alone, 95):5.1f} ms, "
        f"loaded p50 {_percentile(loaded, 50):5.1f} ms p95 {_percentile(loaded, 95):5.1f} ms; CPU ms a list: "
        + ", ".join(f"{part} {ms:.1f}" for part, ms in cpu.items())
    )


async def _sign_all(
    desk: SigningDesk, lists: list[tuple[SignItem, ...]], side_by_side: int, figures: Figures
) -> list[float]:
    """Sign every list, *side_by_side* at a time; give what each took, in ms."""
    took, left = [], iter(lists)

    async def work() -> None:
        for items in left:
            began = time.perf_counter()
            signed = await desk.sign_list(Kind.LOCKED, items[0].ref.lane.destination, items, desk.notaries)
            took.append(1000 * (time.perf_counter() - began))
            figures.rerouted += bool(signed.failures)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(side_by_side):
            tasks.create_task(work())
    return took


def _anchor(size: Size) -> float:
    """Signatures a second of t signers and their coordinator in this process, with nothing around them."""
    dealing = deal_at_random(entropy=system_entropy, threshold=size.threshold, participants=size.members)
    until, made, began = time.perf_counter() + 1.0, 0, time.perf_counter()
    while time.perf_counter() < until:
        _bare(dealing, size.threshold, made.to_bytes(32))
        made += 1
    return made / (time.perf_counter() - began)


def _bare(dealing: Dealing, threshold: int, message: bytes) -> None:
    signers = dealing.key_packages[:threshold]
    nonces, commitments = zip(*(commit(key, system_entropy) for key in signers), strict=True)
    shares = {key.identifier: sign(key, own, message, commitments) for key, own in zip(signers, nonces, strict=True)}
    aggregate(dealing.public_key_package, message, commitments, shares)


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc_pid_stat(5): utime, stime


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


# --- what is told


def main() -> int:
    """Measure, print and write the report; exit code 0 whatever came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only committees whose name holds TEXT")
    chosen = [size for size in SIZES if parser.parse_args().only in size.name]
    telemetry.configure("bench", level=logging.WARNING)
    head = _head()
    for key, value in head.items():
        print(f"{key:<14}{value}")
    committees: dict[str, dict[str, object]] = {}
    for size in chosen:
        with tempfile.TemporaryDirectory(prefix="naru-bench-") as folder:
            committees[size.name] = asyncio.run(measure(size, Path(folder), _tell))
    _print(committees)
    if chosen == [*SIZES]:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps({**head, "committees": committees}, indent=2) + "\n")
        print(f"written to {REPORT.relative_to(sources.ROOT)}")
    return 0


def _head() -> dict[str, str]:
    packages = ", ".join(f"{name} {version(name)}" for name in ("grpcio", "protobuf", "coincurve", "cryptography"))
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, {packages}",
        "parameters": f"lists of {ITEMS} new transfers (of 1 and 50 where told), {MESSAGES_MAX} lists side by side, "
        f"{REPETITIONS} repetitions; p50 and p95 of a list with no other beside it, loaded_… among others",
        "included": "coordinator, mutual TLS, front, Unix socket, signer, votes on disk (fsync), identity signatures "
        "made and checked, transcript; not: reading ledgers and judging, verdicts are ready",
        "load": f"{os.getloadavg()[0]:.2f} before the start, over one minute",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _print(committees: dict[str, dict[str, object]]) -> None:
    keys = (
        "signatures_per_s",
        "p50_ms",
        "p95_ms",
        "loaded_p50_ms",
        "loaded_p95_ms",
        "rerouted",
    )
    print("committee  items" + "".join(f"{key:>17}" for key in keys) + "     anchor_per_s        of_anchor")
    for name, figures in committees.items():
        by_items = cast("dict[str, dict[str, object]]", figures["by_items"])
        for items, row in by_items.items():
            anchor = f"{figures['anchor_per_s']!s:>17}{figures['of_anchor']!s:>17}" if items == str(ITEMS) else ""
            print(f"{name:<11}{items:>5}" + "".join(f"{row[key]!s:>17}" for key in keys) + anchor)


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
