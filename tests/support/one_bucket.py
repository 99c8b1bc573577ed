"""A minimal app with one bucket, whose synthesis is the unit of CPU cost for the app and the tests."""

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
