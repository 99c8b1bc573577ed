"""MiniStack with the gaps filled that these templates meet. Runs in .ministack, never in .venv.

One function a gap; tests/local/test_gaps.py fails for each one that a newer MiniStack closes, and then the
function goes. Nothing here changes a call that MiniStack gets right.
"""
