"""The second work: a video to a browser-compatible MP4 and a poster (videos.py)."""
