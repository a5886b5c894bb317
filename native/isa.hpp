// The instruction sets that were compiled, by name.
#pragma once

#include <string>

#include "program.hpp"

namespace clearprop {

const Isa& isa_named(const std::string& name);  // throws std::invalid_argument
const Isa& widest();                            // of those that this processor has
const Kernels<float>* bfloat16_kernels(const std::string& name);  // null: not here

}  // namespace clearprop
