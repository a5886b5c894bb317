"""The native module is the one built for this source."""

import clearprop
from clearprop import _native


def test_native_module_and_package_have_one_version():
    assert _native.version() == clearprop.__version__
