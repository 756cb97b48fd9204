"""`naru order`: terms that a holder signs and somebody else submits."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.errors import BridgeError, InvalidInputError, UnavailableError, UncertainError
from bridge.ops.cli.output import (
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    EXIT_UNCERTAIN,
    ConfigOption,
    Output,
    OutputOption,
    console,
    errors,
    lock_json,
    print_json,
)

if TYPE_CHECKING:
    from bridge.adapters.evm.locking import Locked
    from bridge.adapters.evm.venue import OrderState
    from bridge.config import ClientConfig, LedgerConfig
    from bridge.core.caip import Account
    from bridge.core.orders import Order, SignedOrder
    from bridge.ops.client import Names
    from bridge.ops.orders import OrderFile, Wanted
    from bridge.ops.send import Move

app = typer.Typer(help="Sign terms for others to submit; submit, cancel and look at them.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Signed order, as `naru order sign` writes it.")]


@app.command()
def sign(  # noqa: PLR0913, PLR0917 - a command's options
    amount: Annotated[str, typer.Argument(help="In units of the asset; of a divisible order the total.")] = "",
    asset: Annotated[str, typer.Argument(help="Name or isin: text.")] = "",
    sender: Annotated[
        str, typer.Option("--from", help="The holder: account or key file; with --typed-data an address will do.")
    ] = "",
    to: Annotated[str, typer.Option("--to", help="Name, address, or CAIP-10 account on the destination.")] = "",
    source: Annotated[str, typer.Option(help="Ledger that the units leave.")] = "",
    destination: Annotated[str, typer.Option(help="Ledger that the units go to.")] = "",
    submitter: Annotated[str, typer.Option(help="The one account that may submit it. Default: anybody.")] = "",
    expires_in: Annotated[int, typer.Option(help="Seconds from now in which it may be submitted.")] = 3600,
    deadline_in: Annotated[
        int | None, typer.Option(help="Seconds from now after which a lock rolls back. Default: 600 after it expires.")
    ] = None,
    life: Annotated[int, typer.Option(help="Instead: seconds from the lock; needs --submitter.")] = 0,
    reference: Annotated[str, typer.Option(help="Client reference: 0x and 64 hexadecimal digits.")] = "",
    nonce: Annotated[int | None, typer.Option(help="Of the holder at the gateway. Default: one at random.")] = None,
    signature: Annotated[str, typer.Option(help="Of an external wallet, over the typed data in --with.")] = "",
    with_: Annotated[Path | None, typer.Option("--with", help="The typed data that the wallet signed.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
    *,
    divisible: Annotated[bool, typer.Option("--divisible", help="May be drawn in parts; needs --submitter.")] = False,
    allow: Annotated[bool, typer.Option("--allow", help="Also let the gateway move the amount, now.")] = False,
    typed_data: Annotated[
        bool, typer.Option("--typed-data", help="Write what an external wallet signs (eth_signTypedData_v4).")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Sign an order, for anybody or one named account to submit.

    With an external wallet: first --typed-data; then, with what it signed,
    naru order sign --with TYPED.json --signature 0x…
    """
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - start-up time

    opened = open_config(config)
    names = Names(opened)
    if signature or with_ is not None:
        if not signature or with_ is None:
            raise InvalidInputError("--signature and --with go together: the signature, and what the wallet signed")
        _write(asyncio.run(_combine(with_, signature, opened)), out)
        return
    given = {"AMOUNT": amount, "ASSET": asset, "--from": sender, "--to": to, "--source": source}
    missing = [name for name, value in (given | {"--destination": destination}).items() if not value]
    if missing:
        raise InvalidInputError(f"missing {', '.join(missing)}: `naru order sign --help` tells what they are")
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.core.orders import ANYBODY  # noqa: PLC0415 - the same
    from bridge.ops.orders import Wanted  # noqa: PLC0415 - web3 takes a second to import

    from_ledger = names.ledger(source)
    key = "" if typed_data else read_secret(names.key_file(sender))
    wanted = Wanted(
        move=_move(names, (amount, asset, to), from_ledger, names.ledger(destination), reference),
        holder=names.recipient(sender, from_ledger) if typed_data else _account(key),
        submitter=names.recipient(submitter, from_ledger) if submitter else ANYBODY,
        divisible=divisible,
        expires_in_s=expires_in,
        deadline_in_s=deadline_in,
        life_s=life,
        nonce=nonce,
    )
    _write(asyncio.run(_sign(wanted, key, allow=allow)), out)


@app.command()
def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Signed orders; together one transaction.")],
    *,
    sender: Annotated[str, typer.Option("--from", help="Who submits: name of an account, or file with its key.")],
    amount: Annotated[str, typer.Option(help="To draw of a divisible order. Default: all that is left.")] = "",
    drawn: Annotated[str, typer.Option(help="Drawn of it before. Default: what the gateway says.")] = "",
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Lock what holders signed, and say of each order what became of it.

    Submitted again, an order locks nothing twice; a draw neither, if it names what was drawn before by --drawn.
    """
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.ops.client import Names, open_config, parse_amount  # noqa: PLC0415 - the same
    from bridge.ops.orders import is_transient, read_orders, told  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - the same

    opened = open_config(config)
    names = Names(opened)
    found = read_orders(files, opened)
    if (amount or drawn) and len(found) != 1:
        raise InvalidInputError("--amount and --drawn are of one order: submit it by itself")
    decimals = _decimals(names, found[0].signed)
    part = parse_amount(amount, decimals) if amount else None
    before = (0 if drawn == "0" else parse_amount(drawn, decimals)) if drawn else None
    sent, results = asyncio.run(_submit(found, read_secret(names.key_file(sender)), part, before))
    table = refusals_of(opened.refusals_file)
    texts = [told(result, order, _decimals(names, order), table) for order, result in zip(sent, results, strict=True)]
    if output is Output.JSON:
        print_json([_result_json(*row) for row in zip(found, results, texts, strict=True)])
    else:
        for file, text in zip(found, texts, strict=True):
            console.print(f"{file.name}: {text}", soft_wrap=True, markup=False)
    code = _exit_code(results, transient=[is_transient(result) for result in results])
    if code:
        raise typer.Exit(code)


@app.command()
def cancel(
    what: Annotated[list[str], typer.Argument(metavar="FILE|NONCE...", help="Order files, or nonces of the holder.")],
    *,
    sender: Annotated[str, typer.Option("--from", help="The holder: name of an account, or file with its key.")],
    source: Annotated[str, typer.Option(help="Ledger that the orders are for; files say it themselves.")] = "",
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Use up the nonces of orders, so that nobody can submit them, or what is left of them, any more."""
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - the same

    opened = open_config(config)
    names = Names(opened)
    key = read_secret(names.key_file(sender))
    ledger, nonces = _nonces(what, names.ledger(source) if source else None, opened, key)
    used, transactions = asyncio.run(_cancel(ledger, nonces, key))
    done = [nonce for nonce in nonces if nonce not in used]
    if output is Output.JSON:
        hashes = ["0x" + transaction.hex() for transaction in transactions]
        print_json({"cancelled": list(map(str, done)), "used": list(map(str, used)), "transactions": hashes})
    else:
        for nonce in done:
            console.print(f"nonce {nonce}: cancelled on {ledger.name}", soft_wrap=True)
        for nonce in used:
            console.print(f"nonce {nonce}: was used before: locked, or cancelled already", soft_wrap=True)
    if used:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def show(file: FileArgument, config: ConfigOption = None, output: OutputOption = Output.TEXT) -> None:
    """Check an order's signature and expiry, and what was drawn; exit code 0: it can be submitted, 1: it can't."""
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.orders import objections, read_order  # noqa: PLC0415 - web3 takes a second to import

    opened = open_config(config)
    found = read_order(file, opened)
    state, is_signed = asyncio.run(_look(found.source, found.signed))
    wrong = objections(found.signed, state, is_signed=is_signed)
    if output is Output.JSON:
        table = json.loads(file.read_text(encoding="utf-8"))
        drawn = {"signed": is_signed, "drawn": str(state.drawn), "nonce_used": state.nonce_used, "objections": wrong}
        print_json(table | drawn)
    else:
        _print_order(found, state, wrong, Names(opened))
    if wrong:
        raise typer.Exit(EXIT_REFUSED)


def _print_order(file: "OrderFile", state: "OrderState", wrong: list[str], names: "Names") -> None:
    from bridge.core.orders import ANYBODY  # noqa: PLC0415 - start-up time
    from bridge.ops.client import format_amount  # noqa: PLC0415 - the same
    from bridge.ops.transfers import time_text  # noqa: PLC0415 - the same

    order = file.signed.order
    asset = names.asset_of(order.asset)
    decimals, unit = (asset.decimals, asset.name) if asset else (0, "0x" + order.asset.hex())
    total, drawn = format_amount(order.amount, decimals), format_amount(state.drawn, decimals)
    whole = f"{drawn} of {total} {unit} drawn" if order.divisible else f"{total} {unit}"
    submitter = "anybody" if order.submitter == ANYBODY else names.account_text(order.submitter)
    end = f"{order.life} s after its lock" if order.life else time_text(order.deadline)
    lines = (
        f"{whole}, {file.source.name} → {names.ledger_name(order.destination)}",
        f"from {names.account_text(order.holder)}",
        f"  to {names.account_text(order.recipient)}",
        f"submitter {submitter}",
        f"nonce     {order.nonce}",
        f"expires   {time_text(order.expiry)}",
        f"deadline  {end}",
        *(f"✗ {text}" for text in wrong),
        *(() if wrong else ("signed by its holder; it can be submitted",)),
    )
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        console.file.write(text)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInputError(
            f"{out} can't be written ({error.strerror}): name a file that is not there yet"
        ) from error
    errors.print(f"written to {out}", markup=False)


def _move(
    names: "Names",
    what: tuple[str, str, str],
    source: "LedgerConfig",
    destination: "LedgerConfig",
    reference: str,
) -> "Move":
    """Read amount, asset and recipient; the order has seconds of its own, those of the move say nothing."""
    from bridge.core.transfer import ZERO_WORD  # noqa: PLC0415 - start-up time
    from bridge.ops.client import parse_amount, parse_reference  # noqa: PLC0415 - the same
    from bridge.ops.send import Move  # noqa: PLC0415 - web3 takes a second to import

    amount, asset, to = what
    of_asset = names.asset(asset)
    return Move(
        source=source,
        destination=destination,
        asset=of_asset,
        recipient=names.recipient(to, destination),
        amount=parse_amount(amount, of_asset.decimals),
        deadline_in_s=1,
        client_reference=parse_reference(reference) if reference else ZERO_WORD,
    )


def _account(key: str) -> "Account":
    from bridge.adapters.evm.account import account_of  # noqa: PLC0415 - web3 takes a second to import

    return account_of(key)


async def _sign(wanted: "Wanted", key: str, *, allow: bool) -> str:
    """Compose and sign, or with an empty *key* write the typed data; give the text to write."""
    from bridge.adapters.system import system_entropy  # noqa: PLC0415 - start-up time
    from bridge.ops.orders import compose, desk_at, order_text  # noqa: PLC0415 - web3 takes a second to import

    source, signature = wanted.move.source, b""
    async with desk_at(source) as desk:
        order = compose(wanted, await desk.now(), system_entropy)
        if key:
            holder = desk.holder(key)
            signature = holder.sign(order).signature
            if allow:
                await holder.allow_more(order.asset, order.amount)
        state = await desk.state(order)
    if state.nonce_used:
        raise InvalidInputError(f"nonce {order.nonce} is used already: give another, or none")
    if state.allowance < order.amount:
        text = f"note: the gateway may move {state.allowance} of {order.amount} smallest units of this holder; "
        text += "the order is refused until it may: sign with --allow, or approve it at the token"
        errors.print(text, style="yellow", markup=False)
    if not key:
        return json.dumps(order.typed_data(source.endpoint), indent=2) + "\n"
    return order_text(order, source, signature)


async def _combine(path: Path, signature: str, config: "ClientConfig") -> str:
    from bridge.core.orders import SignedOrder  # noqa: PLC0415 - start-up time
    from bridge.ops.orders import (  # noqa: PLC0415 - web3 takes a second to import
        desk_at,
        holder_text,
        order_text,
        parse_signature,
        read_typed_data,
        signer_of,
    )

    order, source = read_typed_data(path, config)
    signed = SignedOrder(order=order, signature=parse_signature(signature))
    async with desk_at(source) as desk:
        if not await desk.is_signed(signed):
            who = signer_of(signed, source) or "nobody's key"
            raise InvalidInputError(
                f"the signature is of {who}, not of the holder {holder_text(order)}, for this order"
            )
    return order_text(order, source, signed.signature)


async def _submit(
    found: "list[OrderFile]", key: str, amount: int | None, drawn: int | None
) -> "tuple[list[SignedOrder], list[Locked | BridgeError]]":
    """Give what was submitted, and the result of each."""
    from bridge.ops.orders import desk_at  # noqa: PLC0415 - web3 takes a second to import

    async with desk_at(found[0].source) as desk:
        orders = [await desk.drawing(file.signed, amount, drawn) for file in found]
        return orders, await desk.submit(orders, key)


async def _cancel(source: "LedgerConfig", nonces: "dict[int, Order | None]", key: str) -> tuple[list[int], list[bytes]]:
    """Cancel what is not used; give what was, and the transactions."""
    from bridge.ops.orders import desk_at  # noqa: PLC0415 - web3 takes a second to import

    async with desk_at(source) as desk:
        holder = desk.holder(key)
        used = await holder.ended(nonces, filter(None, nonces.values()))
        return sorted(used), await holder.cancel(nonce for nonce in nonces if nonce not in used)


async def _look(source: "LedgerConfig", signed: "SignedOrder") -> "tuple[OrderState, bool]":
    from bridge.ops.orders import desk_at  # noqa: PLC0415 - web3 takes a second to import

    async with desk_at(source) as desk:
        return await desk.state(signed.order), await desk.is_signed(signed)


def _nonces(
    what: list[str], ledger: "LedgerConfig | None", config: "ClientConfig", key: str
) -> "tuple[LedgerConfig, dict[int, Order | None]]":
    """Read nonces, and files for theirs: by nonce the order, where a file has it.

    Raises:
        InvalidInputError: one is neither, of another holder, or of another ledger.
    """
    from bridge.core.orders import U256_MAX  # noqa: PLC0415 - start-up time
    from bridge.ops.orders import read_order  # noqa: PLC0415 - web3 takes a second to import

    nonces: dict[int, Order | None] = {}
    for text in what:
        if text.isascii() and text.isdigit():
            if not 0 < int(text[:80]) <= U256_MAX:
                raise InvalidInputError(f"nonce {text[:80]} is out of range: give 1 to 2^256 - 1")
            nonces.setdefault(int(text))
            continue
        file = read_order(Path(text), config)
        if file.signed.order.holder != _account(key):
            raise InvalidInputError(f"{file.name}: is of another holder: only the holder can cancel an order")
        if ledger is not None and file.source.ledger != ledger.ledger:
            raise InvalidInputError(
                f"{file.name}: is for {file.source.name}: cancel those of each ledger by themselves"
            )
        ledger = file.source
        nonces[file.signed.order.nonce] = file.signed.order
    if ledger is None:
        raise InvalidInputError("nonces alone don't say where: give --source")
    return ledger, nonces


def _exit_code(results: "list[Locked | BridgeError]", *, transient: list[bool]) -> int:
    if any(isinstance(result, UncertainError) for result in results):
        return EXIT_UNCERTAIN
    if any(transient):
        return EXIT_UNAVAILABLE
    return EXIT_REFUSED if any(isinstance(result, BridgeError) for result in results) else 0


def _decimals(names: "Names", signed: "SignedOrder") -> int:
    asset = names.asset_of(signed.order.asset)
    return asset.decimals if asset else 0


def _result_json(file: "OrderFile", result: "Locked | BridgeError", text: str) -> dict[str, object]:
    from bridge.adapters.evm.locking import Locked  # noqa: PLC0415 - web3 takes a second to import

    row: dict[str, object] = {"file": file.name, "nonce": str(file.signed.order.nonce), "result": text}
    if not isinstance(result, Locked):
        status = "unknown" if isinstance(result, UncertainError) else "refused"
        return row | {"status": "not sent" if isinstance(result, UnavailableError) else status}
    return row | {"status": "locked", **lock_json(result)}
