// How the parameters are cut into items: small pieces, whose owners are found, joined again.
#include "items.hpp"

#include <algorithm>

#include "unit_columns.hpp"

namespace clearprop {

namespace {

// The update of one weight takes as long as so many multiplications of the gradient.
constexpr double update_work = 30;

// Work of a piece, about.
constexpr double piece_work = 1e6;

// Items a thread has of its own, where others may take some.
constexpr double items_each = 8;

constexpr int nobody = -1;

// A patch's rows, a piece of them at a time, behind those that are cut.
void cut_patch(const Patch& patch, int owner, const Parameter& parameter, const Items::Cut& cut,
               std::vector<Item>& pieces) {
    const bool tiled = parameter.layout == Layout::panels;
    const long least = tiled ? cut.tile : 256, width = cut.panel_width;
    const long columns = tiled ? std::min<long>(parameter.columns, patch.last_panel * width) -
                                     patch.first_panel * width
                               : parameter.columns;
    const double row = static_cast<double>(columns) * parameter.members *
                       (update_work + (tiled ? static_cast<double>(cut.rows) : 8.0));
    const long rows = std::max(least, static_cast<long>(piece_work / row) / least * least);
    for (long first = patch.first; first < patch.last; first += rows) {
        Item item{patch, owner, 0};
        item.first = first;
        item.last = std::min(first + rows, patch.last);
        item.work = row * static_cast<double>(item.last - first);
        pieces.push_back(item);
    }
}

// The pieces of a parameter: those of its units that each thread has, or nobody's.
void cut_parameter(const Patch& whole, const Parameter& parameter, bool turned,
                   const Items::Cut& cut, std::vector<Item>& pieces) {
    const long units = turned ? parameter.columns : parameter.rows, width = cut.panel_width;
    // A row whose squares are summed is one thread's, whole.
    const bool by_rows = turned && parameter.penalty != 0;
    if (!cut.by_units || parameter.layout != Layout::panels || by_rows ||
        !wide_enough(units, cut.threads, width))
        return cut_patch(whole, nobody, parameter, cut, pieces);
    for (int rank = 0; rank < cut.threads; ++rank) {
        const Columns own = columns_of(units, rank, cut.threads, width);
        if (own.first == own.last) continue;
        Patch patch = whole;
        if (turned) {
            patch.first_panel = own.first / width;
            patch.last_panel = (own.last + width - 1) / width;
        } else {
            patch.first = own.first;
            patch.last = own.last;
        }
        cut_patch(patch, rank, parameter, cut, pieces);
    }
}

// Shares of units are about equal, and what nobody owns goes to whoever has least. Else all is cut
// in stretches of about equal work.
void find_owners(std::vector<Item>& pieces, double total, const Items::Cut& cut) {
    std::vector<double> load(static_cast<std::size_t>(cut.threads), 0);
    for (const Item& item : pieces)
        if (item.owner != nobody) load[static_cast<std::size_t>(item.owner)] += item.work;
    double before = 0;
    for (Item& item : pieces) {
        const double middle = before + item.work / 2;
        before += item.work;
        if (item.owner != nobody) continue;
        const auto least = std::min_element(load.begin(), load.end());
        const int place = static_cast<int>(middle / total * cut.threads);
        item.owner = cut.by_units ? static_cast<int>(least - load.begin())
                                  : std::min(cut.threads - 1, place);
        load[static_cast<std::size_t>(item.owner)] += item.work;
    }
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Item& a, const Item& b) { return a.owner < b.owner; });
}

}  // namespace

void Items::divide(const std::vector<Parameter>& parameters, const std::vector<bool>& turned,
                   Cut cut) {
    std::vector<Item> pieces;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        const long panels = (parameters[p].columns + cut.panel_width - 1) / cut.panel_width;
        cut_parameter({static_cast<long>(p), 0, parameters[p].rows, 0, panels}, parameters[p],
                      turned[p], cut, pieces);
    }
    double total = 0;
    for (const Item& item : pieces) total += item.work;
    find_owners(pieces, total, cut);
    items_.clear();
    first_.assign(static_cast<std::size_t>(cut.threads) + 1, 0);
    // One thread has nobody to leave an item to
    const double most =
        cut.threads == 1 ? most_work : std::min(most_work, total / (cut.threads * items_each));
    for (const Item& item : pieces) {
        Item* const last = items_.empty() ? nullptr : &items_.back();
        if (last && last->owner == item.owner && follows(*last, item) &&
            last->work + item.work / 2 < most)
            join(*last, item);
        else
            items_.push_back(item);
        first_[static_cast<std::size_t>(item.owner) + 1] =
            static_cast<std::uint32_t>(items_.size());
    }
    for (std::size_t rank = 0; rank + 1 < first_.size(); ++rank)  // of a thread without any
        first_[rank + 1] = std::max(first_[rank + 1], first_[rank]);
}

}  // namespace clearprop
