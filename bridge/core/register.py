"""What an asset's register signs for a gateway (R-11): what is issued on its ledger. Twin of CommitteeLib.sol."""

from dataclasses import dataclass
from typing import Final

from bridge.core.caip import AssetId, EndpointId, word
from bridge.core.keccak import keccak
from bridge.core.transfer import U64_MAX
from bridge.errors import InvalidInputError

ISSUE_TYPE: Final = "Issue(bytes32 endpoint,bytes32 asset,uint64 number,uint256 issued)"
ISSUED_MAX: Final = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What is issued of *asset* on *endpoint*'s ledger, in smallest units; *number* counts the entries from 1.

    Signed by the asset's register key (65 bytes r ‖ s ‖ v) in the gateway's domain, `statements.domain_separator`;
    posted by anyone: before units are issued, after they are redeemed.

    Raises:
        InvalidInputError: the number is not a u64 above zero, or the sum not a u256.
    """

    endpoint: EndpointId
    asset: AssetId
    number: int
    issued: int

    def __post_init__(self) -> None:
        """Refuse what no gateway would take."""
        if not 0 < self.number <= U64_MAX or not 0 <= self.issued <= ISSUED_MAX:
            msg = f"entry {self.number} of {self.issued} units is out of range: entries are numbered from 1"
            raise InvalidInputError(msg)

    @property
    def struct_hash(self) -> bytes:
        """EIP-712 hashStruct."""
        words = (word(self.endpoint), word(self.asset), self.number.to_bytes(32), self.issued.to_bytes(32))
        return keccak(keccak(ISSUE_TYPE.encode()) + b"".join(words))
