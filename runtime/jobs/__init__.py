"""HybridPattern's jobs: their record and store, RunTask done right, and what a stopped task means.

Shared by the dispatcher and the tracker (functions) and the worker (a task): docs/hybrid-pattern.md. What a
job does is runtime/work.
"""
