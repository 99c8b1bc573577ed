"""The image core: pure functions over bytes, without AWS, shared by all three patterns.

`probe` reads a header and touches no decoder; `renditions` decodes once and makes every size from that.
Whatever is wrong with an input ends as `Rejected`, with a reason that a person understands.
"""
