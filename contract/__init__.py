"""The one contract of source, output and identity that all patterns keep: docs/contract.md."""
