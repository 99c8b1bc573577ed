"""An embedded AWS: the real `cdk deploy` of these very templates, without an account."""
