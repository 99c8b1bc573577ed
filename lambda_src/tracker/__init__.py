"""The function of HybridPattern that tracks stopped tasks and recovers lost jobs."""
