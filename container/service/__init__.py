"""The long-running service of FargatePattern: the IIIF Image API 3.0 over a bucket of images."""
