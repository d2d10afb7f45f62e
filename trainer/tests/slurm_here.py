"""A real Slurm on this machine: two nodes, each a `slurmd`, as root and without systemd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def why_not() -> str | None:
    """What keeps Slurm from being started here; None: nothing."""
    missing = [one for one in DAEMONS if shutil.which(one, path=PATH) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: slurm-wlm munge)"
    return None if os.geteuid() == 0 else "Slurm's daemons take root"


class Slurm:
    """Two nodes with two CPUs each.

    Args:
        folder: for all its files
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        key = folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o600)
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(3)
        (folder / "state").mkdir()
        (folder / "slurm.conf").write_text(
            f"""
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
        )
        files = {"key-file": key, "pid-file": "munged.pid", "seed-file": "munged.seed"}
        told = [f"--{name}={folder / file}" for name, file in files.items()]
        self._start("munged", "--force", "--foreground", f"--socket={folder}/munge.sock", *told)
        self._until((folder / "munge.sock").exists)
        config = ("-D", "-f", str(folder / "slurm.conf"))
        self._start("slurmctld", *config)
        for node in ("n1", "n2"):
            self._start("slurmd", *config, "-N", node)
        self.until_idle()

    def tell(self, *command: str, cwd: Path | None = None, **environment: str) -> str:
        """Runs one of Slurm's commands; returns what it prints."""
        known = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), **environment}
        ran = subprocess.run(
            command, cwd=cwd, env=known, capture_output=True, text=True, check=False, timeout=120
        )
        return ran.stdout.strip() or ran.stderr.strip()

    def state(self, job: str) -> str:
        """Of a job, such as RUNNING."""
        words = self.tell("scontrol", "show", "job", job).split()
        return next((one[9:] for one in words if one.startswith("JobState=")), "unknown")

    def until(self, job: str, *states: str, patience: float = 120) -> str:
        """Waits until a job is in one of these states; returns which."""
        self._until(lambda: self.state(job) in states, patience)
        return self.state(job)

    def until_idle(self) -> None:
        """Waits until both nodes have put away what ran on them."""
        self._until(lambda: self.tell("sinfo", "-h", "-o", "%T %D") == "idle 2")

    def stop(self) -> None:
        """Ends all jobs and the daemons."""
        self.tell("scancel", "--user=root", "--signal=KILL", "--full")
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            daemon.wait(20)

    def _start(self, name: str, *arguments: str) -> None:
        program = shutil.which(name, path=PATH)
        assert program is not None
        with (self.folder / f"{name}-{len(self._daemons)}.log").open("wb") as log:
            self._daemons.append(
                subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=self.folder)
            )

    def _until(self, true: Callable[[], bool], patience: float = 30) -> None:
        deadline = time.monotonic() + patience
        while not true():
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.1)

    def told(self) -> str:
        """The end of what the daemons say."""
        return "\n".join(one.read_text("utf8")[-2000:] for one in self.folder.glob("*.log"))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
