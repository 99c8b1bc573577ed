"""The one-off task of HybridPattern: one attempt at one job."""
