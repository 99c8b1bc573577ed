"""MiniStack with patches for the gaps that this project meets. It runs in .ministack, never in .venv.

One function per gap; for most gaps, a test in tests/local fails once a newer MiniStack closes it, so that the
function can go. Except for patches.hide_messages_no_longer_than_told, nothing here changes a call that
MiniStack gets right.
"""
