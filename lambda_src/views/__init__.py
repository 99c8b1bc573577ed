"""The function of StreamPattern: counts views of images from CloudFront's real-time logs."""
