"""The plan's steps as a notation writes them: structure, apart from numbers."""
