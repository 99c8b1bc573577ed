"""What developers and users run: the commands of dev.py, clients of what is deployed, the local AWS."""
