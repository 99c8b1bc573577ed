"""Limits of a function URL."""

MAX_ANSWER_BYTES = 4_700_000
"""Maximum bytes of a response: Lambda's 6 MB hold it in base64, which takes four thirds of its size, and
headers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
