"""MiniStack with patches for the gaps that these templates meet. It runs in .ministack, never in .venv.

One function per gap; a gap test in tests/local fails for each one that a newer MiniStack closes, so that the
function can go. Nothing here changes a call that MiniStack gets right.
"""
