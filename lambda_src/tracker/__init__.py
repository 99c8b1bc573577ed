"""The function of HybridPattern that closes the loop: what became of each task and of each job."""
