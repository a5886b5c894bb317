// The parts of the parameters that are summed and updated at a time, and which thread has which.
//
// Each thread has a stretch of items of about equal work, rows of the parameters in their order;
// or, where threads share units (unit_shares.hpp), those of the units that are its own. Which
// thread does an item changes no bits.
//
// Why it is fast: items stay a thread's own from step to step, and so in its core's cache; what it
// has not come to, another takes from the end of its stretch (stretches.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "program.hpp"
#include "stretches.hpp"

namespace clearprop {

struct Item : Patch {
    int owner;
    double work;  // in multiplications of the gradient
};

class Items {
  public:
    // How parameters are cut.
    struct Cut {
        int threads;
        bool by_units;
        long rows;               // of a batch
        long panel_width, tile;  // whole tiles of rows, whole panels of columns
    };
    // `turned`: which parameters are held as Wᵀ alone (Workspace::turn).
    void divide(const std::vector<Parameter>& parameters, const std::vector<bool>& turned, Cut cut);

    // The thread's own items, to be done by `each`, which calls visit(item) for them and for what
    // others have not come to; items of one parameter that follow each other are visited as one.
    void own(Stretches& stretches, int rank) const {
        stretches.fill(rank, first_[static_cast<std::size_t>(rank)],
                       first_[static_cast<std::size_t>(rank) + 1]);
    }
    template <class Visit>
    void each(Stretches& stretches, int rank, Visit visit) const {
        for (std::uint32_t first, last; stretches.take(rank, first, last);)
            for (std::uint32_t i = first; i < last;) {
                Item item = items_[i++];
                for (;
                     i < last && follows(item, items_[i]) && item.work + items_[i].work < most_work;
                     ++i)
                    join(item, items_[i]);
                visit(item);
            }
    }

  private:
    // More at once would be asked too late whether to stop.
    static constexpr double most_work = 1e9;

    // Whether the rows of `next` are those behind an item's, of the same panels.
    static bool follows(const Item& item, const Item& next) {
        return next.parameter == item.parameter && next.first == item.last &&
               next.first_panel == item.first_panel && next.last_panel == item.last_panel;
    }
    static void join(Item& item, const Item& next) {
        item.last = next.last;
        item.work += next.work;
    }

    std::vector<Item> items_;           // by owner
    std::vector<std::uint32_t> first_;  // by thread, and behind the last
};

}  // namespace clearprop
