"""What two patterns share. Plain values go in, grants are made by the stack that composes them."""
