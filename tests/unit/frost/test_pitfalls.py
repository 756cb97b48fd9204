"""The twenty pitfalls of threshold signatures: what each would cost, and that docs/threshold.md answers every one."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import bridge.frost
from bridge.frost import (
    ORDER,
    DealtShareError,
    InvalidShareError,
    KeyPackage,
    ParticipantId,
    ProofError,
    Scalar,
    SigningCommitments,
    SigningNonces,
    aggregate,
    check_round1,
    commit,
    public_keys_of,
    sign,
    verify,
    verify_share,
)
from bridge.frost.group import multiply_base
from bridge.frost.session import open_session
from tests.unit.frost.members import Members, members_of, sign_with
from tests.unit.frost.support import entropy_of

ROOT = Path(__file__).parents[3]
MESSAGE = b"m" * 32
ONE, TWO, THREE = (ParticipantId(i) for i in range(1, 4))
COMMITTEE = members_of(2, 3)
PUBLIC = public_keys_of(COMMITTEE.packages)
KEYS = COMMITTEE.all_keys()

Row = list[Scalar]


# --- nonces (pitfalls 1 to 4; R-14)


def test_nonces_have_no_encoding_and_no_place_for_more() -> None:
    nonces, _ = commit(KEYS[0], entropy_of(1))
    assert not hasattr(nonces, "__dict__")
    methods = {name for name in dir(nonces) if not name.startswith("_")}
    assert methods == {"commitments", "take"}


def solved(rows: list[Row]) -> Row:
    """Solve linear equations modulo the order; each row ends with its right side."""
    rows = [list(row) for row in rows]
    for at in range(len(rows)):
        inverse = pow(rows[at][at], -1, ORDER)
        rows[at] = [Scalar(value * inverse % ORDER) for value in rows[at]]
        for other in range(len(rows)):
            if other != at:
                factor = rows[other][at]
                pairs = zip(rows[other], rows[at], strict=True)
                rows[other] = [Scalar((value - factor * pivot) % ORDER) for value, pivot in pairs]
    return [row[-1] for row in rows]


def answers_of_clones(key: KeyPackage, count: int) -> list[Row]:
    """Let *count* copies of one signer's memory answer once each; give what an onlooker knows of each answer."""
    hiding, binding = commit(key, entropy_of(1))[0].take()
    rows = []
    for copy in range(count):
        nonces = SigningNonces(key.identifier, hiding=hiding, binding=binding)
        others = commit(KEYS[1], entropy_of(copy))[1]
        commitments = [nonces.commitments, others]
        share = sign(key, nonces, MESSAGE, commitments)
        session = open_session(PUBLIC.group_public_key, MESSAGE, commitments)
        factor, weight = session.binding_factors[key.identifier], session.weight(key.identifier)
        rows.append([Scalar(1), factor, weight, share.scalar])
    return rows


def test_three_answers_of_cloned_memory_give_the_share_away() -> None:
    """Why a fork, a snapshot or a retry must never answer twice: three equations, three unknowns."""
    *_, stolen = solved(answers_of_clones(KEYS[0], 3))
    assert stolen == KEYS[0].signing_share


def test_a_share_counts_in_its_own_session_only() -> None:
    """Message and whole list are hashed into it: sessions in parallel can't be played against each other."""
    nonces, own = commit(KEYS[0], entropy_of(1))
    others = [commit(KEYS[1], entropy_of(seed))[1] for seed in (2, 3)]
    commitments = [own, others[0]]
    share = sign(KEYS[0], nonces, MESSAGE, commitments)

    def counts(message: bytes, signers: list[SigningCommitments]) -> bool:
        return verify_share(PUBLIC, message, signers, ONE, share)

    assert counts(MESSAGE, commitments)
    assert not counts(b"other", commitments)
    assert not counts(MESSAGE, [own, others[1]])
    assert not counts(MESSAGE, [own, replace(others[0], binding=others[1].binding)])
    assert not counts(MESSAGE, [own, replace(others[0], identifier=THREE)])
    assert not counts(MESSAGE, [*commitments, replace(others[1], identifier=THREE)])


def test_another_list_of_the_same_sum_is_another_session() -> None:
    """The step of Drijvers' attack: if the factors did not hash the list, R and so the share would stay good."""
    nonces, own = commit(KEYS[0], entropy_of(1))
    other = commit(KEYS[1], entropy_of(2))[1]
    share = sign(KEYS[0], nonces, MESSAGE, [own, other])
    factor = open_session(PUBLIC.group_public_key, MESSAGE, [own, other]).binding_factors[TWO]
    shift = multiply_base(Scalar(5))
    moved = replace(other, hiding=other.hiding + factor * shift, binding=other.binding + Scalar(ORDER - 1) * shift)
    assert moved.hiding + factor * moved.binding == other.hiding + factor * other.binding
    assert not verify_share(PUBLIC, MESSAGE, [own, moved], ONE, share)


# --- the key generation (pitfalls 5 to 7; R-41)


def test_a_proof_of_possession_is_good_in_any_ceremony_but_deals_no_share_there() -> None:
    """The proof binds no session: that an old package is not sent again is up to the signed message around it."""
    old = members_of(2, 3, seed=5)
    replayed = {**COMMITTEE.packages, THREE: old.packages[THREE]}
    check_round1(replayed[THREE], threshold=2, participants=3)
    with pytest.raises(DealtShareError) as caught:
        COMMITTEE.finish(ONE, packages=replayed)
    assert caught.value.culprit == THREE


def test_a_proof_of_possession_is_good_for_its_maker_only() -> None:
    with pytest.raises(ProofError) as caught:
        check_round1(replace(COMMITTEE.packages[ONE], identifier=TWO), threshold=2, participants=3)
    assert caught.value.culprit == TWO


def test_a_two_faced_member_goes_unnoticed_without_the_equality_check() -> None:
    """Member 3 shows one package to member 1 and another to member 2: both finish, with different keys."""
    faces = [members_of(2, 3, seed=5), members_of(2, 3, seed=6)]
    ends = []
    for recipient, face in zip((ONE, TWO), faces, strict=True):
        packages = {**COMMITTEE.packages, THREE: face.packages[THREE]}
        shares = {**COMMITTEE.shares_for(recipient), THREE: face.shares_for(recipient)[THREE]}
        ends.append(COMMITTEE.finish(recipient, packages=packages, shares=shares))
    (_, seen_by_one), (_, seen_by_two) = ends
    assert seen_by_one.group_public_key != seen_by_two.group_public_key


def with_last(other: Members) -> Members:
    """Give the committee whose third member drew what *other*'s did."""
    return Members(
        threshold=2,
        polynomials={**COMMITTEE.polynomials, THREE: other.polynomials[THREE]},
        packages={**COMMITTEE.packages, THREE: other.packages[THREE]},
    )


def test_the_last_to_speak_can_bias_the_key_which_signs_all_the_same() -> None:
    """It draws until it likes the key's first byte, having seen all other packages; it still knows no more of it."""
    tries = (with_last(members_of(2, 3, seed)) for seed in range(10, 2000))
    liked = next(t for t in tries if public_keys_of(t.packages).group_public_key.to_bytes()[1] == 0)
    public = public_keys_of(liked.packages)
    signature = aggregate(public, MESSAGE, *sign_with(liked.all_keys()[:2], MESSAGE))
    assert verify(public.group_public_key, MESSAGE, signature)


# --- signatures (pitfall 9)


def test_many_signatures_of_one_message_are_valid() -> None:
    """So a signature, or its hash, identifies nothing: ids of transfers and their records do."""
    pairs = [(0, 1), (0, 2), (1, 2), (0, 1)]
    signatures = {
        aggregate(PUBLIC, MESSAGE, *sign_with([KEYS[i] for i in pair], MESSAGE, seed))
        for seed, pair in enumerate(pairs)
    }
    assert len(signatures) == 4
    assert all(verify(PUBLIC.group_public_key, MESSAGE, signature) for signature in signatures)


def test_for_one_r_no_other_z_is_valid() -> None:
    signature = aggregate(PUBLIC, MESSAGE, *sign_with(KEYS[:2], MESSAGE))
    for z in (ORDER - signature.z, signature.z % (ORDER - 1) + 1, 1, ORDER - 1):
        assert not verify(PUBLIC.group_public_key, MESSAGE, replace(signature, z=Scalar(z)))


# --- old and mixed keys (pitfalls 12 to 14; R-41)


def test_shares_of_an_older_key_sign_under_it_for_ever_and_under_no_other() -> None:
    """Why a leaver or a suspected leak means a new key, and the gateway drops the old one (R-40)."""
    newer = public_keys_of(members_of(2, 3, seed=5).packages)
    signature = aggregate(PUBLIC, MESSAGE, *sign_with(KEYS[:2], MESSAGE))
    assert verify(PUBLIC.group_public_key, MESSAGE, signature)
    assert not verify(newer.group_public_key, MESSAGE, signature)


def test_a_share_of_another_generation_s_key_is_named() -> None:
    newer = members_of(2, 3, seed=5)
    mixed = [newer.all_keys()[0], KEYS[1]]
    with pytest.raises(InvalidShareError) as caught:
        aggregate(public_keys_of(newer.packages), MESSAGE, *sign_with(mixed, MESSAGE))
    assert caught.value.culprits == {2}


def test_nothing_refreshes_repairs_or_reshares_a_key() -> None:
    """Each would leave old shares good, or hand a share out: a change of members is a new key."""
    modules = [path.stem for path in Path(bridge.frost.__file__).parent.glob("*.py")]
    names = {*bridge.frost.__all__, *modules, *(name for name in dir(KeyPackage) if not name.startswith("_"))}
    assert not [name for name in names if re.match("refresh|repair|recover|reshare|enrol", name, re.IGNORECASE)]


# --- the page


PAGE = ROOT / "docs/threshold.md"
TABLE_ROW = re.compile(r"^\| (\d+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
NAMED = re.compile(r"`([\w./-]+\.(?:py|sol))::(\w+)`")
PENDING = re.compile(r"\*pending: [^*]+\*")
ROWS = [(int(number), *(cell.strip() for cell in cells)) for number, *cells in TABLE_ROW.findall(PAGE.read_text())]
NAMES = sorted(set(NAMED.findall(PAGE.read_text())))


def test_the_page_answers_each_of_the_twenty_pitfalls_once() -> None:
    assert [row[0] for row in ROWS] == list(range(1, 21))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_a_pitfall_names_its_tests_or_says_in_a_sentence_why_it_can_not_occur(row: tuple[int, str, str, str]) -> None:
    _, pitfall, kept_by, tests = row
    assert pitfall
    assert kept_by
    if tests == "–":
        assert kept_by.endswith(".")
    else:
        assert NAMED.search(tests) or PENDING.search(tests)
        assert not re.sub(r"[;,\s]", "", PENDING.sub("", NAMED.sub("", tests)))


@pytest.mark.parametrize(("path", "name"), NAMES, ids=lambda part: part)
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    keyword = "def" if path.endswith(".py") else "function"
    assert re.search(rf"^\s*(?:async )?{keyword} {name}\(", (ROOT / path).read_text(), re.MULTILINE)
