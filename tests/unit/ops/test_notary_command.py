"""`naru notary` beside a notary that runs: why it judged so, and its breakers, opened and closed by a person's word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from bridge.adapters.sqlite.verdicts import SqliteVerdicts
from bridge.config import load
from bridge.core.caip import asset_id, evm_account, ledger_id
from bridge.core.policy import Check, account_digest
from bridge.core.reasons import Reason
from bridge.notary_config import NotaryConfig
from bridge.ports.committee import Question
from bridge.ports.verdicts import GLOBAL, KeptVerdict, Place
from tests.conformance.samples import transfer
from tests.integration.support import Done, naru_here
from tests.unit.test_config import GATEWAY, notary

ASSET = "isin:KR7900010013"
ID = transfer(1).id


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A front's configuration, of a notary that has not run yet."""
    path = tmp_path / "notary.toml"
    path.write_text(tomli_w.dumps(notary(folder="state")))
    return path


@pytest.fixture
def journal(config: Path) -> Iterator[SqliteVerdicts]:
    """What the front keeps, held open by it while commands are given."""
    folder = load(config, NotaryConfig).folder
    folder.mkdir()
    with SqliteVerdicts(folder / "verdicts.sqlite") as kept:
        yield kept


def asked(config: Path, *arguments: str) -> Done:
    return naru_here("notary", *arguments, "--config", str(config))


def places(config: Path) -> dict[str, Place]:
    alpha = load(config, NotaryConfig).ledgers[0].endpoint.id
    return {
        "all": GLOBAL,
        "alpha": Place(endpoint=alpha),
        f"alpha:{ASSET}": Place(endpoint=alpha, asset=asset_id(ASSET)),
    }


@pytest.mark.parametrize("name", ["all", "alpha", f"alpha:{ASSET}"])
def test_a_breaker_is_opened_and_closed_by_a_persons_word_while_the_notary_runs(
    config: Path, journal: SqliteVerdicts, name: str
) -> None:
    assert asked(config, "open-breaker", name, "--why", "supplies differ").code == 0
    (event,) = journal.opened()
    assert (event.place, event.why) == (places(config)[name], "supplies differ")
    told = asked(config, "breakers")
    assert (told.code, "supplies differ" in told.out) == (0, True)
    listed = asked(config, "breakers", "-o", "json").json
    assert [(row["place"], row["why"]) for row in listed] == [(str(event.place), "supplies differ")]
    assert asked(config, "close-breaker", name, "--why", "a node was behind").code == 0
    assert journal.opened() == []
    assert [e.why for e in journal.history()] == ["supplies differ", "a node was behind"]
    assert asked(config, "breakers").out == "no breaker is open\n"


@pytest.mark.parametrize("command", ["open-breaker", "close-breaker"])
def test_a_breaker_of_a_ledger_that_is_not_configured_is_wrong_input(
    config: Path, journal: SqliteVerdicts, command: str
) -> None:
    refused = asked(config, command, "gamma", "--why", "no reason")
    assert (refused.code, refused.out) == (2, "")
    assert "'gamma' is no ledger here: known are alpha, beta" in refused.err
    assert journal.history() == []


def test_what_a_notary_thought_of_a_transfer_is_explained(config: Path, journal: SqliteVerdicts) -> None:
    kept = KeptVerdict(
        transfer_id=ID,
        question=Question.DECISION,
        at=1_800_000_000.0,
        offers=(),
        reason=Reason.TOKEN_PAUSED,
        check=Check.PAUSE,
        note="[paused] by its issuer",
    )
    journal.keep([kept])
    told = asked(config, "explain", f"0x{ID.hex()}")
    assert (told.code, told.err) == (0, "")
    assert "[paused] by its issuer" in told.out, "as it is, whatever it looks like to a terminal"
    answer = asked(config, "explain", f"0x{ID.hex()}", "-o", "json").json
    assert [(row["check"], row["reason"]) for row in answer["verdicts"]] == [("PAUSE", "TOKEN_PAUSED")]
    assert " ".join(answer["explanation"]).split() == told.out.split()


@pytest.mark.parametrize("text", ["", "0x12", "0x" + "g" * 64, "0x" + "A" * 64, ID.hex() + "00"])
def test_what_is_no_transfer_s_id_is_wrong_input(config: Path, journal: SqliteVerdicts, text: str) -> None:
    refused = asked(config, "explain", text)
    assert (refused.code, "is no TransferId: give 0x and 64 digits" in refused.err) == (2, True)
    assert journal.opened() == []


@pytest.mark.parametrize(
    "arguments", [["breakers"], ["open-breaker", "all", "--why", "x"], ["explain", f"0x{ID.hex()}"]], ids=lambda a: a[0]
)
def test_of_a_notary_that_never_ran_nothing_is_told_and_nothing_is_made(config: Path, arguments: list[str]) -> None:
    refused = asked(config, *arguments)
    assert (refused.code, "this notary has not run yet" in refused.err) == (2, True)
    assert not load(config, NotaryConfig).folder.exists()


def test_an_account_s_digest_is_what_the_policy_compares(config: Path) -> None:
    told = naru_here("notary", "digest", f"eip155:7001:{GATEWAY}")
    expected = account_digest(ledger_id("eip155:7001"), evm_account(GATEWAY)).hex()
    assert (told.code, told.out.strip()) == (0, expected)
    policy = tomli_w.dumps(notary(policy={"denied": [expected]}))
    config.write_text(policy)
    assert load(config, NotaryConfig).policy.denied == (expected,)


@pytest.mark.parametrize("text", ["", "eip155:7001", f"7001:{GATEWAY}", "eip155:7001:0x12", "eip155:01:" + GATEWAY])
def test_what_is_no_account_has_no_digest(text: str) -> None:
    refused = naru_here("notary", "digest", text)
    assert (refused.code, refused.out) == (2, "")
