"""What a job does: the seam that a team with other work replaces (work.py); the first work is scans.py."""
