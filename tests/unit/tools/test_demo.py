"""The demo refuses invalid settings before anything starts."""

import pytest

from tools.commands import demo


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("labels", "-c labels: write -c setting=value."),
        ("colour=red", "Unknown setting colour."),
    ],
)
def test_an_invalid_setting_is_an_error_without_a_traceback(
    setting: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert demo.main(["-c", setting]) == 1
    said = capsys.readouterr().out
    assert says in said
    assert "Traceback" not in said
