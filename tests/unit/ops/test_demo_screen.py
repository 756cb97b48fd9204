"""The last picture of `naru demo`: whole figures on a narrow screen, and a verdict on every scene."""

from dataclasses import replace

import pytest

from bridge.core.conservation import Totals
from bridge.devnet.kinds import TokenKind
from bridge.ops.audit import AuditLine
from bridge.ops.cli.screen import Screen
from bridge.ops.demo import PLAYS, Progress, Result

START = Totals(issued=1_000_000, supply=1_000_000, minted=0, burned=0, reminted=0, held=0, balance=0)
ESCROWED = replace(START, supply=999_880, burned=120)
BURNED = replace(START, supply=999_880, burned=800_195, reminted=800_075)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def finished(kind: TokenKind, totals: Totals) -> None:
    play = PLAYS[kind]
    before, after = (
        [AuditLine(ledger="alpha", asset="tower", decimals=0, height=9, totals=t)] for t in (START, totals)
    )
    progress = Progress(notes={}, ids={}, records={}, heights={})
    Screen(play, quiet=False).finish(Result(play=play, progress=progress, before=before, after=after))


@pytest.mark.parametrize(
    ("kind", "totals", "headings", "figures"),
    [
        (
            TokenKind.SAMPLE,
            ESCROWED,
            "LEDGER ASSET ISSUED SUPPLY BEFORE AFTER MINTED BURNED UNEXPLAINED",
            "alpha tower 1000000 1000000 999880 0 120 0",
        ),
        (
            TokenKind.TREX,
            BURNED,
            "LEDGER ASSET ISSUED SUPPLY MINTED BURNED REMINTED UNEXPLAINED",
            "alpha tower 1000000 999880 0 800195 800075 0",
        ),
    ],
)
def test_the_totals_add_up_by_what_is_shown(
    kind: TokenKind, totals: Totals, headings: str, figures: str, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(kind, totals)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index(headings) + 1] == figures


def test_each_scene_of_the_play_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    finished(TokenKind.TREX, BURNED)
    said = capsys.readouterr().out
    assert "NOT as it must (COMMITTED)" in said
    assert "NOT as it must (ROLLED_BACK NOT_ELIGIBLE)" in said
    assert "NOT as it must (ROLLED_BACK COMPLIANCE_RULE)" in said
