"""The user's table of tokens' errors: read at the edge, every problem told at once."""

from pathlib import Path

import pytest
import tomli_w
from eth_abi.abi import encode

from bridge.config import ClientConfig, load
from bridge.core.known_refusals import BUILT_IN
from bridge.core.refusals import TOKEN_CALL_FAILED, selector
from bridge.errors import ConfigError, LedgerRefusedError
from bridge.ops.orders import told
from bridge.ops.refusals import refusals_of
from tests.unit.ops.test_orders import SIGNED
from tests.unit.test_config import client

GOOD = """
[[refusal]]
error = "NotOnList(address)"
name = "not on the list"
meaning = "The recipient is not on the house's list."
meaning_ko = "수취인이 명부에 없습니다."
who = "The house's registrar."

[[refusal]]
text = "Pausable: paused"
meaning = "The house stopped it."
who = "The house."
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "refusals.toml"
    path.write_text(text)
    return path


def test_a_file_s_rows_are_added_and_go_before_the_built_in_ones(tmp_path: Path) -> None:
    table = refusals_of(written(tmp_path, GOOD))
    assert table.read(selector("NotOnList(address)")).lines == (
        "not on the list: The recipient is not on the house's list. 수취인이 명부에 없습니다.",
        "who must act: The house's registrar.",
    )
    assert table.read(selector("EnforcedPause()")) == BUILT_IN.read(selector("EnforcedPause()"))
    assert refusals_of(None) is BUILT_IN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[refusal]]\nmeaning = "m"\nwho = "w"', "give exactly one of error, selector, text and text_start, not none"),
        (
            '[[refusal]]\ntext = "a"\nselector = "0x12345678"\nmeaning = "m"\nwho = "w"',
            "not selector and text",
        ),
        ('[[refusal]]\nselector = "0x12"\nmeaning = "m"\nwho = "w"', "refusal.0: '0x12' is no selector"),
        ('[[refusal]]\nerror = "Foo"\nmeaning = "m"\nwho = "w"', "'Foo' is no error's signature"),
        ('[[refusal]]\ntext = "a"\nmeaning = "m"', "refusal.0.who: is missing: add it"),
        ('[[refusal]]\ntext = "a"\nmeaning = ""\nwho = "w"', "refusal.0.meaning"),
        ('[[refusals]]\ntext = "a"', "refusals: there is no such key: remove it, or correct its spelling"),
        (
            '[[refusal]]\ntext = "a"\nmeaning = "m"\nwho = "w"\n' * 2,
            "text 'a' is there 2 times: give it once",
        ),
        ("refusal = 7 7", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_by_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refusals_of(written(tmp_path, text))
    assert problem in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        refusals_of(tmp_path / "none.toml")


def test_a_client_names_the_file_beside_its_configuration(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    path = tmp_path / "client.toml"
    path.write_text(tomli_w.dumps(client() | {"refusals_file": "refusals.toml"}))
    assert load(path, ClientConfig).refusals_file == tmp_path / "refusals.toml"


def test_an_order_that_the_token_refused_is_told_in_the_table_s_words(tmp_path: Path) -> None:
    table = refusals_of(written(tmp_path, GOOD))
    inner = selector("NotOnList(address)") + bytes(32)
    data = TOKEN_CALL_FAILED + encode(["address", "bytes"], ["0x" + "11" * 20, inner])
    text = told(LedgerRefusedError("TokenCallFailed", "…", data), SIGNED, 0, table)
    assert text.startswith("refused: TokenCallFailed: not on the list: The recipient is not on the house's list.")
    assert "Who must act: The house's registrar" in text
