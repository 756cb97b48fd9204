"""The committees that a relayer can ask, by epoch: the configured one, and those whose documents come later (R-40)."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog

from bridge.committee.session import SigningDesk
from bridge.config import CommitteeConfig, load
from bridge.core.statements import Epoch
from bridge.errors import BridgeError, ConfigError

DOCUMENT: Final = "epoch-{}.toml"
log = structlog.get_logger()


class Desks(Mapping[Epoch, SigningDesk]):
    """A desk for each epoch that is known; another one is looked for in the folder whenever it is asked for."""

    def __init__(
        self, first: CommitteeConfig, folder: Path | None, open_desk: Callable[[CommitteeConfig], SigningDesk]
    ) -> None:
        """Begin with *first*; documents of others appear in *folder* as `epoch-<n>.toml`."""
        self._folder = folder
        self._open = open_desk
        self._desks = {Epoch(first.epoch): open_desk(first)}
        self._told: dict[Epoch, str] = {}

    def __getitem__(self, epoch: Epoch) -> SigningDesk:
        if epoch not in self._desks:
            self._look(epoch)
        return self._desks[epoch]

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self._desks)

    def __len__(self) -> int:
        return len(self._desks)

    async def close(self) -> None:
        """Forget every request that has no answer yet."""
        for desk in self._desks.values():
            await desk.close()

    def _look(self, epoch: Epoch) -> None:
        path = None if self._folder is None else self._folder / DOCUMENT.format(epoch)
        if path is None or not path.exists():
            return
        try:
            committee = load(path, CommitteeConfig)
            if committee.epoch != epoch:
                raise ConfigError((f"{path} is of epoch {committee.epoch}",))
            self._desks[epoch] = self._open(committee)
        except BridgeError as error:
            if self._told.get(epoch) != str(error):
                self._told[epoch] = str(error)
                log.error("committee.unusable", epoch=epoch, error=str(error))  # noqa: TRY400 - no such key
        else:
            log.info("committee.found", epoch=epoch)
