"""The smallest app to synthesise, as anybody would write it: what synth and tests cost is told in its terms."""

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
