"""What a stack writes is what the handler reads."""

from dataclasses import dataclass

import pytest

from runtime.environment import Environment, VariableError


@dataclass(frozen=True, kw_only=True)
class Told(Environment):
    """One field of each type but float."""

    output_bucket: str
    max_bytes: int
    traced: bool
    subnets: tuple[str, ...]


TOLD = Told(output_bucket="b", max_bytes=5, traced=True, subnets=("a", "b"))
VARIABLES = {"OUTPUT_BUCKET": "b", "MAX_BYTES": "5", "TRACED": "on", "SUBNETS": "a b"}


def test_variables_that_are_written_are_read_back() -> None:
    assert TOLD.as_variables() == VARIABLES
    assert Told.from_variables({**VARIABLES, "PATH": "/bin"}) == TOLD
    off = Told(output_bucket="", max_bytes=0, traced=False, subnets=("a",))
    assert Told.from_variables(off.as_variables()) == off


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    without = {key: value for key, value in VARIABLES.items() if key != name}
    with pytest.raises(VariableError, match=f"The variable {name} is not set."):
        Told.from_variables(without)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("MAX_BYTES", "many", "whole numbers"), ("MAX_BYTES", "-1", "whole"), ("TRACED", "yes", "on, off")],
)
def test_an_invalid_value_is_an_error_that_says_what_is_allowed(name: str, value: str, says: str) -> None:
    with pytest.raises(VariableError, match=rf"Invalid value {name}='{value}'. Allowed: .*{says}"):
        Told.from_variables({**VARIABLES, name: value})
