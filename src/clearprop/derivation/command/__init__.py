"""What ``clearprop derive`` and ``clearprop notation`` call: rows read, pages saved."""
