# Written by tools/stubs.py from the built module: do not edit.
"""The native engine of ClearProp."""



def version() -> str:
    """The version of the package this module was built for."""
