"""The monthly cost of a workload, item by item, in USD at list prices."""
