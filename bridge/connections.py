"""Channels to notaries and institutions, as a configuration describes them: for composition roots and commands."""

from contextlib import AsyncExitStack
from pathlib import Path

import grpc

from bridge.adapters.grpc.channel import connect
from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.grpc.committee import GrpcCommittee
from bridge.adapters.grpc.lifecycle import GrpcCorrespondent
from bridge.adapters.grpc.tls import TlsFiles, TlsSource
from bridge.committee.identity import Identity, IdentityCard
from bridge.config import CommitteeConfig, MemberConfig, TlsConfig, read_secret
from bridge.core.peers import Peer, Role
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, InvalidInputError
from bridge.frost import ParticipantId
from bridge.relayer_config import InstitutionConfig


def tls_source(config: TlsConfig | None) -> TlsSource | None:
    """Read this process's certificate; it follows its files.

    Raises:
        ConfigError: it can't be used.
    """
    if config is None:
        return None
    return TlsSource(TlsFiles(ca=config.ca_file, certificate=config.certificate_file, key=config.key_file))


class Lines:
    """One channel to each address, opened when it is first needed and closed together."""

    def __init__(self, tls: TlsSource | None) -> None:
        """Connect as *tls* says; without it in plaintext, within this machine."""
        self._tls = tls
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Give every connection back."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    def channel(self, member: MemberConfig) -> grpc.aio.Channel:
        """Give the channel to a committee's member.

        Raises:
            ConfigError: it has no name for TLS, or is not on loopback without.
        """
        key = (member.address, member.name)
        if key not in self._channels:
            self._channels[key] = connect(member.address, tls=self._tls, expected=self._expected(member))
        return self._channels[key]

    def notary(self, member: MemberConfig, epoch: Epoch) -> GrpcNotary:
        """Give a committee's member as a coordinator sees it."""
        return GrpcNotary(ParticipantId(member.id), member.address, epoch, self.channel(member))

    def notaries(self, committee: CommitteeConfig) -> list[GrpcNotary]:
        """Give all members of a committee."""
        return [self.notary(member, Epoch(committee.epoch)) for member in committee.members]

    def committee(self, member: MemberConfig) -> GrpcCommittee:
        """Give a member as other notaries see it."""
        return GrpcCommittee(f"notary {member.id} at {member.address}", self.channel(member))

    def institution(self, peer: InstitutionConfig) -> GrpcCorrespondent:
        """Give the relayer that takes an institution's lifecycle data."""
        key = (peer.address, peer.name)
        if key not in self._channels:
            expected = None if self._tls is None else Peer(role=Role.RELAYER, instance=peer.name)
            self._channels[key] = connect(peer.address, tls=self._tls, expected=expected)
        return GrpcCorrespondent(f"relayer {peer.name} at {peer.address}", self._channels[key])

    def _expected(self, member: MemberConfig) -> Peer | None:
        if self._tls is None:
            return None
        if not member.name:
            problem = f"notary {member.id} has no name in its committee document: TLS can't tell who answers"
            raise ConfigError((problem,))
        return Peer(role=Role.NOTARY, instance=member.name)


async def lines(resources: AsyncExitStack, config: TlsConfig | None) -> Lines:
    """Open lines that close with *resources*."""
    opened = Lines(tls_source(config))
    resources.push_async_callback(opened.close)
    return opened


def cards(committee: CommitteeConfig) -> dict[ParticipantId, IdentityCard]:
    """Give the members' identity cards; of a dealt committee, which has none, nothing."""
    return {ParticipantId(m.id): IdentityCard.from_hex(m.identity) for m in committee.members if m.identity}


def read_identity(path: Path) -> Identity:
    """Read an institution's identity, as `naru lifecycle identity` writes it.

    Raises:
        ConfigError: it can't be read, others may read it too, or it is none.
    """
    try:
        return Identity.from_bytes(bytes.fromhex(read_secret(path)))
    except (ValueError, InvalidInputError):
        problem = f"{path} holds no identity: restore it, or make one with `naru lifecycle identity`"
        raise ConfigError((problem,)) from None
