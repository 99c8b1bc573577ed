"""Constructs that several patterns share; they depend on no pattern."""
