"""What `naru gateway` prints, for people and as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

from bridge.ops.cli.output import Output, console, print_json

if TYPE_CHECKING:
    from bridge.ops.gateway import Proposal, Status, Waiting
    from bridge.ops.gateway_roles import Check


def print_status(found: "Status", plan: Path, output: Output) -> None:
    """Print what state a gateway is in."""
    from bridge.adapters.evm.handlers import told_standard  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.gateway_checks import names_of  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.gateway_plan import read_plan  # noqa: PLC0415 - the same

    if output is Output.JSON:
        print_json(status_json(found))
        return
    facts, names = found.facts, names_of(read_plan(plan))
    console.print(f"gateway {facts.address} on {facts.caip2}, block {facts.at.height}", soft_wrap=True)
    console.print(f"{'PAUSED' if facts.paused else 'not paused'}, key of epoch {facts.epoch or 'none yet'}")
    for asset_id, asset in facts.assets.items():
        text = f"  asset {names.asset(asset_id)}: token {asset.token}, handler {told_standard(asset.handler_code)}"
        console.print(text, soft_wrap=True, markup=False)
        if asset.implementation:
            console.print(f"    the token is a proxy for code {asset.implementation.hex()}", soft_wrap=True)
    for lane in facts.lanes.values():
        state = ("enabled" if lane.enabled else "DISABLED") + (", PAUSED" if lane.paused else "")
        text = f"  lane {names.lane(lane.lane, facts.endpoint.id)}: {state}"
        console.print(text, soft_wrap=True, markup=False)
    if not found.waiting:
        console.print("nothing waits for a second person")
    for item in found.waiting:
        print_waiting(item, found.now)


def print_checks(checks: "list[Check]", *, off_only: bool) -> None:
    """Print the table of checks, with the remedy of each that is off."""
    wrong = [check for check in checks if not check.ok]
    for check in wrong if off_only else checks:
        if check.ok:
            console.print(f"[green]ok [/] {check.name:<28} ", end="")
            console.print(check.found, soft_wrap=True, markup=False)
            continue
        console.print(f"[red]OFF[/] {check.name:<28} ", end="")
        console.print(check.found, soft_wrap=True, markup=False)
        console.print(f"    expected {check.expected}", style="red", soft_wrap=True, markup=False)
        if check.remedy:
            console.print(f"    → {check.remedy}", style="yellow", soft_wrap=True, markup=False)
    console.print(f"{len(wrong)} of {len(checks)} checks are off" if wrong else f"all {len(checks)} checks are ok")


def print_waiting(item: "Waiting", now: int) -> None:
    """Print an operation that waits, and for whom."""
    left = item.operation.ready - now
    when = "ready to be approved" if left <= 0 else f"can be approved in {left} s"
    state = f"{when}, by another than {item.operation.proposer}"
    if item.operation.lapsed:
        state = f"LAPSED, {item.operation.proposer} is no longer a person: cancel it, propose again"
    text = f"operation 0x{item.operation.id.hex()} at {item.at}: {state}"
    console.print(text, soft_wrap=True, markup=False)
    print_calls(item)


def print_calls(item: "Waiting") -> None:
    """Print an operation's calls, one a line."""
    for call in item.calls:
        console.print(f"  {call}", soft_wrap=True, markup=False)


def print_proposal(proposal: "Proposal", output: Output) -> None:
    """Print what was proposed, or that nothing was left."""
    if output is Output.JSON:
        waiting = waiting_json(proposal.waiting) if proposal.waiting else None
        print_json({"proposed": waiting, "pending": list(proposal.pending)})
        return
    if proposal.pending:
        console.print(f"{len(proposal.pending)} calls were proposed before and wait: `naru gateway status`")
    if proposal.waiting is not None:
        print_proposed(proposal.waiting, output)
    elif not proposal.pending:
        console.print("nothing to propose: the gateway knows all of it")


def print_proposed(item: "Waiting", output: Output) -> None:
    """Print a new operation, and what the second person does."""
    if output is Output.JSON:
        print_json(waiting_json(item))
        return
    print_calls(item)
    console.print(f"proposed as 0x{item.operation.id.hex()}, for {_time(item.operation.ready)}", soft_wrap=True)
    console.print(f"another person, then: naru gateway approve 0x{item.operation.id.hex()[:12]}", soft_wrap=True)


def print_done(what: str, item: "Waiting", transaction: str, output: Output) -> None:
    """Print what became of an operation."""
    if output is Output.JSON:
        print_json(waiting_json(item) | {"transaction": transaction})
        return
    print_calls(item)
    console.print(f"{what}: 0x{item.operation.id.hex()} in transaction {transaction}", soft_wrap=True)


def print_guarded(what: str, transaction: str, output: Output) -> None:
    """Print what the guardian did."""
    if output is Output.JSON:
        print_json({"transaction": transaction})
    else:
        console.print(f"{what}, transaction {transaction}", soft_wrap=True, markup=False)


def _time(unix_s: int) -> str:
    from bridge.ops.transfers import time_text  # noqa: PLC0415 - start-up time

    return time_text(unix_s)


def check_json(check: "Check") -> dict[str, object]:
    """Give a check as JSON has it."""
    row = {"check": check.name, "ok": check.ok, "expected": check.expected, "found": check.found}
    return row | {"remedy": check.remedy or None}


def waiting_json(item: "Waiting") -> dict[str, object]:
    """Give an operation as JSON has it."""
    operation = item.operation
    row = {"id": "0x" + operation.id.hex(), "at": item.at, "proposer": operation.proposer, "ready": operation.ready}
    return row | {"lapsed": operation.lapsed, "calls": list(item.calls)}


def status_json(found: "Status") -> dict[str, object]:
    """Give a gateway's state as JSON has it."""
    from bridge.adapters.evm.handlers import told_standard  # noqa: PLC0415 - web3 takes a second to import

    facts = found.facts
    assets = [
        {
            "id": "0x" + i.hex(),
            "token": a.token,
            "handler": a.handler,
            "handler_is": told_standard(a.handler_code),
            "implementation": a.implementation.hex() or None,
        }
        for i, a in facts.assets.items()
    ]
    lanes = [{"id": "0x" + i.hex(), "enabled": lane.enabled, "paused": lane.paused} for i, lane in facts.lanes.items()]
    row = {"gateway": facts.address, "ledger": facts.caip2, "height": facts.at.height, "paused": facts.paused}
    return row | {
        "epoch": facts.epoch,
        "assets": assets,
        "lanes": lanes,
        "waiting": [waiting_json(item) for item in found.waiting],
    }
