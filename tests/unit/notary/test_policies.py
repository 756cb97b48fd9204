"""A policy as the configuration words it becomes the policy that is checked, value by value."""

from typing import Any

from bridge.core.caip import asset_id
from bridge.core.policy import EVERYTHING, Policy, Rule, Scope
from bridge.core.rate import Window
from bridge.notary_config import NotaryConfig
from notary.policies import policy_of
from tests.unit.test_config import notary

ASSET = "isin:KR7900010013"
DIGEST = "ab" * 32
CODE = "cd" * 32


def configured(policy: dict[str, Any] | None = None, **more: Any) -> NotaryConfig:  # noqa: ANN401 - any TOML
    return NotaryConfig.model_validate(notary(**({} if policy is None else {"policy": policy}), **more))


def test_without_a_policy_every_configured_lane_passes_and_the_register_s_entries_are_needed_r_11() -> None:
    assert policy_of(configured()) == EVERYTHING
    assert policy_of(configured()).issue_required


def test_names_of_ledgers_become_their_gateways_and_every_value_arrives_r_11() -> None:
    scope = {
        "sources": ["alpha"],
        "destinations": ["beta", "alpha"],
        "assets": [ASSET],
        "amount_min": 2,
        "amount_max": 3000,
        "large_amount": 1000,
        "large_delay_s": 3600,
        "windows": [{"amount_max": 5000, "seconds": 60}, {"amount_max": 9000, "seconds": 86_400}],
    }
    config = configured({"scopes": [scope, {}], "denied": [DIGEST], "implementations": [CODE]})
    alpha, beta = (ledger.endpoint.id for ledger in config.ledgers)
    first = Scope(
        sources=frozenset({alpha}),
        destinations=frozenset({alpha, beta}),
        assets=frozenset({asset_id(ASSET)}),
        rule=Rule(
            amount_min=2,
            amount_max=3000,
            large_amount=1000,
            large_delay_s=3600,
            windows=(Window(amount_max=5000, seconds=60), Window(amount_max=9000, seconds=86_400)),
        ),
    )
    rest = Scope(sources=None, destinations=None, assets=None, rule=Rule())
    denied = frozenset({bytes.fromhex(DIGEST)})
    code = frozenset({bytes.fromhex(CODE)})
    assert policy_of(config) == Policy(scopes=(first, rest), denied=denied, implementations=code, issue_required=True)


def test_a_list_that_is_empty_covers_nothing_and_one_that_is_left_out_covers_all() -> None:
    (scope,) = policy_of(configured({"scopes": [{"sources": [], "assets": []}]})).scopes
    assert (scope.sources, scope.destinations, scope.assets) == (frozenset(), None, frozenset())


def test_entries_of_the_register_can_be_dispensed_with_in_development_r_11() -> None:
    config = configured({"issue_required": False}, development=True)
    assert not policy_of(config).issue_required
