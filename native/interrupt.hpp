// Ctrl-C while native code runs: for the length of a call, the interrupt signal also raises the
// call's stop flag. The handler that was there (Python's) is called as ever and put back after.
#pragma once

namespace clearprop {

class Interruptible {
  public:
    explicit Interruptible(volatile int* stop);
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;

  private:
    int place_ = -1;
};

}  // namespace clearprop
