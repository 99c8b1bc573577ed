"""What runs in containers: the image service and the workers."""
