"""A local AWS, into which the real `cdk deploy` deploys these very templates, without an account."""
