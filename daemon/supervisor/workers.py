"""Everything that works for the supervisor: three processes, and a thread for large files."""

from dataclasses import dataclass

from daemon.supervisor.background_tasks import BackgroundTasks
from daemon.supervisor.server_process import ServerProcess
from daemon.supervisor.worker_process import WorkerProcess


@dataclass(frozen=True)
class Workers:
    """They are started and ended together with their supervisor."""

    intake: WorkerProcess
    trainer: WorkerProcess
    server: ServerProcess
    background: BackgroundTasks

    @property
    def gone(self) -> bool:
        """Whether no process is left."""
        return self.intake.gone and self.trainer.gone and self.server.gone

    def leave(self) -> None:
        """Ask the processes to save what they do and end."""
        self.intake.leave()
        self.trainer.leave()
        self.server.leave()

    def kill(self) -> None:
        """End the processes now; the workers' last commits stand."""
        self.intake.kill(wanted=True)
        self.trainer.kill(wanted=True)
        self.server.kill()

    def close(self) -> None:
        """Let go of the server, and wait for the thread."""
        self.server.close()
        self.background.close()
