"""The Rosetta table: each quantity in every notation, side by side."""
