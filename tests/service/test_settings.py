"""What the service is told by its environment, and what it refuses."""

import pytest

from container.service.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "just one of SOURCE_BUCKET and SOURCE_FOLDER"),
        ({"SOURCE_BUCKET": "b", "SOURCE_FOLDER": "."}, "just one of"),
        ({"SOURCE_FOLDER": "/none"}, "/none is not a folder"),
        ({"SOURCE_BUCKET": "b", "QUEUE": "many"}, "QUEUE=many is not possible: a number from 0"),
        ({"SOURCE_BUCKET": "b", "WORKERS": "0"}, "WORKERS=0"),
        ({"SOURCE_BUCKET": "b", "SIZES": "300, 300"}, "SIZES=300, 300 is not possible. Size '300'"),
        ({"SOURCE_BUCKET": "b", "FORMATS": "jpg gif"}, "FORMATS=jpg gif is not possible: of jpg png webp"),
    ],
)
def test_a_setting_that_is_not_possible_is_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings.from_environment(environment)
