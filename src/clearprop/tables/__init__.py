"""Tables: reading them, deciding what their columns are, and encoding them as numbers.

What reads files, queries and frames is in `clearprop.tables.opening`: to train on arrays takes none
of it, and does not wait for it.
"""

from __future__ import annotations

from clearprop.tables.table import MISSING, Cells, Chunk, Column, Kind, MemoryTable, Table

__all__ = ["MISSING", "Cells", "Chunk", "Column", "Kind", "MemoryTable", "Table"]
