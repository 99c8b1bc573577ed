"""The table in docs/privileges.md is made from the templates' roles: UPDATE_SNAPSHOTS=1 writes it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import STACKS
from tests.support.privileges import NEEDS, ROLES
from tests.synth.conftest import Synth, Template, one_named, resources

PAGE = Path(__file__).parents[2] / "docs" / "privileges.md"
TABLE = re.compile(r"(<!-- privileges -->\n).*(<!-- /privileges -->)", re.DOTALL)
HEAD = "| stack | who | may | on | if | what breaks without it |\n|---|---|---|---|---|---|\n"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plain(value: Any) -> str:
    """Return a resource with the hashes of its logical ids left out, such as `Output/v/*`."""
    match value:
        case {"Fn::Join": [_, parts]}:
            return "".join(map(plain, parts))
        case {"Fn::GetAtt": [name, _]}:
            return str(name)[:-8]
        case {"Ref": name}:
            return "" if name.startswith("AWS::") else str(name)[:-8]
        case _:
            return re.sub(r"^:\w+:$", "", str(value)).removeprefix("arn:").removeprefix(":")


def conditions(statement: dict[str, Any]) -> Iterator[str]:
    for pairs in statement.get("Condition", {}).values():
        yield from (f"`{key}` is {plain(value)}" for key, value in pairs.items())


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    _, policy = one_named(template, "AWS::IAM::Policy", role)
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def rows(synth: Synth) -> Iterator[str]:
    for who, (stack, role) in ROLES.items():
        for one in statements(synth(stack), role):
            actions = listed(one["Action"])
            need = NEEDS[who][actions[0]]
            breaks = need.breaks if need.call else f"{need.breaks} (not checked)"
            may = ", ".join(f"`{action}`" for action in actions)
            on = ", ".join(f"`{plain(resource)}`" for resource in listed(one["Resource"]))
            yield f"| {stack} | {who} | {may} | {on} | {', '.join(conditions(one))} | {breaks} |"


def test_every_role_with_statements_of_ours_is_listed(synth: Synth) -> None:
    for stack in STACKS:
        policies = {*resources(synth(stack), "AWS::IAM::Policy")}
        listed_here = tuple(role for of, role in ROLES.values() if of == stack)
        ours = {name for name in policies if "ExecutionRole" not in name}
        assert {name for name in ours if not name.startswith(listed_here or "none")} == set(), stack


def test_each_statement_has_a_purpose_and_nothing_else_is_listed(synth: Synth) -> None:
    for who, (stack, role) in ROLES.items():
        assert {listed(one["Action"])[0] for one in statements(synth(stack), role)} == {*NEEDS[who]}, who


def test_the_page_has_the_table_of_the_templates(synth: Synth) -> None:
    table = HEAD + "\n".join(rows(synth)) + "\n"
    page = PAGE.read_text()
    now = TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", page)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(now)
    assert PAGE.read_text() == now, "If this is intended: run with UPDATE_SNAPSHOTS=1, and read the diff."
