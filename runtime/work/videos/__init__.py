"""The second work: a video to an MP4 that browsers play, and a poster (videos.py)."""
