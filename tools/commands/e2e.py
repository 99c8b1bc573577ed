"""`python3 dev.py e2e`: deploys everything, uses it as its users do, and destroys it, even after a failure.

--target local: the local AWS. --target aws: your account, after a price estimate and your confirmation.
"""

import sys
import time

import pyvips

from app import STACKS
from chooser.prices import as_of
from runtime.jobs.record import State
from tools.commands import at_rest, trial, views
from tools.commands.trial import Deployed, Trial
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.drivers.queue_pattern import QueueDriver
from tools.drivers.stream_pattern import StreamDriver
from tools.drivers.viewer import Viewer
from tools.local_aws.aws import ROOT, LocalAwsError

HOURS = 1.0
"""Hours that a run is priced for: mostly the creation and deletion of distributions."""
EXTRA_USD = 0.05
"""The rest of a run's cost in USD: requests, tasks that run for minutes, logs and storage, rounded up."""
PHOTO = ROOT / "samples" / "earth-night.jpg"


def plan(target: str) -> str:
    """Return what a run does and costs; needs no credentials."""
    where = "In your account" if target == "aws" else "In the local AWS, without an account or costs"
    lines = [
        f"{where}:",
        f"1. cdk deploy {' '.join(STACKS)}",
        "2. LambdaPattern: upload a photo and a text; a manifest and a rejection come back",
        "3. FargatePattern: upload a photo; ask the service for a part of it, and for a missing photo",
        "4. LambdaService: the same as with FargatePattern",
        "5. HybridPattern: upload a small scan (for the function) and one of 134 megapixels (for a task)",
        "6. QueuePattern: upload a scan; a task makes its tiles",
        "7. StreamPattern: put a minute of views into the stream; they are counted",
        "8. cdk destroy what this run created, even if something before it failed",
    ]
    if target == "aws":
        items = list(at_rest.items(stage="sandbox", egress="public-ip", architecture="arm64"))
        standing = sum(item.usd for item in items) + at_rest.stream("provisioned")
        usd = standing / 730 * HOURS + EXTRA_USD
        lines += [
            f"It takes about {HOURS:g} hour and about ${usd:.2f} by list prices (us-east-1, {as_of()}).",
            "It needs Docker, and an account and Region that are bootstrapped (cdk bootstrap).",
        ]
    return "\n".join(lines)


def check(deployed: Deployed) -> None:
    """Use every pattern. Raises LocalAwsError (it says what is wrong), NotTakenError or TimeoutError."""
    outputs, client, endpoint = deployed.outputs, deployed.client, deployed.endpoint
    say = deployed.console.print
    photo = PHOTO.read_bytes()
    lambda_ = LambdaDriver(client=client, outputs=outputs["LambdaPattern"])
    good, bad = (lambda_.upload(name, data) for name, data in (("a b+é.jpg", photo), ("no.jpg", b"text")))
    made, refused = lambda_.result(good, timeout=300), lambda_.result(bad, timeout=300)
    _expect(
        made.manifest and len(made.manifest["renditions"]) == 3, "LambdaPattern did not make 3 renditions."
    )
    _expect(refused.rejection and refused.rejection["reason"] == "not-an-image", "A text was not refused.")
    say(f"LambdaPattern: 3 renditions after {made.seconds:.1f} s, a text refused")

    url = endpoint or outputs["FargatePattern"]["Url"]
    service = ServiceDriver(client=client, outputs=outputs["FargatePattern"], endpoint=url)
    service.wait_until_steady(timeout=900)
    say(f"FargatePattern: {_serves(service, photo)}")

    found = outputs["LambdaService"]
    function = Viewer(client=client, outputs=found, endpoint=endpoint or found["Url"])
    say(f"LambdaService: {_serves(function, photo)}")

    found = outputs["HybridPattern"]
    hybrid = HybridDriver(client=client, resource=deployed.resource, outputs=found, endpoint=endpoint)
    for name, data, where in (("small.jpg", photo, "lambda"), ("large.jpg", _large(), "fargate")):
        job = hybrid.wait(hybrid.upload(name, data), timeout=900)
        _expect(job.state is State.DONE and job.where == where, f"HybridPattern: {job}")
        status = hybrid.get(f"/v/{job.job_id}/info.json").status
        _expect(status == 200, f"The tiles of {name} answer {status}.")
        say(f"HybridPattern: {name} by {job.where} after {job.ended_at - job.created_at} s. {job.placement}")

    queue = QueueDriver(client=client, outputs=outputs["QueuePattern"], endpoint=endpoint)
    tiled = queue.result(queue.upload("scan.jpg", photo), timeout=900)
    _expect(tiled.manifest, f"QueuePattern rejected a scan: {tiled.rejection}")
    status = queue.get(f"/v/{tiled.upload.job_id}/info.json").status
    _expect(status == 200, f"The tiles of QueuePattern answer {status}.")
    say(f"QueuePattern: tiles after {tiled.seconds:.1f} s")

    stream = StreamDriver(client=client, outputs=outputs["StreamPattern"])
    stream.put(views.made_up(views.MADE_UP))
    counted = stream.wait(views.MADE_UP).total()
    _expect(counted == views.MADE_UP, f"StreamPattern counted {counted} of {views.MADE_UP} views.")
    say(f"StreamPattern: {counted} views counted")


def _serves(viewer: Viewer, photo: bytes) -> str:
    """Check that an image service answers, and return a phrase on what it did."""
    viewer.upload("a/b é.jpg", photo)
    began = time.monotonic()
    answer = viewer.get(f"{viewer.image('a/b é.jpg')}/square/300,/0/default.webp")
    seconds = time.monotonic() - began
    _expect(answer.status == 200, f"{viewer.domain} answers {answer.status}: {answer.body[:200]!r}")
    missing = viewer.describe("none.jpg").status
    _expect(missing == 404, f"{viewer.domain} answers {missing} for a missing image, not 404.")
    return f"{len(answer.body):,} bytes after {seconds:.2f} s, 404 for what is not there"


def _large() -> bytes:
    """Return a progressive, rotated image of 134 megapixels: it needs more memory than the function has."""
    enlarged = pyvips.Image.new_from_file(str(PHOTO)).resize(4)
    enlarged.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return bytes(enlarged.write_to_buffer(".jpg", Q=80, interlace=True))


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise LocalAwsError(otherwise)


E2E = Trial(name="e2e", about=__doc__, stacks=STACKS, plan=plan, use=check)


if __name__ == "__main__":
    sys.exit(trial.run(E2E, sys.argv[1:]))
