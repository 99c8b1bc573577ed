"""HybridPattern's jobs: their record and table, idempotent RunTask, and the meaning of a stopped task.

Shared by dispatcher, tracker and worker: docs/hybrid-pattern.md. What a job does is in runtime/work.
"""
