"""Typed environments: a frozen dataclass per function or container, shared by stack and code."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Self


class VariableError(Exception):
    """Raised for a missing or invalid environment variable; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Base class whose fields are environment variables: `output_bucket` is the variable OUTPUT_BUCKET.

    Variables of fields with a default may be missing or empty. Fields are str, int, float, bool ("on" or
    "off"), or tuple[str, ...], separated by spaces. Numbers are at least 0, or at least n with
    `field(metadata={"least": n})`.
    """

    def as_variables(self) -> dict[str, str]:
        """Return the variables for the stack, without those that equal their defaults."""
        values = {field: getattr(self, field.name) for field in fields(self)}
        return {_name(field): _text(value) for field, value in values.items() if value != field.default}

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Parse variables, usually `os.environ`, for the function or container. Raises VariableError."""
        values = {}
        for field in fields(cls):
            text = variables.get(_name(field))
            if field.default is MISSING and text is None:
                raise VariableError(f"The variable {_name(field)} is not set.")
            if text or field.default is MISSING:
                values[field.name] = _value(field, text or "")
        return cls(**values)


def _name(field: "Field[Any]") -> str:
    return field.name.upper()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _value(field: "Field[Any]", text: str) -> Any:
    if field.type is bool:
        if text not in ("on", "off"):
            raise VariableError(f"Invalid value {_name(field)}={text!r}. Allowed: on, off.")
        return text == "on"
    if field.type in (int, float):
        return _number(field, text)
    return text if field.type is str else tuple(text.split())


def _number(field: "Field[Any]", text: str) -> float:
    least = field.metadata.get("least", 0)
    try:
        value: float = int(text) if field.type is int else float(text)
    except ValueError:
        value = -1
    if not least <= value < float("inf"):
        numbers = "whole numbers" if field.type is int else "numbers"
        raise VariableError(f"Invalid value {_name(field)}={text!r}. Allowed: {numbers} from {least:g}.")
    return value
