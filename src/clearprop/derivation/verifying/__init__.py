"""Numbers beside written trees, and whether what is printed is what is executed."""
