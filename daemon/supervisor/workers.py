"""The supervisor's workers: intake, trainer and server processes, and a background thread."""

from dataclasses import dataclass

from daemon.supervisor.background_tasks import BackgroundTasks
from daemon.supervisor.server_process import ServerProcess
from daemon.supervisor.worker_process import WorkerProcess


@dataclass(frozen=True)
class Workers:
    """The workers of one supervisor, which end with it."""

    intake: WorkerProcess
    trainer: WorkerProcess
    server: ServerProcess
    background: BackgroundTasks

    @property
    def gone(self) -> bool:
        """Whether all processes have ended."""
        return self.intake.gone and self.trainer.gone and self.server.gone

    def leave(self) -> None:
        """Order the processes to save their work and end."""
        self.intake.leave()
        self.trainer.leave()
        self.server.leave()

    def kill(self) -> None:
        """Kill the processes; their last commits stand."""
        self.intake.kill(wanted=True)
        self.trainer.kill(wanted=True)
        self.server.kill()

    def close(self) -> None:
        """Close the server's pipes, and wait for the background thread."""
        self.server.close()
        self.background.close()
