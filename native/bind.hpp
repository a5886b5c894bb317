// The parts of the module, each in the file bind_….cpp of its name.
//
// These files are the only ones that know Python: they turn NumPy arrays into pointers and call the
// engine. Every call that computes gives up the GIL first. Arrays are checked by the Python side
// (clearprop/engine), which is the only caller.
#pragma once

#include <nanobind/nanobind.h>

namespace clearprop {

void bind_kernels(nanobind::module_& module);
void bind_rows(nanobind::module_& module);
void bind_arrays(nanobind::module_& module);
void bind_engine(nanobind::module_& module);

}  // namespace clearprop
