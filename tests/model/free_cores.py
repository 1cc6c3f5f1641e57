"""Stands for a machine with a number of free cores."""

from daemon.model.cores import Cores


class Free(Cores):
    """So many cores, whatever this machine has."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.most = self.count = count

    def free(self) -> int:
        return self.count
