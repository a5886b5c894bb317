// Dropout at another rate in each step: a program like the one at work, but for those settings.
//
// Why it costs nothing where it is not asked for: a rate is a setting of an instruction, so that
// kernels know of no scale, and steps without one run the program itself.
#pragma once

#include <vector>

#include "program.hpp"

namespace clearprop {

class ScaledDropout {
  public:
    // `of`, whose settings are `attrs`, outlives this.
    ScaledDropout(const Program& of, const std::vector<double>& attrs)
        : of_(of), scaled_(of), attrs_(attrs) {
        scaled_.attrs = attrs_.data();
    }
    ScaledDropout(const ScaledDropout&) = delete;
    ScaledDropout& operator=(const ScaledDropout&) = delete;

    // The program with the rate of every mask multiplied, until it is asked for another.
    const Program* at(double scale) {
        const Instruction* one = of_.instructions;
        for (const Instruction* end = one + of_.instruction_count; one != end; ++one)
            if (one->op == Op::mask)
                attrs_[static_cast<std::size_t>(one->attr)] = of_.attrs[one->attr] * scale;
        return &scaled_;
    }

  private:
    const Program& of_;
    Program scaled_;
    std::vector<double> attrs_;
};

}  // namespace clearprop
