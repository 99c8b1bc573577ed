"""Templates as plain dicts: one synth per set of settings, with cdk.json's own context."""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

# Validation is what test_app.py is for; here it would cost three seconds a synth.
os.environ["CDK_VALIDATION"] = "false"

import aws_cdk as cdk

from app import compose
from stacks.settings import Settings

CONTEXT = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
_OUTPUT = TemporaryDirectory()
"""Exists until this process ends."""
Template = dict[str, Any]
Synth = Callable[..., Template]


@functools.cache
def templates(**settings: str) -> dict[str, Template]:
    """Return all templates by stack, with the context of cdk.json, which `cdk.App()` alone does not read."""
    # One folder for all, so that packages are copied once; the CDK's own in /tmp would never be deleted.
    app = cdk.App(context={**CONTEXT, **settings}, outdir=_OUTPUT.name)
    compose(app, Settings.from_context({**CONTEXT, **settings}))
    assembly = app.synth()
    return {stack.hierarchical_id: dict(stack.template) for stack in assembly.stacks}


def synthesise(stack: str, **settings: str) -> Template:
    """Return one template; settings that are not given have their defaults."""
    return templates(**settings)[stack]


@pytest.fixture(scope="session")
def synth() -> Synth:
    return synthesise


def resources(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one type, by logical id."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def only(template: Template, kind: str) -> dict[str, Any]:
    """Return the properties of the only resource of a type."""
    ((_, resource),) = resources(template, kind).items()
    return dict(resource["Properties"])


def one_named(template: Template, kind: str, start: str) -> tuple[str, dict[str, Any]]:
    """Return the only resource of a type whose logical id begins with `start`: logical id and resource."""
    ((name, resource),) = ((n, r) for n, r in resources(template, kind).items() if n.startswith(start))
    return name, resource
