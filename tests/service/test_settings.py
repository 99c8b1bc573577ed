"""The service's environment variables, and which of their values it refuses."""

import os

import pytest

from container.service.settings import Settings
from runtime.environment import VariableError


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "exactly one of SOURCE_BUCKET and SOURCE_FOLDER"),
        ({"SOURCE_BUCKET": "b", "SOURCE_FOLDER": "."}, "exactly one of"),
        ({"SOURCE_FOLDER": "/none"}, "/none is not a folder"),
        ({"SOURCE_BUCKET": "b", "QUEUE": "many"}, "QUEUE='many'. Allowed: whole numbers from 0"),
        ({"SOURCE_BUCKET": "b", "SPARE_MB": "0"}, "SPARE_MB='0'. Allowed: whole numbers from 1"),
        ({"SOURCE_BUCKET": "b", "SIZES": "300, 300"}, "SIZES='300, 300'. Size '300'"),
        ({"SOURCE_BUCKET": "b", "FORMATS": "jpg gif"}, "FORMATS='jpg gif'. Allowed: jpg png webp"),
    ],
)
def test_an_invalid_setting_is_an_error_that_names_it(environment: dict[str, str], says: str) -> None:
    with pytest.raises(VariableError, match=says):
        Settings.from_variables(environment)


def test_without_an_affinity_as_on_macos_there_is_a_thread_per_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert Settings.from_variables({"SOURCE_BUCKET": "b"}).threads == 7
    assert Settings.from_variables({"SOURCE_BUCKET": "b", "WORKERS": "3"}).threads == 3
