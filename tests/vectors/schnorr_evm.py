"""Writes schnorr_evm.json: signatures that pytest and forge both check. Run as a module to write it anew."""

import json
import random
from pathlib import Path
from typing import TypedDict

from bridge.frost import ORDER, Dealing, Element, EncodingError, aggregate, deal_at_random
from bridge.frost.group import FIELD
from tests.unit.frost.support import sign_together

PATH = Path(__file__).with_name("schnorr_evm.json")
SEED = 9591
COMMITTEES = ((2, 3), (3, 5), (5, 7), (2, 2), (4, 6))
VALID_COUNT = 100


class Row(TypedDict):
    """One signature with key and message, each a word of 32 bytes in hexadecimal."""

    px: str
    py: str
    message: str
    rx: str
    ry: str
    z: str


class RefusedRow(Row):
    """A row that no verifier may accept, and the reason."""

    why: str


class Vectors(TypedDict):
    """The whole file."""

    source: str
    valid: list[Row]
    refused: list[RefusedRow]


def build() -> Vectors:
    """Make all vectors from one seed."""
    rng = random.Random(SEED)
    dealings = [deal_at_random(entropy=rng.randbytes, threshold=t, participants=n) for t, n in COMMITTEES]
    valid = [_sign(rng, dealings[i % len(dealings)]) for i in range(VALID_COUNT)]
    return {
        "source": "made by tests/vectors/schnorr_evm.py; suite of RFC 9591, section 6.5",
        "valid": valid,
        "refused": [row for i in range(0, 20, 4) for row in _refused(valid[i], valid[i + 1])],
    }


def text() -> str:
    """Lay the file out."""
    return json.dumps(build(), indent=1) + "\n"


def _sign(rng: random.Random, dealing: Dealing) -> Row:
    public = dealing.public_key_package
    message = rng.randbytes(32)
    signers = sorted(rng.sample(range(1, public.participants + 1), public.threshold))
    commitments, shares = sign_together(dealing, message, signers, rng.randbytes)
    signature = aggregate(public, message, commitments, shares)
    px, py = public.group_public_key.coordinates()
    rx, ry = signature.group_commitment.coordinates()
    return {
        "px": _word(px),
        "py": _word(py),
        "message": "0x" + message.hex(),
        "rx": _word(rx),
        "ry": _word(ry),
        "z": _word(signature.z),
    }


def _refused(good: Row, other: Row) -> list[RefusedRow]:
    """Spoil one valid row in every way; `other` is of another committee."""
    py, ry, z, message = (int(good[k], 16) for k in ("py", "ry", "z", "message"))
    big_x, big_y = _point_above_order()
    return [
        {**good, "why": "wrong message", "message": _word(message ^ 1)},
        {**good, "why": "z + 1", "z": _word((z + 1) % ORDER)},
        {**good, "why": "z = 0", "z": _word(0)},
        {**good, "why": "z negated", "z": _word(ORDER - z)},
        {**good, "why": "z >= n: the order itself", "z": _word(ORDER)},
        {**good, "why": "z >= n: the largest word", "z": _word(2**256 - 1)},
        {**good, "why": "negated Ry", "ry": _word(FIELD - ry)},
        {**good, "why": "R off the curve", "ry": _word(ry ^ 1)},
        {**good, "why": "R is zero", "rx": _word(0), "ry": _word(0)},
        {**good, "why": "Rx >= p", "rx": _word(FIELD)},
        {**good, "why": "Ry >= p", "ry": _word(FIELD)},
        {**good, "why": "R of another signature", "rx": other["rx"], "ry": other["ry"]},
        {**good, "why": "negated Py", "py": _word(FIELD - py)},
        {**good, "why": "P off the curve", "py": _word(py ^ 1)},
        {**good, "why": "P is zero", "px": _word(0), "py": _word(0)},
        {**good, "why": "Px >= n, on the curve", "px": _word(big_x), "py": _word(big_y)},
        {**good, "why": "Px >= p", "px": _word(FIELD)},
        {**good, "why": "key of another epoch", "px": other["px"], "py": other["py"]},
    ]


def _point_above_order() -> tuple[int, int]:
    """Find the first point whose x is not below the group order, though below the field's prime."""
    for x in range(ORDER, FIELD):
        try:
            return Element.from_bytes(b"\x02" + x.to_bytes(32, "big")).coordinates()
        except EncodingError:
            continue
    msg = "there are 2^127 such points"
    raise AssertionError(msg)


def _word(value: int) -> str:
    return f"0x{value:064x}"


if __name__ == "__main__":
    PATH.write_text(text())
