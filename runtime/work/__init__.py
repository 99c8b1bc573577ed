"""What a job does: the seam that a team with other work replaces."""
