"""The options that say which tokens a network issues, and what the supervisor is told."""

from pathlib import Path
from typing import Annotated, Final

import typer

from bridge.devnet.kinds import TokenKind
from bridge.errors import ConfigError, InvalidInputError

NODE_MODULES: Final = Path("contracts/evm/node_modules")
TokenOption = Annotated[
    TokenKind, typer.Option("--token", help="sample, or trex: the real ERC-3643 suite, which comes by Node.js.")
]
TrexOption = Annotated[
    Path | None,
    typer.Option("--trex-artifacts", help=f"node_modules that holds T-REX; else {NODE_MODULES} below here."),
]


def token_arguments(token: TokenKind, trex: Path | None) -> list[str]:
    """Turn the options into the supervisor's arguments.

    Raises:
        InvalidInputError: T-REX is wanted, and not installed; or an option has no meaning.
    """
    if token is TokenKind.SAMPLE:
        if trex is not None:
            raise InvalidInputError("--trex-artifacts goes with --token trex: name the token too")
        return []
    from bridge.devnet.trex.artifacts import TrexArtifacts  # noqa: PLC0415 - start-up time

    folder = trex or NODE_MODULES
    try:
        TrexArtifacts(folder)
    except ConfigError as error:
        msg = f"--token trex needs Node.js and npm, once: {error}; or name another node_modules by --trex-artifacts"
        raise InvalidInputError(msg) from error
    return ["--token", token, "--trex-artifacts", str(folder.resolve())]
