"""FROST(secp256k1, SHA-256) a second time: the pseudocode of RFC 9591 on plain integers, for tests only.

It shares nothing with bridge.frost: own curve, own hashes, no libsecp256k1. Names are the RFC's. It is neither
constant time nor fast, and must never hold a real secret. A point is (x, y), the identity None.
"""

import hashlib
from typing import TypeAlias

# --- secp256k1 (SEC 2, section 2.4.1)

P = 2**256 - 2**32 - 977
Q = 115792089237316195423570985008687907852837564279074904382605163141518161494337
G = (
    55066263022277343669578718895168534326250603453777594175500187360389116729240,
    32670510020758816978083085130507043184471273380659243275938904335757337482424,
)

Point: TypeAlias = tuple[int, int] | None
Jacobian: TypeAlias = tuple[int, int, int]
"""x = X / Z^2, y = Y / Z^3; Z = 0 is the identity. Saves an inversion at each step."""

ZERO: Jacobian = (1, 1, 0)


def double(p: Jacobian) -> Jacobian:
    x, y, z = p
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * x * x
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def add(p: Jacobian, q: Jacobian) -> Jacobian:
    if p[2] == 0:
        return q
    if q[2] == 0:
        return p
    (x1, y1, z1), (x2, y2, z2) = p, q
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    if u1 == u2:
        return double(p) if s1 == s2 else ZERO
    h, r = u2 - u1, s2 - s1
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P


def jacobian(p: Point) -> Jacobian:
    return ZERO if p is None else (*p, 1)


def affine(p: Jacobian) -> Point:
    x, y, z = p
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse * inverse * inverse % P


def multiples(p: Jacobian) -> list[Jacobian]:
    """Give 0 p, 1 p, … 15 p, what four bits of a scalar can ask for."""
    result = [ZERO]
    for _ in range(15):
        result.append(add(result[-1], p))
    return result


def scalar_mult(k: int, p: Point) -> Point:
    """Multiply from the highest four bits down."""
    of_p, result = multiples(jacobian(p)), ZERO
    for at in range(252, -4, -4):
        result = add(double(double(double(double(result)))), of_p[k >> at & 15])
    return affine(result)


def _multiples_of_base() -> list[list[Jacobian]]:
    base, tables = jacobian(G), []
    for _ in range(64):
        tables.append(multiples(base))
        base = add(tables[-1][15], base)
    return tables


MULTIPLES_OF_BASE = _multiples_of_base()
"""The multiples of 16^0 G, 16^1 G, … 16^63 G."""


def scalar_base_mult(k: int) -> Point:
    result = ZERO
    for digit, table in enumerate(MULTIPLES_OF_BASE):
        result = add(result, table[k >> 4 * digit & 15])
    return affine(result)


def sum_points(*points: Point) -> Point:
    result = ZERO
    for point in points:
        result = add(result, jacobian(point))
    return affine(result)


def serialize_element(p: Point) -> bytes:
    if p is None:
        raise ValueError("the identity has no encoding")
    x, y = p
    return bytes([2 + y % 2]) + x.to_bytes(32, "big")


def deserialize_element(data: bytes) -> Point:
    x = int.from_bytes(data[1:], "big")
    if len(data) != 33 or data[0] not in {2, 3} or x >= P:
        raise ValueError("not an element")
    square = (x**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise ValueError("off the curve")
    return x, y if y % 2 == data[0] % 2 else P - y


def serialize_scalar(k: int) -> bytes:
    return k.to_bytes(32, "big")


# --- hash functions (RFC 9591, section 6.5; RFC 9380, sections 5.2 and 5.3.1)

CONTEXT_STRING = b"FROST-secp256k1-SHA256-v1"


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def expand_message_xmd(msg: bytes, dst: bytes, len_in_bytes: int) -> bytes:
    ell = (len_in_bytes + 31) // 32
    dst_prime = dst + len(dst).to_bytes(1, "big")
    z_pad, l_i_b_str = bytes(64), len_in_bytes.to_bytes(2, "big")
    b_0 = sha256(z_pad, msg, l_i_b_str, b"\x00", dst_prime)
    b = [sha256(b_0, b"\x01", dst_prime)]
    for i in range(2, ell + 1):
        xor = int.from_bytes(b_0, "big") ^ int.from_bytes(b[-1], "big")
        b.append(sha256(xor.to_bytes(32, "big"), i.to_bytes(1, "big"), dst_prime))
    return b"".join(b)[:len_in_bytes]


def hash_to_field(msg: bytes, tag: bytes) -> int:
    return int.from_bytes(expand_message_xmd(msg, CONTEXT_STRING + tag, 48), "big") % Q


def h1(m: bytes) -> int:
    return hash_to_field(m, b"rho")


def h2(m: bytes) -> int:
    return hash_to_field(m, b"chal")


def h3(m: bytes) -> int:
    return hash_to_field(m, b"nonce")


def h4(m: bytes) -> bytes:
    return sha256(CONTEXT_STRING, b"msg", m)


def h5(m: bytes) -> bytes:
    return sha256(CONTEXT_STRING, b"com", m)


# --- helpers (RFC 9591, section 4)

Commitment: TypeAlias = tuple[int, Point, Point]
"""(identifier, hiding_nonce_commitment, binding_nonce_commitment)"""


def nonce_generate(secret: int, random_bytes: bytes) -> int:
    return h3(random_bytes + serialize_scalar(secret))


def derive_interpolating_value(x_list: list[int], x_i: int) -> int:
    if x_i not in x_list or len(set(x_list)) != len(x_list):
        raise ValueError("invalid parameters")
    numerator, denominator = 1, 1
    for x_j in x_list:
        if x_j != x_i:
            numerator *= x_j
            denominator *= x_j - x_i
    return numerator * pow(denominator, -1, Q) % Q


def encode_group_commitment_list(commitment_list: list[Commitment]) -> bytes:
    encoded = b""
    for identifier, hiding, binding in commitment_list:
        encoded += serialize_scalar(identifier) + serialize_element(hiding) + serialize_element(binding)
    return encoded


def participants_from_commitment_list(commitment_list: list[Commitment]) -> list[int]:
    return [identifier for identifier, _, _ in commitment_list]


def compute_binding_factors(group_public_key: Point, commitment_list: list[Commitment], msg: bytes) -> dict[int, int]:
    group_public_key_enc = serialize_element(group_public_key)
    msg_hash = h4(msg)
    encoded_commitment_hash = h5(encode_group_commitment_list(commitment_list))
    rho_input_prefix = group_public_key_enc + msg_hash + encoded_commitment_hash
    return {
        identifier: h1(rho_input_prefix + serialize_scalar(identifier))
        for identifier in participants_from_commitment_list(commitment_list)
    }


def compute_group_commitment(commitment_list: list[Commitment], binding_factor_list: dict[int, int]) -> Point:
    group_commitment = None
    for identifier, hiding, binding in commitment_list:
        binding_nonce = scalar_mult(binding_factor_list[identifier], binding)
        group_commitment = sum_points(group_commitment, hiding, binding_nonce)
    return group_commitment


def compute_challenge(group_commitment: Point, group_public_key: Point, msg: bytes) -> int:
    return h2(serialize_element(group_commitment) + serialize_element(group_public_key) + msg)


# --- the protocol (RFC 9591, section 5)


def commit(sk_i: int, randomness: tuple[bytes, bytes]) -> tuple[tuple[int, int], tuple[Point, Point]]:
    hiding_nonce = nonce_generate(sk_i, randomness[0])
    binding_nonce = nonce_generate(sk_i, randomness[1])
    return (hiding_nonce, binding_nonce), (scalar_base_mult(hiding_nonce), scalar_base_mult(binding_nonce))


def sign(
    identifier: int,
    sk_i: int,
    group_public_key: Point,
    nonce_i: tuple[int, int],
    msg: bytes,
    commitment_list: list[Commitment],
) -> int:
    binding_factor_list = compute_binding_factors(group_public_key, commitment_list, msg)
    binding_factor = binding_factor_list[identifier]
    group_commitment = compute_group_commitment(commitment_list, binding_factor_list)
    participant_list = participants_from_commitment_list(commitment_list)
    lambda_i = derive_interpolating_value(participant_list, identifier)
    challenge = compute_challenge(group_commitment, group_public_key, msg)
    hiding_nonce, binding_nonce = nonce_i
    return (hiding_nonce + binding_nonce * binding_factor + lambda_i * sk_i * challenge) % Q


def aggregate(
    commitment_list: list[Commitment], msg: bytes, group_public_key: Point, sig_shares: list[int]
) -> tuple[Point, int]:
    binding_factor_list = compute_binding_factors(group_public_key, commitment_list, msg)
    group_commitment = compute_group_commitment(commitment_list, binding_factor_list)
    z = 0
    for z_i in sig_shares:
        z = (z + z_i) % Q
    return group_commitment, z


def verify_signature_share(
    identifier: int,
    pk_i: Point,
    sig_share_i: int,
    commitment_list: list[Commitment],
    group_public_key: Point,
    msg: bytes,
) -> bool:
    binding_factor_list = compute_binding_factors(group_public_key, commitment_list, msg)
    group_commitment = compute_group_commitment(commitment_list, binding_factor_list)
    (_, hiding, binding) = next(entry for entry in commitment_list if entry[0] == identifier)
    comm_share = sum_points(hiding, scalar_mult(binding_factor_list[identifier], binding))
    challenge = compute_challenge(group_commitment, group_public_key, msg)
    lambda_i = derive_interpolating_value(participants_from_commitment_list(commitment_list), identifier)
    return scalar_base_mult(sig_share_i) == sum_points(comm_share, scalar_mult(challenge * lambda_i % Q, pk_i))


# --- appendix B: verification; appendix C: the dealer


def prime_order_verify(msg: bytes, sig: tuple[Point, int], pk: Point) -> bool:
    r, z = sig
    challenge = compute_challenge(r, pk, msg)
    return scalar_base_mult(z) == sum_points(r, scalar_mult(challenge, pk))


def serialize_signature(sig: tuple[Point, int]) -> bytes:
    r, z = sig
    return serialize_element(r) + serialize_scalar(z)


def polynomial_evaluate(x: int, coeffs: list[int]) -> int:
    value = 0
    for coeff in reversed(coeffs):
        value = (value * x + coeff) % Q
    return value


def trusted_dealer_keygen(
    secret_key: int, coefficients: list[int], max_participants: int
) -> tuple[dict[int, int], Point, list[Point]]:
    """Give the participants' private keys, the group's public key and the dealer's commitment."""
    polynomial = [secret_key, *coefficients]
    private_keys = {i: polynomial_evaluate(i, polynomial) for i in range(1, max_participants + 1)}
    vss_commitment = [scalar_base_mult(coeff) for coeff in polynomial]
    return private_keys, vss_commitment[0], vss_commitment


def derive_public_point(i: int, vss_commitment: list[Point]) -> Point:
    """Give participant i's public key (the loop of derive_group_info)."""
    result, power = None, 1
    for element in vss_commitment:
        result = sum_points(result, scalar_mult(power, element))
        power = power * i % Q
    return result
