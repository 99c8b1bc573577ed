"""The second kind of work: turning a video into a browser-compatible MP4 and a poster (videos.py)."""
