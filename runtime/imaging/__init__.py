"""The image core, without AWS, shared by functions and containers.

`probe` reads a header and runs no decoder; `renditions` decodes once and makes every size from that. Every
invalid input ends as `Rejected`, with a reason that a person understands.
"""
