"""Lines of a log, which others write too."""

import io

import pytest

from runtime.log_lines import log_line


class Unbuffered(io.StringIO):
    """Standard output under PYTHONUNBUFFERED, written to by a signal handler after each write."""

    def write(self, text: str, /) -> int:
        return super().write(f"{text}told to stop\n") if text else 0


def test_what_a_signal_handler_logs_does_not_fall_between_a_line_and_its_newline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Unbuffered()
    monkeypatch.setattr("sys.stdout", out)
    log_line("a job is done")
    assert out.getvalue() == "a job is done\ntold to stop\n"
