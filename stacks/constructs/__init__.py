"""Constructs that several patterns share. They take plain values; the composing stack makes the grants."""
