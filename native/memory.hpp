// Zeroed memory that begins where registers and pages want it to.
//
// It owns one array, which only grows: what is asked for again and fits is what there is already,
// so that steps after the first allocate nothing. Growing does not keep the contents.
//
// Why it is fast: it begins with a cache line, so that of rows padded to whole lines no register's
// load crosses one. What is 2 MB or more asks Linux for large pages: a matrix read row by row else
// pays for a look-up of its page at each row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace clearprop {

// Zeroed memory on a cache line's bound.
template <class T>
class Memory {
  public:
    T* resize(std::size_t n) {
        if (n > size_) {
            data_ = std::unique_ptr<T, Free>(allocate(n * sizeof(T)), Free{n * sizeof(T)});
            std::fill_n(data_.get(), n, T());
            size_ = n;
        }
        return data_.get();
    }
    T* get() const { return data_.get(); }

  private:
    // What is large begins on a large page's bound and asks for such pages.
    static constexpr std::size_t page = std::size_t{1} << 21;
    static std::align_val_t bound(std::size_t bytes) {
        return std::align_val_t{bytes >= page ? page : 64};
    }
    static T* allocate(std::size_t bytes) {
        void* p = ::operator new(bytes, bound(bytes));
#if defined(__linux__)
        if (bytes >= page) madvise(p, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(p);
    }
    struct Free {
        std::size_t bytes = 0;
        void operator()(T* p) const { ::operator delete(p, bound(bytes)); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace clearprop
