"""The function of HybridPattern that decides where each job runs, and does the small ones itself."""
