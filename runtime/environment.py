"""Typed environments: a frozen dataclass per function or container, which its stack writes and it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


class VariableError(Exception):
    """A variable is missing, or has a value that it cannot have; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A field `output_bucket` is the variable OUTPUT_BUCKET.

    Fields are str, int, bool ("on" or "off"), or tuple[str, ...], which is joined by commas.
    """

    def as_variables(self) -> dict[str, str]:
        """For the stack."""
        return {field.name.upper(): _text(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """For the handler: of `os.environ`. Raises VariableError."""
        return cls(**{field.name: _value(field.name.upper(), field.type, variables) for field in fields(cls)})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _value(name: str, kind: Any, variables: Mapping[str, str]) -> Any:
    if name not in variables:
        raise VariableError(f"The variable {name} is not set.")
    text = variables[name]
    if kind is bool:
        if text not in ("on", "off"):
            raise VariableError(f"Invalid value {name}={text!r}. Allowed: on, off.")
        return text == "on"
    if kind is int:
        if not text.isdecimal():
            raise VariableError(f"Invalid value {name}={text!r}. Allowed: whole numbers.")
        return int(text)
    return text if kind is str else tuple(text.split(","))
