"""A local AWS, to which the real `cdk deploy` deploys these very templates, without an account."""
