"""Who may do what at a gateway, held against its plan, and what no one key may do, planned or not (R-61). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.contracts import TIMELOCK, artifact
from bridge.adapters.evm.inspection import NOBODY, GatewayFacts, Role, TimelockFacts, is_artifact
from bridge.ops.gateway_plan import PERSONS_MIN, GatewayPlan

UNPAUSER_DELAY_S: Final = 0
"""Two persons, no timelock (R-61)."""
NONE: Final = "none"
ARTIFACT_TEXT: Final = "the committed artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must be true."""

    name: str
    expected: str
    found: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether what was found is what must be."""
        return self.expected == self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What the deployment file tells: where things must stand, and since when."""

    extension: str
    governance: str
    unpauser: str
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A gateway with who governs and unpauses it, as they were read."""

    gateway: GatewayFacts
    governance: TimelockFacts
    unpauser: TimelockFacts


def code_check(name: str, contract: str, code: bytes, remedy: str = "") -> Check:
    """Hold the code at an address against a committed artifact, immutables aside."""
    found = ARTIFACT_TEXT if is_artifact(artifact(contract), code) else "other code" if code else "no code"
    return Check(name=name, expected=ARTIFACT_TEXT, found=found, remedy=remedy)


def roles(subject: Subject, plan: GatewayPlan, deployed: Deployed) -> list[Check]:
    """Governance, unpauser, guardian, auditor, and the delays."""
    facts = subject.gateway
    set_roles = "propose setRoles with the plan's accounts, or correct the plan"
    never = "governance never changes: this gateway is not the plan's"
    return [
        Check(name="governance", expected=deployed.governance, found=facts.governance, remedy=never),
        *timelock("governance", subject.governance, plan.governance, plan.governance_delay_s),
        Check(name="unpauser", expected=deployed.unpauser, found=facts.unpauser, remedy=set_roles),
        *timelock("unpauser", subject.unpauser, plan.unpausers, UNPAUSER_DELAY_S),
        Check(name="guardian", expected=plan.guardian, found=facts.guardian, remedy=set_roles),
        Check(name="auditor", expected=plan.auditor or NOBODY, found=facts.auditor, remedy=set_roles),
        _seconds("handover delay", plan.handover_delay_s, facts.handover_delay_s, "propose setDelays"),
        _seconds("redirect delay", plan.redirect_delay_s, facts.redirect_delay_s, "propose setDelays"),
    ]


def timelock(name: str, facts: TimelockFacts, persons: Iterable[str], delay_s: int) -> list[Check]:
    """Hold a timelock's code, delay and holders of roles against those planned."""
    planned = people(persons)
    remedy = f"propose addPerson or removePerson at {name}, or correct the plan"
    acting = (Role.PROPOSER, Role.EXECUTOR, Role.CANCELLER)
    delay = "no timelock" if facts.delay_s is None else f"{facts.delay_s} s"
    return [
        code_check(f"{name} code", TIMELOCK, facts.code, "two persons are certain with the release's timelock only"),
        Check(name=f"{name} delay", expected=f"{delay_s} s", found=delay, remedy=f"propose updateDelay at {name}"),
        *(
            Check(name=f"{name} {role}s", expected=planned, found=people(facts.holders[role]), remedy=remedy)
            for role in acting
        ),
    ]


def single_keys(subject: Subject) -> list[Check]:
    """No one key may govern or unpause: told of any gateway, planned or not (R-61)."""
    return [
        check
        for name, facts in (("governance", subject.governance), ("unpauser", subject.unpauser))
        for check in _no_single_key(name, facts)
    ]


def _no_single_key(name: str, facts: TimelockFacts) -> list[Check]:
    remedy = f"ONE KEY CAN ACT AS {name.upper()}: for development only; deploy with two persons behind a timelock"
    if facts.is_single_key:
        return [Check(name=f"{name} is two persons", expected="yes", found="no: AN ACCOUNT OF ONE KEY", remedy=remedy)]
    if facts.delay_s is None:
        found = "no: a contract that is no timelock"
        return [Check(name=f"{name} is two persons", expected="yes", found=found, remedy=remedy)]
    if not is_artifact(artifact(TIMELOCK), facts.code):  # OpenZeppelin's own lets each of two persons act alone
        found = "no: not the release's timelock"
        return [Check(name=f"{name} is two persons", expected="yes", found=found, remedy=remedy)]
    least = min(len(facts.holders[role] - {NOBODY}) for role in (Role.PROPOSER, Role.EXECUTOR))
    enough = "yes" if least >= PERSONS_MIN else f"no: {least}"
    opened = [str(role) for role in Role if NOBODY in facts.holders[role]]
    outside = sorted(facts.holders[Role.ADMIN] - {facts.address, NOBODY})
    return [
        Check(name=f"{name} is two persons", expected="yes", found=enough, remedy=remedy),
        Check(name=f"{name} open roles", expected=NONE, found=", ".join(opened) or NONE, remedy=remedy),
        Check(name=f"{name} outside admins", expected=NONE, found=", ".join(outside) or NONE, remedy=remedy),
    ]


def people(accounts: Iterable[str]) -> str:
    """Write a set of accounts."""
    return ", ".join(sorted(accounts)) or NONE


def _seconds(name: str, expected: int, found: int, remedy: str) -> Check:
    return Check(name=name, expected=f"{expected} s", found=f"{found} s", remedy=remedy)
