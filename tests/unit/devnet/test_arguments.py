from pathlib import Path

import pytest

from bridge.devnet.ledger.__main__ import main, parse
from bridge.devnet.ledger.service import announce
from bridge.errors import ConfigError

ADDRESS = "0x" + "ab" * 20


def test_good_arguments_become_settings(tmp_path: Path) -> None:
    file = tmp_path / "port"
    settings = parse(
        [
            "--chain-id",
            "1001",
            "--period-s",
            "2",
            "--fund",
            f"{ADDRESS}:5",
            "0x" + "cd" * 20 + ":6",
            "--announce",
            str(file),
        ]
    )
    assert (settings.chain_id, settings.period_s, settings.port, settings.announce) == (1001, 2, 0, file)
    assert sorted(settings.funds.values()) == [5, 6]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--chain-id", "0"],
        ["--chain-id", "-1"],
        ["--chain-id", "1.5"],
        ["--chain-id", "x"],
        ["--chain-id", "9" * 30],
        ["--chain-id", "1", "--period-s", "0"],
        ["--chain-id", "1", "--period-s", "0.5"],
        ["--chain-id", "1", "--port", "65536"],
        ["--chain-id", "1", "--fund", "0x12:5"],
        ["--chain-id", "1", "--fund", ADDRESS],
        ["--chain-id", "1", "--fund", f"{ADDRESS}:-5"],
        ["--chain-id", "1", "--fund", f"{ADDRESS}:{2**256}"],
        ["--chain-id", "1", "--fund", f"{ADDRESS}:1", f"{ADDRESS}:2"],
        ["--chain-id", "1", "--announce", "no/such/directory/file"],
    ],
)
def test_a_bad_argument_is_told_and_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError):
        parse(arguments)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: --")


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(["--chain-id", "0", "--period-s", "0", "--port", "-", "--fund", "x"])
    assert len(caught.value.problems) == 4


def test_a_missing_chain_id_ends_with_two() -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2


def test_the_port_is_announced_whole_and_alone(tmp_path: Path) -> None:
    file = tmp_path / "port"
    announce(file, 1)
    announce(file, 4711)
    assert file.read_text() == "4711\n"
    assert list(tmp_path.iterdir()) == [file]
