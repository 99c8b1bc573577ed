"""The smallest app there is to synthesise: one bucket. What synth and the tests cost is compared with it."""

import gc
import sys

sys.dont_write_bytecode = False  # as in app.py
gc.disable()

import aws_cdk as cdk  # noqa: E402
import aws_cdk.aws_s3 as s3  # noqa: E402

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
