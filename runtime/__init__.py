"""What functions and containers share on AWS."""
