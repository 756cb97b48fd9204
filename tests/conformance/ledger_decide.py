"""Facts about the destination: what is minted, refused, left undecided, and on whose signature."""

from dataclasses import replace

import pytest

from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Decision, Ending, Outcome
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import Transfer
from bridge.errors import LedgerRefusedError
from bridge.ports.ledger import Submission
from tests.committee import attest, finish, refuse, settle, statement
from tests.conformance.bench import SOON_S, Bench, End, LedgerFacts


class DecideFacts(LedgerFacts):
    # --- decisions

    def test_each_decision_is_told_with_its_reason_and_its_block(self) -> None:
        """R-20, R-23."""

        async def script(bench: Bench) -> None:
            transfers = [await bench.lock(amount) for amount in (1, 20, 300)]
            assert [await bench.decision(t) for t in transfers] == [None] * 3
            calls = [
                settle(transfers[:1]),
                refuse(transfers[1:2], Reason.ACCOUNT_FROZEN),
                refuse(transfers[2:], Reason.EXPIRED),
            ]
            receipts = [await bench.send(End.DESTINATION, call) for call in calls]
            decisions = await bench.destination.decisions(transfers, await bench.destination.head())

            outcomes = [Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED]
            reasons = [Reason.NONE, Reason.ACCOUNT_FROZEN, Reason.EXPIRED]
            assert decisions == [
                Decision(outcome=outcome, reason=reason, stamp=receipt.stamp)
                for outcome, reason, receipt in zip(outcomes, reasons, receipts, strict=True)
            ]
            assert all(receipt.succeeded and not receipt.failures for receipt in receipts)
            assert (await bench.destination.lane(bench.lane, await bench.destination.head())).minted == 1
            assert await bench.balance(End.DESTINATION, bench.bob) == 1

        self.run(script)

    def test_a_place_that_another_transfer_took_is_superseded(self) -> None:
        """R-26: the bits are set, and the event names another id."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            other = replace(transfer, amount=8)
            await bench.send(End.DESTINATION, settle([transfer]))
            await bench.send(End.DESTINATION, settle([other]))
            head = await bench.destination.head()
            mine, superseded = await bench.destination.decisions([transfer, other], head)

            assert mine is not None
            assert mine.outcome is Outcome.MINTED
            assert superseded == Decision(outcome=Outcome.REJECTED, reason=Reason.SUPERSEDED, stamp=mine.stamp)
            assert (await bench.destination.lane(bench.lane, head)).minted == 7

        self.run(script)

    def test_an_item_that_is_settled_twice_is_minted_once(self) -> None:
        """INV-3."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            first = await bench.send(End.DESTINATION, settle([transfer]))
            second = await bench.send(End.DESTINATION, settle([transfer]))

            assert second.succeeded
            assert await bench.decision(transfer) == Decision(
                outcome=Outcome.MINTED, reason=Reason.NONE, stamp=first.stamp
            )
            assert (await bench.destination.lane(bench.lane, await bench.destination.head())).minted == 7
            assert await bench.balance(End.DESTINATION, bench.bob) == 7

        self.run(script)

    def test_after_the_deadline_settle_leaves_none_and_a_refusal_closes_it(self) -> None:
        """R-20: by the destination's own time."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7, deadline_s=SOON_S)
            await bench.reach(End.DESTINATION, transfer.deadline)
            late = await bench.send(End.DESTINATION, settle([transfer]))
            assert (late.succeeded, late.failures, await bench.decision(transfer)) == (True, (), None)

            await bench.send(End.DESTINATION, refuse([transfer], Reason.EXPIRED))
            decision = await bench.decision(transfer)
            assert decision is not None
            assert decision.outcome is Outcome.EXPIRED
            assert await bench.balance(End.DESTINATION, bench.bob) == 0

        self.run(script)

    @pytest.mark.parametrize("first", [Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED])
    def test_the_first_decision_wins_over_every_later_one(self, first: Outcome) -> None:
        """R-23, INV-3: settle and refuse may race."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            calls = {
                Outcome.MINTED: settle([transfer]),
                Outcome.REJECTED: refuse([transfer], Reason.POLICY_REFUSED),
                Outcome.EXPIRED: refuse([transfer], Reason.EXPIRED),
            }
            await bench.send(End.DESTINATION, calls.pop(first))
            decided = await bench.decision(transfer)
            for call in calls.values():
                await bench.send(End.DESTINATION, call)

            assert await bench.decision(transfer) == decided
            assert decided is not None
            assert decided.outcome is first
            assert await bench.balance(End.DESTINATION, bench.bob) == (7 if first is Outcome.MINTED else 0)

        self.run(script)

    def test_an_item_that_can_not_be_minted_stays_undecided_and_says_why_and_the_rest_is_minted(self) -> None:
        """R-20, R-22."""

        async def script(bench: Bench) -> None:
            transfers = [await bench.lock(7, recipient=bench.carol), await bench.lock(8)]
            receipt = await bench.send(End.DESTINATION, settle(transfers))

            assert receipt.succeeded
            assert receipt.failures == ((transfers[0].id, Reason.NOT_ELIGIBLE),)
            assert await bench.decision(transfers[0]) is None
            assert await bench.balance(End.DESTINATION, bench.bob) == 8

        self.run(script)

    def test_an_item_given_as_its_bare_id_counts_for_the_signature_and_is_not_tried(self) -> None:
        """R-20: any part of a signed list can be submitted."""

        async def script(bench: Bench) -> None:
            transfers = [await bench.lock(amount) for amount in (1, 20, 300)]
            whole = settle(transfers)
            await bench.send(End.DESTINATION, replace(whole, tried=(transfers[1],)))
            assert [bool(await bench.decision(t)) for t in transfers] == [False, True, False]

            refusal = refuse(transfers, Reason.POLICY_REFUSED)
            await bench.send(End.DESTINATION, replace(refusal, tried=(transfers[2],)))
            assert [bool(await bench.decision(t)) for t in transfers] == [False, True, True]

            ending = finish(transfers, Outcome.REJECTED)
            await bench.send(End.SOURCE, replace(ending, tried=(transfers[2],)))
            endings = [(await bench.lock_of(t)).ending for t in transfers]
            assert endings == [Ending.OPEN, Ending.OPEN, Ending.RELEASED]

        self.run(script)

    def test_an_item_of_another_gateway_is_skipped(self) -> None:
        """R-20, R-23: destination is this endpoint."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            elsewhere = replace(transfer, destination=EndpointId(b"\x05" * 32))
            for kind, code in ((Kind.LOCKED, 0), (Kind.REFUSED, 6)):
                signed = attest(statement(kind, bench.lane.destination, {elsewhere.id: code, transfer.id: code}))
                await bench.send(End.DESTINATION, Submission(attestation=signed, tried=(elsewhere,)))

            assert await bench.decision(transfer) is None

        self.run(script)

    # --- signatures

    def test_what_the_committee_in_force_did_not_sign_is_refused(self) -> None:
        """R-40, INV-5: another key, another epoch, another verifier, another list."""

        async def script(bench: Bench) -> None:
            transfer, other = await bench.lock(7), await bench.lock(8)
            here, there = bench.lane.destination, bench.lane.source
            codes = {transfer.id: 0}
            good = attest(statement(Kind.LOCKED, here, codes))
            tampered = replace(good, statement=statement(Kind.LOCKED, here, {other.id: 0}))
            turned = replace(good, statement=statement(Kind.REFUSED, here, {transfer.id: 6}))
            own_key = attest(statement(Kind.LOCKED, here, codes), seed=1)
            stolen_name = replace(own_key, group_key=good.group_key)
            forgeries = [
                (own_key, "KeyMismatch"),
                (stolen_name, "SignatureInvalid"),
                (attest(statement(Kind.LOCKED, here, codes, epoch=Epoch(2))), "EpochUnknown"),
                (attest(statement(Kind.LOCKED, there, codes)), "SignatureInvalid"),
                (tampered, "SignatureInvalid"),
                (turned, "SignatureInvalid"),
            ]
            for forged, name in forgeries:
                with pytest.raises(LedgerRefusedError) as caught:
                    await bench.send(End.DESTINATION, Submission(attestation=forged, tried=(transfer, other)))
                assert caught.value.name == name
            assert [await bench.decision(t) for t in (transfer, other)] == [None, None]

        self.run(script)

    def test_the_source_takes_no_outcome_that_was_not_signed_for_it(self) -> None:
        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            good = finish([transfer], Outcome.MINTED)
            released = statement(Kind.OUTCOME, bench.lane.source, {transfer.id: Outcome.REJECTED})
            turned = replace(good, attestation=replace(good.attestation, statement=released))
            with pytest.raises(LedgerRefusedError, match="SignatureInvalid"):
                await bench.send(End.SOURCE, turned)
            assert (await bench.lock_of(transfer)).ending is Ending.OPEN

        self.run(script)

    # --- eligibility

    def test_eligibility_tells_why_a_mint_would_not_be_done(self) -> None:
        """R-11, R-22, section 7."""

        async def script(bench: Bench) -> None:
            good = await bench.lock(7)
            wide, nobody = Account(b"\x01" * 32), Account(bytes(32))
            gateway = bench.destination.endpoint.gateway
            unknown = AssetId(b"\x77" * 32)

            async def told(transfer: Transfer) -> Reason:
                return await bench.destination.eligibility(transfer, await bench.destination.head())

            assert await told(good) is Reason.NONE
            assert await told(replace(good, recipient=bench.carol)) is Reason.NOT_ELIGIBLE
            for recipient in (wide, nobody, gateway):
                assert await told(replace(good, recipient=recipient)) is Reason.MALFORMED_ACCOUNT
            assert await told(replace(good, asset=unknown)) is Reason.ASSET_NOT_REGISTERED
            assert await told(replace(good, source=EndpointId(b"\x05" * 32))) is Reason.ASSET_NOT_REGISTERED
            assert await told(replace(good, destination=EndpointId(b"\x05" * 32))) is Reason.ASSET_NOT_REGISTERED
            await bench.set_token_paused(End.DESTINATION, paused=True)
            assert await told(good) is Reason.TOKEN_PAUSED
            assert await told(replace(good, recipient=bench.carol)) is Reason.TOKEN_PAUSED
            await bench.set_token_paused(End.DESTINATION, paused=False)
            await bench.set_paused(End.DESTINATION, paused=True)
            assert await told(good) is Reason.TOKEN_PAUSED
            assert await told(replace(good, recipient=bench.carol)) is Reason.NOT_ELIGIBLE
            await bench.set_paused(End.DESTINATION, paused=False)
            await bench.set_lane_enabled(End.DESTINATION, enabled=False)
            assert await told(good) is Reason.ASSET_NOT_REGISTERED

        self.run(script)
