"""What a function URL hands on."""

MAX_ANSWER_BYTES = 4_700_000
"""An answer may have 6 MB in base64, which is four thirds of its bytes, and its headers want room too:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
