"""Programs that run in containers: the image service and the workers."""
