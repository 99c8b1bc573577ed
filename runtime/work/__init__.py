"""What a job does: the interface (work.py), what all kinds of work share (works.py), and the kinds."""
