"""What a job does: the seam for teams with other work (work.py); the first work is scans.py."""
