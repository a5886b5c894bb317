#!/bin/sh
# The main job on a real table: train, look at the figures, predict. `make demo` runs it.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/demo

show() { printf '\n$ %s\n' "$*"; "$@"; }

echo "344 penguins, measured on three islands: which species is a bird of?"
show clearprop train examples/penguins.csv --target species --test 0.2 \
    -o build/demo/penguins.clearprop
show clearprop predict build/demo/penguins.clearprop examples/penguins.csv \
    --probabilities -o build/demo/predictions.csv
show head -4 build/demo/predictions.csv

cat <<'END'

What to try next (". .venv/bin/activate" makes the command known):
  clearprop train examples/penguins.csv --target body_mass_g   a number
  clearprop train YOUR.csv --target COLUMN                     your own table
  clearprop describe build/demo/penguins.clearprop             layer by layer
  clearprop train --help                                       what can be chosen
END
