"""What a job does: the interface of every kind of work (work.py), and the first kind (scans.py)."""
