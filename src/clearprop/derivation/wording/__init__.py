"""What a derivation says: sentences and refusals, in two languages."""
