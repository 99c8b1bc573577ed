"""The image service: the IIIF Image API 3.0 over a bucket of images."""
