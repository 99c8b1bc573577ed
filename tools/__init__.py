"""What developers and users run: the commands of dev.py, clients of deployed patterns, the local AWS."""
