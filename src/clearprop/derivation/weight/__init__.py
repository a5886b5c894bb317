"""One weight alone: its chain rule by factors, by paths, by layers, by its largest paths."""
