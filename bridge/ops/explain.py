"""Tells why a notary judged as it did: what it found, which check decided, what will change it, who must act."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bridge.core.known_refusals import BUILT_IN
from bridge.core.policy import Check
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.records import Outcome
from bridge.core.refusals import Refusals, in_short
from bridge.core.statements import Kind
from bridge.ports.committee import Offer, Question
from bridge.ports.verdicts import KeptVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Advice:
    """Of a check that decided: what it looks at, what will change it, and who must act."""

    looks_at: str
    change: str
    who: str


_NOBODY: Final = "Nobody must act."
_ADVICE: Final[Mapping[Check, _Advice]] = {
    Check.LOCK: _Advice(
        looks_at="the lock on its source, as this notary's own nodes have it",
        change="The lock becoming final, or being looked for under its right sequence and id.",
        who="Nobody, unless it lasts longer than the source's finality: then this notary's operator.",
    ),
    Check.READ: _Advice(
        looks_at="whether enough of this notary's own nodes answer and agree",
        change="Enough nodes answering and agreeing again; it is tried again by itself.",
        who="This notary's operator: check its nodes.",
    ),
    Check.RECORDS: _Advice(
        looks_at="the two records of the transfer",
        change="The records themselves: nothing here waits for a person, unless they contradict each other.",
        who="Nobody, unless the transfer is shown as BROKEN: then the operators of both ledgers.",
    ),
    Check.BREAKER: _Advice(
        looks_at="this notary's breakers",
        change="The breaker being closed; it never closes by itself. At the deadline the transfer is rolled back.",
        who="This notary's operator: find the cause, then close it by `naru notary close-breaker`.",
    ),
    Check.SCOPE: _Advice(
        looks_at="the lanes and assets that this notary's policy names",
        change="The policy naming this lane and asset, before enough notaries have refused.",
        who="This notary's institution, if it means to attest for them; else the sender takes another way.",
    ),
    Check.AMOUNT: _Advice(
        looks_at="the amounts that this notary's policy and the lane let through",
        change="The limit being raised; a smaller amount passes.",
        who="The sender: send again in smaller parts, or ask whose limit it is.",
    ),
    Check.DENY_LIST: _Advice(
        looks_at="this notary's list of denied accounts",
        change="The account being taken off the list, before enough notaries have refused.",
        who="This notary's institution decides; the sender asks it.",
    ),
    Check.DEADLINE: _Advice(
        looks_at="the deadline",
        change="Nothing: locked again with a deadline within the lane's bounds it passes.",
        who="The sender, if the transfer is still wanted.",
    ),
    Check.ELIGIBILITY: _Advice(
        looks_at="what the destination's gateway answers to `eligibility`, on this notary's own node",
        change="Another answer of the destination's gateway.",
        who="Whoever the reason names.",
    ),
    Check.PAUSE: _Advice(
        looks_at="pauses of the gateway and the lane at the source",
        change="The pause ending: an auditor's lapses after a day, others by two persons.",
        who="Those who may unpause the source's gateway.",
    ),
    Check.ENABLED: _Advice(
        looks_at="whether asset and lane are enabled at the source",
        change="Governance enabling them again. At the deadline the transfer is rolled back.",
        who="The source gateway's governance.",
    ),
    Check.CODE: _Advice(
        looks_at="the code of token and handler at both ends, and the code behind a token that is a proxy",
        change="The registered code again, a new profile for the new code or, behind a proxy, its hash in the "
        "notaries' policies. At the deadline the transfer is rolled back.",
        who="The issuer, who changed it; then each notary's institution, once it has looked at the new code.",
    ),
    Check.ISSUE: _Advice(
        looks_at="the register's entries on the source's gateway",
        change="The register's first entry of what is issued there.",
        who="The asset's register: sign and post the entry.",
    ),
    Check.ACCOUNT: _Advice(
        looks_at="what the source ledger has sent out, against what was issued on it and what came in",
        change="The figures adding up again, and then this notary's breaker, which it opened, being closed.",
        who="The depository and the asset's register; then this notary's operator.",
    ),
    Check.LARGE: _Advice(
        looks_at="how long large amounts wait by this notary's policy",
        change="Time alone.",
        who="Nobody must act; whoever wants to look at it does so now.",
    ),
    Check.RATE: _Advice(
        looks_at="what the lane sends out, against its limits and this notary's windows",
        change="Time alone, in the order of the locks.",
        who=_NOBODY,
    ),
    Check.MARGIN: _Advice(
        looks_at="the margin after a refusal, which outlasts a reorganisation of the destination",
        change="Time alone, by the destination's blocks.",
        who="Nobody, unless the destination seals no blocks: then a relayer sends an empty transaction.",
    ),
    Check.ALL: _Advice(looks_at="everything", change="Nothing needs to change.", who=_NOBODY),
}


def explain(kept: Sequence[KeptVerdict], refusals: Refusals = BUILT_IN) -> list[str]:
    """Render a transfer's verdicts, oldest first, the last one with what will change it and who must act.

    *refusals* tells what a token's error in it means.
    """
    if not kept:
        return ["This notary has never been asked about this transfer, or keeps no verdict of it."]
    lines = [_history(verdict) for verdict in kept]
    last = kept[-1]
    advice = _ADVICE[last.check]
    lines.append(f"Decided by {last.check}: it looks at {advice.looks_at}.")
    if last.reason is not Reason.NONE:
        lines.append(f"{EXPLANATIONS[last.reason].english} {EXPLANATIONS[last.reason].action}")
    reading = refusals.read_in(last.note)
    lines += [f"The destination's error: {line}" for line in (reading.lines if reading else ())]
    if last.until is not None:
        lines.append(f"This wait ends by itself at {_time(last.until)}.")
    lines += [f"What will change it: {advice.change}", f"Who must act: {advice.who}"]
    return lines


def _history(verdict: KeptVerdict) -> str:
    asked = "whether it may be minted" if verdict.question is Question.DECISION else "what the destination decided"
    answer = " or ".join(_told(offer) for offer in verdict.offers) or "WAIT"
    note = f": {in_short(verdict.note)}" if verdict.note else ""
    return f"{_time(verdict.at)}  asked {asked}: {answer}{note}"


def _told(offer: Offer) -> str:
    match offer.kind:
        case Kind.LOCKED:
            return "APPROVE"
        case Kind.REFUSED:
            return f"REFUSE({Reason(offer.code).name})"
        case Kind.OUTCOME:
            return f"attest {Outcome(offer.code).name}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
