"""The worker with videos as well as scans."""
