"""What a person sees of the demonstration: a live picture on a terminal, lines elsewhere."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.ops.audit import AuditLine
from bridge.ops.cli.output import errors
from bridge.ops.cli.transfer import timeline_text
from bridge.ops.client import Names, format_amount
from bridge.ops.demo import Play, Progress, Result, Scene
from bridge.ops.transfers import shown_status
from bridge.ports.store import TransferRecord

T = TypeVar("T")

_STYLES: Final = {"COMMITTED": "bold green", "ROLLED_BACK": "bold yellow", "BROKEN": "bold red"}
REFRESH_PER_S: Final = 5


class Screen:
    """Shows one demonstration; *quiet* shows nothing of it, and leaves standard output to JSON."""

    def __init__(self, play: Play, *, quiet: bool) -> None:
        """Write to standard output."""
        self._scenes = play.scenes
        self._console = Console(highlight=False, quiet=quiet)
        self._remarks = errors if quiet else self._console
        self._live: Live | None = None
        self._started = time.monotonic()
        self._told: dict[str, int] = {}
        self._noted: dict[str, str] = {}

    def starting(self, wait: Callable[[], T]) -> T:
        """Show that something is going on while *wait* lasts."""
        text = "starting two ledgers, four notaries (3 of 4 sign), a relayer and a Redis, each a process of its own …"
        if not self._console.is_terminal:
            self._console.print(text)
        with self._console.status(text):
            result = wait()
        self._console.print(f"the network is up after {time.monotonic() - self._started:.1f} s\n")
        return result

    def show(self, progress: Progress, names: Names) -> None:
        """Show what is new."""
        if not self._console.is_terminal:
            self._tell_news(progress, names)
            return
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=REFRESH_PER_S)
            self._live.start()
        self._live.update(self._picture(progress, names))

    def close(self) -> None:
        """Stop moving."""
        if self._live is not None:
            self._live.stop()

    def tell(self, text: str) -> None:
        """Print a remark, on standard error where standard output is for machines."""
        self._remarks.print(text, soft_wrap=True, markup=False)

    def finish(self, result: Result) -> None:
        """Show the totals and the verdict."""
        self._console.print()
        self._console.print(_totals(result.before, result.after))
        for scene in self._scenes:
            good = scene.ended_well(result.progress.records.get(scene.name))
            wanted = f"{scene.status.value} {scene.reason.name if scene.reason else ''}".strip()
            mark = "[green]as it must[/]" if good else f"[red]NOT as it must ({wanted})[/]"
            self._console.print(f"{scene.name:<12} {mark}")
        verdict = "[green]hold[/] on both ledgers" if result.conserved else "[red]DO NOT HOLD[/]"
        self._console.print(f"supply − minted + burned − reminted = issued (INV-4), escrow is whole (INV-9): {verdict}")

    def _tell_news(self, progress: Progress, names: Names) -> None:
        for scene in self._scenes:
            note, record = progress.notes.get(scene.name, ""), progress.records.get(scene.name)
            if note and note != self._noted.get(scene.name):
                self._noted[scene.name] = note
                self._console.print(f"[{scene.name}] {note}", soft_wrap=True, markup=False)
            told = self._told.get(scene.name, 0)
            for entry in record.timeline[told:] if record else ():
                self._console.print(f"[{scene.name}] {timeline_text(entry, names)}", soft_wrap=True, markup=False)
            self._told[scene.name] = len(record.timeline) if record else 0

    def _picture(self, progress: Progress, names: Names) -> RenderableType:
        heights = ", ".join(f"{name} at height {height}" for name, height in progress.heights.items())
        head = Text(f"{time.monotonic() - self._started:5.1f} s   {heights}", style="dim")
        return Group(head, *(self._scene(scene, progress, names) for scene in self._scenes))

    def _scene(self, scene: Scene, progress: Progress, names: Names) -> RenderableType:
        record = progress.records.get(scene.name)
        text = Text(f"\n{scene.story}\n", style="bold")
        if scene.name in progress.notes:
            text.append(f"  {progress.notes[scene.name]}\n", style="dim")
        if record is None:
            return text
        for entry in record.timeline:
            text.append(f"  {timeline_text(entry, names)}\n", style="not bold")
        text.append(f"  {_verdict(record)}", style=_STYLES.get(record.status.value, "cyan"))
        return text


def _verdict(record: TransferRecord) -> str:
    reason = f"  {record.reason.name}" if record.reason else ""
    return f"{shown_status(record)}{reason}   0x{record.id.hex()[:16]}…"


def _totals(before: list[AuditLine], after: list[AuditLine]) -> Table:
    table = Table(
        title="Totals, each at its own ledger's finalised head", title_justify="left", box=None, pad_edge=False
    )
    back = any(line.totals.reminted for line in after)  # of what burns at lock; the supply before is left out for it
    columns = ["SUPPLY", "MINTED", "BURNED", "REMINTED"] if back else ["SUPPLY BEFORE", "AFTER", "MINTED", "BURNED"]
    for heading in ("LEDGER", "ASSET", "ISSUED", *columns, "UNEXPLAINED"):
        table.add_column(heading, justify="left" if heading in ("LEDGER", "ASSET") else "right")
    for old, new in zip(before, after, strict=True):
        totals = new.totals
        moved = [totals.supply, totals.minted, totals.burned]
        figures = [*moved, totals.reminted] if back else [old.totals.supply, *moved]
        shown = (format_amount(figure, new.decimals) for figure in (totals.issued, *figures, totals.unexplained))
        table.add_row(new.ledger, new.asset, *shown)
    return table
