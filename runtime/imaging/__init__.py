"""The image core, without AWS, shared by functions and containers.

`probe` reads a header and runs no decoder; `renditions` decodes once and makes every size from the result.
Every invalid input raises `Rejected`, with a message that people understand.
"""
