"""A notary's policy, from its configuration's names to the core's values."""

from collections.abc import Iterable

from bridge.core.caip import EndpointId, asset_id
from bridge.core.policy import Policy, Rule, Scope
from bridge.core.rate import Window
from bridge.notary_config import NotaryConfig, ScopeConfig


def policy_of(config: NotaryConfig) -> Policy:
    """Give the policy that *config*, which was checked, describes."""
    ids = {ledger.name: ledger.endpoint.id for ledger in config.ledgers}

    def endpoints(names: Iterable[str] | None) -> frozenset[EndpointId] | None:
        return None if names is None else frozenset(ids[name] for name in names)

    def scope(of: ScopeConfig) -> Scope:
        return Scope(
            sources=endpoints(of.sources),
            destinations=endpoints(of.destinations),
            assets=None if of.assets is None else frozenset(asset_id(text) for text in of.assets),
            rule=Rule(
                amount_min=of.amount_min,
                amount_max=of.amount_max,
                large_amount=of.large_amount,
                large_delay_s=of.large_delay_s,
                windows=tuple(Window(amount_max=w.amount_max, seconds=w.seconds) for w in of.windows),
            ),
        )

    return Policy(
        scopes=tuple(scope(s) for s in config.policy.scopes),
        denied=frozenset(bytes.fromhex(text) for text in config.policy.denied),
        issue_required=config.policy.issue_required,
        implementations=frozenset(bytes.fromhex(text) for text in config.policy.implementations),
    )
