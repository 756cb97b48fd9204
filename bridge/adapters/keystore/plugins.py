"""Key-encryption keys of other packages, a KMS say: entry points of the group `naru.key_encryption`.

An entry point's name is the `kind` that a configuration gives; it leads to a callable that takes the configuration's
`parameters` (texts by name) and gives a KeyEncryption. A plug-in runs in the signer and sees data keys: install only
one that you would trust with the share.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from bridge.errors import BridgeError, ConfigError
from bridge.ports.custody import KeyEncryption

GROUP: Final = "naru.key_encryption"
_METHODS: Final = ("wrap", "unwrap")


def plugin(kind: str, parameters: Mapping[str, str]) -> KeyEncryption:
    """Make the KEK of the plug-in called *kind*.

    Raises:
        ConfigError: none is installed, two are, it does not load, or what it makes is no KeyEncryption.
        UnavailableError: the plug-in says that its KMS does not answer.
    """
    entry = _only(kind)
    try:
        make = cast("Callable[[Mapping[str, str]], object]", entry.load())
        made = make(parameters)
    except BridgeError:
        raise
    except Exception as error:  # a plug-in may raise anything
        problem = f"the plug-in {_origin(entry)} fails ({type(error).__name__}: {error}): mend it, or its parameters"
        raise ConfigError((problem,)) from error
    if not isinstance(getattr(made, "name", None), str) or not all(callable(getattr(made, m, None)) for m in _METHODS):
        raise ConfigError((f"the plug-in {_origin(entry)} gives no KeyEncryption: it needs name, wrap and unwrap",))
    return cast("KeyEncryption", made)


def _only(kind: str) -> EntryPoint:
    every = entry_points(group=GROUP)
    found = [entry for entry in every if entry.name == kind]
    if not found:
        known = ", ".join(sorted({"passphrase", "pkcs11", *(entry.name for entry in every)}))
        text = f"no key-encryption key of kind {kind!r} is installed (there are: {known}): name one, or install it"
        raise ConfigError((text,))
    if len(found) > 1:
        packages = ", ".join(sorted(_origin(entry) for entry in found))
        raise ConfigError((f"{len(found)} plug-ins are called {kind!r} ({packages}): uninstall all but one",))
    return found[0]


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else "?"
    return f"{package}:{entry.name}"
