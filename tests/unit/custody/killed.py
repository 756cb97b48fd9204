"""A process that is killed (SIGKILL) before or after its first call of one function of os, while it seals or reseals.

python -m tests.unit.custody.killed seal|reseal PATH before|after FUNCTION
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bridge.adapters.keystore.file import reseal, seal
from bridge.adapters.keystore.passphrase import PassphraseKey
from tests.unit.custody.support import KEK, PURPOSE, SECRET

NEW_KEK = PassphraseKey(b"another horse and another staple", development=True)


def deadly(function: Callable[..., object], when: str) -> Callable[..., object]:
    def call(*arguments: object, **named: object) -> object:
        if when == "after":
            function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return call


if __name__ == "__main__":
    action, name, moment, victim = sys.argv[1:]
    path = Path(name)
    setattr(os, victim, deadly(getattr(os, victim), moment))
    if action == "seal":
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    else:
        reseal(path, purpose=PURPOSE, kek=KEK, new_kek=NEW_KEK)
