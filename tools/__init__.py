"""Tools for developers and users: the commands of dev.py, clients of deployed patterns, the local AWS."""
