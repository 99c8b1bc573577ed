"""The smallest app to synthesise, as anybody would write it: the unit of the cost of synth and tests."""

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
