# Written by tools/stubs.py from the table in __init__.py: do not edit.

from clearprop.errors import ClearPropError as ClearPropError

__version__: str
