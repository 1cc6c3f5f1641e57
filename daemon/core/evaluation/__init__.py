"""Values of evaluations: suites, answers, differences, targets, sweeps, reproductions."""
