"""A committee of four, three of whom sign, dealt from a seed; and statements that it has signed."""

from collections.abc import Mapping, Sequence
from functools import cache

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Epoch, Item, Kind, Statement
from bridge.core.transfer import Transfer, TransferId
from bridge.frost import Dealing, aggregate
from bridge.ports.ledger import Attestation, Submission
from tests.unit.frost.support import dealing_of, entropy_of, sign_together

EPOCH = Epoch(1)
MEMBERS, THRESHOLD = 4, 3


@cache
def dealing(seed: int = 0) -> Dealing:
    return dealing_of(THRESHOLD, MEMBERS, seed)


def attest(statement: Statement, *, seed: int = 0) -> Attestation:
    """Have the first three members sign."""
    dealt = dealing(seed)
    commitments, shares = sign_together(dealt, statement.digest, (1, 2, 3), entropy_of(seed))
    public = dealt.public_key_package
    signature = aggregate(public, statement.digest, commitments, shares)
    return Attestation(statement=statement, group_key=public.group_public_key, signature=signature)


def statement(kind: Kind, verifier: EndpointId, codes: Mapping[TransferId, int], *, epoch: Epoch = EPOCH) -> Statement:
    items = tuple(Item(transfer_id=transfer_id, code=code) for transfer_id, code in codes.items())
    return Statement(kind=kind, verifier=verifier, epoch=epoch, items=items)


def settle(transfers: Sequence[Transfer]) -> Submission:
    codes = {transfer.id: 0 for transfer in transfers}
    return _submission(Kind.LOCKED, transfers[0].destination, codes, transfers)


def refuse(transfers: Sequence[Transfer], reason: Reason) -> Submission:
    codes = {transfer.id: reason.value for transfer in transfers}
    return _submission(Kind.REFUSED, transfers[0].destination, codes, transfers)


def finish(transfers: Sequence[Transfer], outcome: Outcome) -> Submission:
    codes = {transfer.id: outcome.value for transfer in transfers}
    return _submission(Kind.OUTCOME, transfers[0].source, codes, transfers)


def _submission(
    kind: Kind, verifier: EndpointId, codes: Mapping[TransferId, int], transfers: Sequence[Transfer]
) -> Submission:
    return Submission(attestation=attest(statement(kind, verifier, codes)), tried=tuple(transfers))
