"""What a workload costs per month, item by item: USD, us-east-1, list prices."""
