"""HybridPattern's jobs: their record, RunTask done right, what a stopped task means, and the work itself.

Shared by the dispatcher and the tracker (functions) and the worker (a task): docs/hybrid-pattern.md.
"""
