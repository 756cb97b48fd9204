"""What is said of a token that is not ready for its gateway, from what was read of it (R-01, R-04, R-21, R-22)."""

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from bridge.adapters.evm import handlers
from bridge.adapters.evm.contracts import ERC20_HANDLER, artifact
from bridge.adapters.evm.handlers import Outcome, TokenFacts, handler_artifact, standard_of, told_standard
from bridge.core.reasons import Reason
from bridge.core.refusals import TEXT, selector
from bridge.errors import InvalidInputError
from bridge.ops.gateway_plan import AssetPlan
from bridge.ops.gateway_preflight import RegistrationRefusedError, objections

ADDRESS = "0x5555555555555555555555555555555555555555"
PASSED, REVERTED = Outcome(passed=True, data=b""), Outcome(passed=False, data=b"")
CODE = artifact(ERC20_HANDLER).runtime
READY = TokenFacts(
    token_code=b"\x01",
    handler_code=CODE,
    decimals=0,
    examined=(True, True, False),
    checked=0,
    mint=PASSED,
    mint_gas=90_000,
    burn_nothing=PASSED,
    burn_too_much=REVERTED,
)


def planned(**changes: Any) -> AssetPlan:  # noqa: ANN401 - any field
    values = {"name": "tower", "asset": "isin:KR7900010013", "token": ADDRESS, "handler": ADDRESS, "form": "role"}
    return AssetPlan.model_validate({**values, "mode": "burn", "decimals": 0, "gas_allowance": 200_000, **changes})


def text(words: str) -> Outcome:
    return Outcome(passed=False, data=TEXT + encode(["string"], [words]))


def custom(signature: str) -> Outcome:
    return Outcome(passed=False, data=selector(signature) + bytes(32))


def test_a_token_that_is_ready_has_nothing_against_it() -> None:
    assert objections(planned(), READY) == []


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        ({"token_code": b""}, f"there is no contract at {ADDRESS}", "correct the plan's token"),
        ({"handler_code": b""}, f"there is no handler at {ADDRESS}", "naru gateway handler STANDARD"),
        ({"decimals": 18}, "the token has 18 decimals, the plan 0", "correct the plan's decimals"),
        ({"decimals": None}, "the token does not say its decimals, the plan 0", "decimals"),
        ({"examined": None}, "the handler does not answer examine()", "naru gateway handler"),
        ({"examined": (False, True, True)}, "the erc20 handler does not take the token", "the token's own standard"),
        (
            {"examined": (False, True, True), "handler_code": b"\x07"},
            "the issuer-made handler does not take the token",
            "what its author says",
        ),
        (
            {"mint": text("AgentRole: caller does not have the Agent role")},
            'the gateway may not mint (the token says "AgentRole: caller does not have the Agent role")',
            "grant the gateway mint(address,uint256) and burn(address,uint256), and no more",
        ),
        (
            {"mint": text("Identity is not verified.")},
            "the gateway may not hold the token",
            "with a verified identity where the token asks for one",
        ),
        ({"mint": text("Compliance not followed")}, "the gateway may not hold the token", "room under its largest"),
        ({"mint": text("Pausable: paused")}, "the token is paused", "register it once it is not"),
        (
            {"mint": custom("Strange()")},
            "a mint by the gateway is refused (the token says 0x",
            "ask the token's issuer",
        ),
        (
            {"mint": text("invalid argument - no value mint")},
            "a mint by the gateway is refused",
            "The token does not take this amount.",
        ),
        ({"burn_nothing": custom("Strange()")}, "a burn by the gateway is refused", "ask the token's issuer why"),
        ({"burn_too_much": PASSED}, "the token accepts a burn of more than there is", "own, role or erc7802"),
        ({"checked": None}, "the handler gives no answer to check()", "until it answers, nothing is minted"),
        ({"checked": Reason.TOKEN_PAUSED}, "the token is paused", "register it once it is not"),
        ({"checked": Reason.ACCOUNT_FROZEN}, "the handler says ACCOUNT_FROZEN of the gateway", "register of holders"),
        ({"checked": 99}, "the handler says TOKEN_REVERTED of the gateway", "register of holders"),
        ({"mint_gas": 100_001}, "gas_allowance 200000 is less than twice", "give 200002 or more"),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(changes: dict[str, Any], what: str, remedy: str) -> None:
    (found,) = objections(planned(), replace(READY, **changes))
    assert what in found.what
    assert remedy in found.remedy


def test_a_role_that_the_handler_knows_of_needs_no_burn_of_nothing() -> None:
    """T-REX refuses to burn 0."""
    facts = replace(READY, examined=(True, True, True), burn_nothing=text("invalid argument - no value burn"))
    assert objections(planned(), facts) == []


def test_a_safe_mint_that_refuses_only_the_gateway_is_no_obstacle() -> None:
    """KIP-7: nothing is ever minted to the gateway itself."""
    facts = replace(READY, mint=text("KIP7: transfer to non IKIP7Receiver implementer"), mint_gas=None)
    assert objections(planned(), facts) == []


def test_one_cause_is_told_once() -> None:
    paused = text("Pausable: paused")
    facts = replace(READY, mint=paused, mint_gas=None, burn_nothing=paused, checked=Reason.TOKEN_PAUSED)
    assert len(objections(planned(), facts)) == 1


def test_the_error_tells_all_of_it_and_how_to_go_on() -> None:
    found = objections(planned(), replace(READY, decimals=2, checked=None))
    error = RegistrationRefusedError("tower", found)
    assert (error.objections, error.retryable) == (found, False)
    for part in ("asset tower is not ready: (1) the token has 2", "; (2) the handler gives no", "--force"):
        assert part in str(error)


# --- whose a handler is


def test_a_handler_s_standard_is_told_by_its_code_alone() -> None:
    assert (standard_of(CODE), told_standard(CODE)) == ("erc20", "erc20, Naru's own")
    assert (standard_of(CODE + b"\x00"), told_standard(b"\x00")) == (None, "not one of Naru's: read it")
    assert told_standard(b"") == "no code"


def test_a_standard_whose_handler_is_not_in_the_release_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert handler_artifact("erc20").name == ERC20_HANDLER
    monkeypatch.setattr(handlers, "HANDLERS", {"erc20": ERC20_HANDLER})
    with pytest.raises(InvalidInputError, match="no standard with a handler in this release: known are erc20"):
        handler_artifact("kip7")
