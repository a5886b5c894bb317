// The instruction sets that were compiled, by name, and which of them this processor can run.
//
// A set is a table of kernels (Isa, Bfloat16 in program.hpp). It is looked up once, when an engine
// is made, so that what runs asks nothing.
#pragma once

#include <string>

#include "program.hpp"

namespace clearprop {

const Isa& isa_named(const std::string& name);  // throws std::invalid_argument
const Isa& widest();                            // of those that this processor has
const Kernels<float>* bfloat16_kernels(const std::string& name);  // null: not here

}  // namespace clearprop
