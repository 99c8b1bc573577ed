"""A local AWS, into which the real `cdk deploy` deploys this project's templates, without an account."""
