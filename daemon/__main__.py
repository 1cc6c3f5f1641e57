"""`python -m daemon` is the same command as `finetuned`; knows nothing else."""

from daemon.cli import main

if __name__ == "__main__":
    main()
