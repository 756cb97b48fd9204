"""Writes schnorr_evm.json: 1,000 signatures and every refused form, that pytest and forge both check. `make vectors`.

A row is whole words in hexadecimal: message, Rx, Ry, z below a key (Px, Py); all six, key first, where it is refused.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

from eth_hash.auto import keccak

from bridge.frost import ORDER, Dealing, Element, EncodingError, Scalar, aggregate, deal
from bridge.frost.group import FIELD, multiply_base, random_scalar, reduce_scalar
from bridge.frost.hashing import challenge, h1, h2
from tests.unit.frost.support import sign_together

PATH = Path(__file__).with_name("schnorr_evm.json")
SEED = 9591
COMMITTEES = ((3, 4), (5, 7)) * 10
SIGNATURES_EACH = 50
WORD_MAX = 2**256 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One signature with its key and message, as the words that a contract gets."""

    px: int
    py: int
    message: int
    rx: int
    ry: int
    z: int

    @property
    def parities(self) -> tuple[int, int]:
        """Of Py and Ry: what the compressed points keep of them."""
        return self.py % 2, self.ry % 2


class ValidRows(TypedDict):
    """What one committee signed."""

    key: str
    rows: list[str]


class RefusedRows(TypedDict):
    """Rows that no verifier may accept, and the reason."""

    why: str
    rows: list[str]


class Vectors(TypedDict):
    """The whole file."""

    source: str
    valid: list[ValidRows]
    refused: list[RefusedRows]


@dataclass(frozen=True, slots=True)
class Committee:
    """A dealt key, and the secret that nobody else has."""

    secret: Scalar
    dealing: Dealing

    @property
    def key(self) -> Element:
        return self.dealing.public_key_package.group_public_key


def build() -> Vectors:
    """Make all vectors from one seed."""
    rng = random.Random(SEED)
    committees = [_deal(rng, threshold, participants) for threshold, participants in COMMITTEES]
    valid = [[_sign(rng, committee) for _ in range(SIGNATURES_EACH)] for committee in committees]
    return {
        "source": "made by tests/vectors/schnorr_evm.py; suite of RFC 9591, section 6.5",
        "valid": [_valid(rows) for rows in valid],
        "refused": _refused(rng, committees, valid),
    }


def text() -> str:
    """Lay the file out."""
    return json.dumps(build(), indent=1) + "\n"


def _deal(rng: random.Random, threshold: int, participants: int) -> Committee:
    secret, *coefficients = (random_scalar(rng.randbytes) for _ in range(threshold))
    return Committee(secret, deal(secret=secret, coefficients=coefficients, participants=participants))


def _sign(rng: random.Random, committee: Committee) -> Row:
    message = rng.randbytes(32)
    commitments, shares = sign_together(committee.dealing, message, _signers(rng, committee), rng.randbytes)
    signature = aggregate(committee.dealing.public_key_package, message, commitments, shares)
    return _row(committee, message, signature.group_commitment, signature.z)


def _signers(rng: random.Random, committee: Committee) -> list[int]:
    public = committee.dealing.public_key_package
    return sorted(rng.sample(range(1, public.participants + 1), public.threshold))


def _row(committee: Committee, message: bytes, commitment: Element, z: int) -> Row:
    px, py = committee.key.coordinates()
    rx, ry = commitment.coordinates()
    return Row(px, py, int.from_bytes(message), rx, ry, z)


def _valid(rows: list[Row]) -> ValidRows:
    return {"key": _hex(rows[0].px, rows[0].py), "rows": [_hex(r.message, r.rx, r.ry, r.z) for r in rows]}


def _refused(rng: random.Random, committees: list[Committee], valid: list[list[Row]]) -> list[RefusedRows]:
    """Spoil a signature of each pair of parities in every way."""
    forms: dict[str, list[str]] = {}
    for parities in ((0, 0), (0, 1), (1, 0), (1, 1)):
        index, good, sibling = _choose(valid, parities)
        stranger = valid[index - 1][0]
        for why, row in (
            *_wrong_scalars(good, sibling),
            *_wrong_commitments(good, sibling),
            *_wrong_keys(good, stranger),
            *_wrong_messages(good, sibling, stranger),
            *_wrong_challenges(rng, committees[index]),
            ("a share is missing", _sign_without_one(rng, committees[index])),
        ):
            forms.setdefault(why, []).append(_hex(*astuple(row)))
    return [{"why": why, "rows": rows} for why, rows in forms.items()]


def _choose(valid: list[list[Row]], parities: tuple[int, int]) -> tuple[int, Row, Row]:
    """Find the first signature of these parities, with its committee's index and that committee's next signature."""
    for index, rows in enumerate(valid):
        for good, sibling in pairwise(rows):
            if good.parities == parities:
                return index, good, sibling
    raise AssertionError("twenty keys have both parities")


def _wrong_scalars(good: Row, sibling: Row) -> Iterator[tuple[str, Row]]:
    yield "z = 0", replace(good, z=0)
    yield "z + 1", replace(good, z=(good.z + 1) % ORDER)
    yield "z negated", replace(good, z=ORDER - good.z)
    yield "z >= n: the order itself", replace(good, z=ORDER)
    yield "z >= n: the order and one", replace(good, z=ORDER + 1)
    yield "z >= n: the largest word", replace(good, z=WORD_MAX)
    yield "z of another signature", replace(good, z=sibling.z)


def _wrong_commitments(good: Row, sibling: Row) -> Iterator[tuple[str, Row]]:
    yield "R is zero", replace(good, rx=0, ry=0)
    yield "Rx = 0", replace(good, rx=0)
    yield "Ry = 0", replace(good, ry=0)
    yield "R negated", replace(good, ry=FIELD - good.ry)
    yield "R and z negated", replace(good, ry=FIELD - good.ry, z=ORDER - good.z)
    yield "R swapped", replace(good, rx=good.ry, ry=good.rx)
    yield "R off the curve, of the other parity", replace(good, ry=good.ry ^ 1)
    yield "R off the curve, of the same parity", replace(good, ry=good.ry ^ 2)
    yield "R off the curve: no point has this x", replace(good, rx=_without_point(good.rx))
    yield "Rx >= p: the prime itself", replace(good, rx=FIELD)
    x, y = _point_from(1, FIELD)
    yield "Rx >= p: a point's, the prime added", replace(good, rx=FIELD + x, ry=y)
    yield "Ry >= p: the prime itself", replace(good, ry=FIELD)
    yield "Ry >= p: the largest word", replace(good, ry=WORD_MAX)
    yield "R is the key", replace(good, rx=good.px, ry=good.py)
    yield "R of another signature", replace(good, rx=sibling.rx, ry=sibling.ry)


def _wrong_keys(good: Row, stranger: Row) -> Iterator[tuple[str, Row]]:
    yield "P is zero", replace(good, px=0, py=0)
    yield "Px = 0", replace(good, px=0)
    yield "Py = 0", replace(good, py=0)
    yield "P negated", replace(good, py=FIELD - good.py)
    yield "P swapped", replace(good, px=good.py, py=good.px)
    yield "P off the curve, of the other parity", replace(good, py=good.py ^ 1)
    yield "P off the curve, of the same parity: the equation holds", replace(good, py=good.py ^ 2)
    yield "P off the curve: no point has this x", replace(good, px=_without_point(good.px))
    yield "Px >= n: the order itself", replace(good, px=ORDER)
    x, y = _point_from(ORDER, FIELD)
    yield "Px >= n: on the curve", replace(good, px=x, py=y)
    yield "Px >= p: the prime itself", replace(good, px=FIELD)
    yield "Py >= p: the prime itself", replace(good, py=FIELD)
    yield "key of another committee", replace(good, px=stranger.px, py=stranger.py)


def _wrong_messages(good: Row, sibling: Row, stranger: Row) -> Iterator[tuple[str, Row]]:
    yield "another message", replace(good, message=sibling.message)
    yield "another message, of another committee", replace(good, message=stranger.message)
    yield "message 0", replace(good, message=0)
    yield "message hashed once more", replace(good, message=int.from_bytes(keccak(good.message.to_bytes(32))))
    yield "all words 0", Row(0, 0, 0, 0, 0, 0)
    yield "all words the largest", Row(*[WORD_MAX] * 6)


def _wrong_challenges(rng: random.Random, committee: Committee) -> Iterator[tuple[str, Row]]:
    """Sign with the whole secret, so that only the challenge is not the suite's."""
    message = rng.randbytes(32)
    nonce = random_scalar(rng.randbytes)
    commitment = multiply_base(nonce)
    r, key = commitment.to_bytes(), committee.key.to_bytes()
    for why, c in (
        ("challenge 0", 0),
        ("challenge without the key", h2(r + message)),
        ("challenge without R", h2(key + message)),
        ("challenge with key and R exchanged", h2(key + r + message)),
        ("challenge with the tag of H1", h1(r + key + message)),
        ("challenge by keccak256", reduce_scalar(keccak(r + key + message))),
        ("challenge of an empty message", challenge(commitment, committee.key, b"")),
        ("challenge negated", ORDER - challenge(commitment, committee.key, message)),
    ):
        yield why, _row(committee, message, commitment, (nonce + c * committee.secret) % ORDER)


def _sign_without_one(rng: random.Random, committee: Committee) -> Row:
    """Leave one share out of the sum: fewer than the threshold sign nothing."""
    message = rng.randbytes(32)
    commitments, shares = sign_together(committee.dealing, message, _signers(rng, committee), rng.randbytes)
    signature = aggregate(committee.dealing.public_key_package, message, commitments, shares)
    left_out = shares[commitments[0].identifier]
    return _row(committee, message, signature.group_commitment, (signature.z - left_out.scalar) % ORDER)


def _point_from(start: int, end: int) -> tuple[int, int]:
    """Find the first point whose x is in the range."""
    for x in range(start, end):
        try:
            return Element.from_bytes(b"\x02" + x.to_bytes(32)).coordinates()
        except EncodingError:
            continue
    raise AssertionError("every second x has a point")


def _without_point(x: int) -> int:
    """Find the first x from here that no point has (Euler's criterion)."""
    while pow(x**3 + 7, (FIELD - 1) // 2, FIELD) == 1:
        x += 1
    return x


def _hex(*words: int) -> str:
    return "0x" + "".join(f"{word:064x}" for word in words)


if __name__ == "__main__":
    PATH.write_text(text())
