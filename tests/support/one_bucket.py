"""The smallest app to synthesise, as anybody would write it: by it the cost of synth and tests is told."""

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
