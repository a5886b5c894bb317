// Turns at what one call at a time may use: an engine's memory, a state that is held.
//
// A call takes its turn before it reads or writes, and has it to its end; the others wait for it
// without the interpreter's lock. A process that was forked in the middle of another thread's turn
// has what belongs to no whole call, and would wait for a thread that it does not have: it is
// refused. It knows by this: the first turn of a process is there to be taken, or never will be.
//
// Why it is fast: which process this is counts up in the child at a fork, so that a turn asks the
// system for nothing. It takes some 20 ns of a prediction of one row.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace clearprop {

// Another number in each process that is forked.
long process();

class Turns {
  public:
    // What is said in a forked process.
    explicit Turns(const char* refusal) : refusal_(refusal) {}

    class Turn {
      public:
        explicit Turn(const Turns& turns) : turns_(turns) {
            if (turns_.taken_in_ == process())
                turns_.guard_.lock();
            else
                turns_.first();
        }
        ~Turn() { turns_.guard_.unlock(); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        const Turns& turns_;
    };

  private:
    // The first turn of this process. Two threads may come to it together: who finds it taken asks
    // again until it is seen to be a thread's of this process, which it is within nanoseconds.
    void first() const {
        using std::chrono::steady_clock;
        const auto late = steady_clock::now() + std::chrono::milliseconds(200);
        while (!guard_.try_lock()) {
            if (taken_in_ == process()) return guard_.lock();
            if (steady_clock::now() > late) throw std::runtime_error(refusal_);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        taken_in_ = process();
    }

    const char* const refusal_;
    mutable std::mutex guard_;
    mutable std::atomic<long> taken_in_{process()};
};

}  // namespace clearprop
