"""What a job does: the interface (work.py), what all kinds of work have in common (works.py), and the kinds."""
