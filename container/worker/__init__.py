"""The one-off task of HybridPattern: one attempt of one job."""
