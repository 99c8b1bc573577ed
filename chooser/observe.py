"""`python3 -m chooser observe lambda:NAME`: a workload from CloudWatch's metrics of a function or service.

It only reads, with the caller's credentials. A value that could not be observed is a comment in the output,
to be filled in.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chooser.refusal import refused
from chooser.written import as_toml

SHAPE = "lambda:NAME or ecs:CLUSTER/SERVICE"
MOST_DAYS = 60
"""CloudWatch keeps five-minute data points for 63 days:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def main(arguments: Sequence[str]) -> int:
    """Print the workload as TOML. On failure, print an error instead and return 1."""
    import argparse

    parser = argparse.ArgumentParser(prog="python3 -m chooser observe", description=__doc__)
    parser.add_argument("what", metavar="WHAT", help=SHAPE)
    parser.add_argument(
        "--days", type=int, default=14, help=f"days to observe, up to now: 1 to {MOST_DAYS} (default: 14)"
    )
    parser.add_argument("--region", help="such as eu-west-1 (default: from your AWS configuration)")
    options = parser.parse_args(arguments)
    kind, _, name = options.what.partition(":")
    cluster, _, of_cluster = name.partition("/")
    if not {"lambda": name, "ecs": cluster and of_cluster}.get(kind):
        return refused(f"{options.what}: must be {SHAPE}.")
    if not 1 <= options.days <= MOST_DAYS:
        return refused(f"--days {options.days}: must be 1 to {MOST_DAYS}.")
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        from chooser.observed.function import function
        from chooser.observed.metrics import NothingSeenError, Window
        from chooser.observed.service import service
    except ImportError:
        return refused("observe needs boto3: . .venv/bin/activate")
    until = now().replace(minute=0, second=0, microsecond=0)
    window = Window(start=until - timedelta(days=options.days), end=until)
    try:
        session = boto3.Session(region_name=options.region)
        if kind == "lambda":
            found = function(session, name, window)
        else:
            found = service(session, cluster, of_cluster, window)
    except (BotoCoreError, ClientError, NothingSeenError) as error:
        return refused(f"{options.what}: {error}")
    print(f"# {options.what}, {window.start:%Y-%m-%d} to {until:%Y-%m-%d}, as CloudWatch saw it.")
    print(as_toml(found.values, found.comments), end="")
    return 0
