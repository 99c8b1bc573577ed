"""Limits of a function URL."""

MAX_ANSWER_BYTES = 4_700_000
"""Maximum bytes of a returned image: Lambda's limit of 6 MB includes headers and base64, which adds a third:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
