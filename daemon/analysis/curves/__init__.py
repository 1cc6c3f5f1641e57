"""Learning curves: what is wrong with a run, as sentences, page, pictures and JSON."""
