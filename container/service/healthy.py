"""The container image's health check: exits with 0 if the service is alive, else with 1 and a message."""

import http.client
import os
import sys


def main() -> str | int:
    """Return the exit code, or a sentence, which `sys.exit` prints before exiting with 1."""
    host = os.environ.get("HOST", "0.0.0.0").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    try:
        connection = http.client.HTTPConnection(host, int(os.environ.get("PORT", "8080")), timeout=2)
        connection.request("GET", "/live")
        status = connection.getresponse().status
    except OSError as error:
        return f"Nobody answers: {error}"
    return 0 if status == 200 else f"/live answers {status}"


if __name__ == "__main__":
    sys.exit(main())
