"""What functions and containers share on AWS; docs/contract.md says what all keep."""
