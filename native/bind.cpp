// The module `clearprop._native`: its constants, and its parts in turn.
//
// It owns nothing else: what the parts are, and what they keep to, is in bind.hpp.
#include "bind.hpp"

#include "program.hpp"

NB_MODULE(_native, module) {
    using namespace clearprop;
    // At an interpreter's end an object may still be held by what Ctrl-C broke off: a list of them
    // on standard error helps nobody there.
    nanobind::set_leak_warnings(false);
    module.doc() = "The native engine of ClearProp.";
    module.attr("row_block") = row_block;
    module.attr("phases") = static_cast<int>(phases);
    module.def(
        "version", [] { return CLEARPROP_VERSION; },
        "The version of the package this module was built for.");
    bind_kernels(module);
    bind_rows(module);
    bind_arrays(module);
    bind_engine(module);
}
