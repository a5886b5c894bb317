"""Written mathematics as trees, and what such a tree is worth."""
