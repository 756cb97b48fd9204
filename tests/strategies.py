"""Hypothesis strategies for the values of the core, for every test that wants any valid one."""

from hypothesis import strategies as st

from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Item, Kind, Statement
from bridge.core.transfer import AMOUNT_MAX, U64_MAX, Transfer, TransferId

CODES = {
    Kind.LOCKED: (0,),
    Kind.REFUSED: tuple(r.value for r in Reason if r not in {Reason.NONE, Reason(7), Reason(8), Reason(9)}),
    Kind.OUTCOME: (1, 2, 3),
}
"""What may stand beside a transfer in each statement (protocol.md, sections 3 and 7), written out."""

words = st.binary(min_size=32, max_size=32)
evm_accounts = st.binary(min_size=20, max_size=20).filter(any).map(lambda raw: Account(bytes(12) + raw))
sequences = st.integers(1, U64_MAX)
epochs = st.integers(1, U64_MAX).map(Epoch)


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """Draw any transfer on any lane."""
    source, destination = draw(st.lists(words, min_size=2, max_size=2, unique=True))
    return Transfer(
        source=EndpointId(source),
        destination=EndpointId(destination),
        sequence=draw(sequences),
        asset=AssetId(draw(words)),
        sender=draw(evm_accounts),
        recipient=draw(evm_accounts),
        amount=draw(st.integers(1, AMOUNT_MAX)),
        deadline=draw(st.integers(1, U64_MAX)),
        client_reference=draw(words),
        payload_hash=draw(words),
    )


@st.composite
def statements(draw: st.DrawFn, kinds: st.SearchStrategy[Kind] = st.sampled_from(Kind)) -> Statement:  # noqa: B008 - a strategy is a value
    """Draw any statement about one to five transfers."""
    kind = draw(kinds)
    ids = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    items = tuple(Item(transfer_id=TransferId(i), code=draw(st.sampled_from(CODES[kind]))) for i in ids)
    return Statement(kind=kind, verifier=EndpointId(draw(words)), epoch=draw(epochs), items=items)
