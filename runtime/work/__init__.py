"""What a job does: the seam for teams with other work (work.py); the first kind of work is scans.py."""
