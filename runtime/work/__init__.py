"""What a job does: the interface for other kinds of work (work.py), and the first kind (scans.py)."""
