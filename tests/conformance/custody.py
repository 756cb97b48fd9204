"""What every key-encryption key must do (bridge/ports/custody.py). Subclass for a KMS or token of your own."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from bridge.errors import ConfigError
from bridge.ports.custody import KeyEncryption, WrappedKey

KEY = bytes(range(100, 132))
CONTEXT = b'{"purpose":"conformance"}'


class KeyEncryptionContract(ABC):
    @abstractmethod
    def fresh(self) -> KeyEncryption:
        """Give the same key each time, as a process does that starts again."""

    @abstractmethod
    def other(self) -> KeyEncryption:
        """Give another key."""

    def test_a_key_comes_back_after_a_restart(self) -> None:
        wrapped = self.fresh().wrap(KEY, CONTEXT)

        assert self.fresh().unwrap(wrapped, CONTEXT) == KEY

    def test_its_parameters_survive_a_file(self) -> None:
        kek = self.fresh()
        parameters = json.loads(json.dumps(dict(kek.wrap(KEY, CONTEXT).parameters)))

        assert kek.unwrap(WrappedKey(parameters=parameters), CONTEXT) == KEY

    def test_its_name_is_a_line_of_ascii_and_stays(self) -> None:
        name = self.fresh().name

        assert name == self.fresh().name
        assert name
        assert name.isascii()
        assert name.isprintable()

    def test_its_parameters_are_short_ascii_and_do_not_hold_the_key(self) -> None:
        wrapped = self.fresh().wrap(KEY, CONTEXT)

        for text in [*wrapped.parameters, *wrapped.parameters.values()]:
            assert text.isascii()
            assert len(text) < 1_000
            assert KEY.hex() not in text
        assert KEY.hex() not in repr(wrapped)

    @pytest.mark.parametrize("context", [b"", CONTEXT + b" ", CONTEXT[:-1]])
    def test_another_context_opens_nothing(self, context: bytes) -> None:
        kek = self.fresh()
        wrapped = kek.wrap(KEY, CONTEXT)

        with pytest.raises(ConfigError):
            kek.unwrap(wrapped, context)

    def test_another_key_opens_nothing(self) -> None:
        wrapped = self.fresh().wrap(KEY, CONTEXT)

        with pytest.raises(ConfigError) as refused:
            self.other().unwrap(wrapped, CONTEXT)
        assert KEY.hex() not in str(refused.value)

    def test_any_changed_parameter_opens_nothing(self) -> None:
        kek = self.fresh()
        parameters = kek.wrap(KEY, CONTEXT).parameters
        changed = [
            {**parameters, name: text[:at] + _other(text[at]) + text[at + 1 :]}
            for name, text in parameters.items()
            for at in (0, len(text) // 2, len(text) - 1)
        ]

        for wrong in changed:
            _is_refused(kek, wrong)

    def test_a_missing_emptied_or_added_parameter_opens_nothing(self) -> None:
        kek = self.fresh()
        parameters = kek.wrap(KEY, CONTEXT).parameters

        _is_refused(kek, {})
        _is_refused(kek, {**parameters, "more": "00"})
        for name in parameters:
            _is_refused(kek, {other: text for other, text in parameters.items() if other != name})
            _is_refused(kek, {**parameters, name: ""})
            _is_refused(kek, {**parameters, name: "not hex"})


def _other(character: str) -> str:
    return "1" if character != "1" else "2"


def _is_refused(kek: KeyEncryption, parameters: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        kek.unwrap(WrappedKey(parameters=parameters), CONTEXT)
    assert str(refused.value)
