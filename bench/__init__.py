"""What is measured, and how to measure it again: `python3 dev.py bench NAME`."""
