"""What the five sources print wrongly, or write loosely, as data."""
