"""What evaluations ask and find: suites, answers, differences, sweeps, reproductions."""
