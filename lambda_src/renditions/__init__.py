"""The function of LambdaPattern: each uploaded photo becomes WebP renditions and a manifest."""
