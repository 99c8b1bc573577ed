"""The dispatcher with videos as well as scans."""
