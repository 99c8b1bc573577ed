"""The function of HybridPattern that decides where each job runs, and runs the small ones itself."""
