"""expand_message_xmd against the vectors of RFC 9380, appendix K.1, and the tags of H1 to H5."""

from hashlib import sha256

import pytest

from bridge.frost.group import ORDER, Scalar, multiply_base
from bridge.frost.hashing import CONTEXT, challenge, expand_message_xmd, h1, h2, h3, h4, h5

RFC9380_TAG = b"QUUX-V01-CS02-with-expander-SHA256-128"


@pytest.mark.parametrize(
    ("message", "length", "expanded"),
    [
        (b"", 32, "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"),
        (b"abc", 32, "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"),
        (
            b"",
            128,
            (
                "af84c27ccfd45d41914fdff5df25293e221afc53d8ad2ac06d5e3e29485dadbe"
                "e0d121587713a3e0dd4d5e69e93eb7cd4f5df4cd103e188cf60cb02edc3edf18"
                "eda8576c412b18ffb658e3dd6ec849469b979d444cf7b26911a08e63cf31f9dc"
                "c541708d3491184472c2c29bb749d4286b004ceb5ee6b9a7fa5b646c993f0ced"
            ),
        ),
    ],
)
def test_expansion_gives_the_figures_of_rfc_9380(message: bytes, length: int, expanded: str) -> None:
    assert expand_message_xmd(message, RFC9380_TAG, length).hex() == expanded


def test_each_hash_has_its_own_tag() -> None:
    assert len({h(b"same") for h in (h1, h2, h3)}) == 3
    assert h4(b"m") == sha256(CONTEXT + b"msg" + b"m").digest()
    assert h5(b"m") == sha256(CONTEXT + b"com" + b"m").digest()


def test_the_challenge_hashes_commitment_key_and_message_in_this_order() -> None:
    r, key = multiply_base(Scalar(2)), multiply_base(Scalar(3))
    assert challenge(r, key, b"m") == h2(r.to_bytes() + key.to_bytes() + b"m")
    assert 0 < challenge(r, key, b"m") < ORDER
