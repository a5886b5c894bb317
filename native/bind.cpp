// The only file that knows Python: it turns NumPy arrays into pointers and calls the engine.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

NB_MODULE(_native, module) {
    module.doc() = "The native engine of ClearProp.";
    module.def(
        "version", [] { return CLEARPROP_VERSION; },
        "The version of the package this module was built for.");
}
