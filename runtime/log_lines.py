"""Lines of a container's log."""


def log_line(text: str) -> None:
    """Write a line to standard output, its newline in the same write.

    `print` writes the newline separately, and what another thread or a signal handler logs could fall between
    the two: CloudWatch Logs would join both lines into one event.
    """
    print(f"{text}\n", end="", flush=True)  # noqa: T201
