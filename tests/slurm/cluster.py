"""A real Slurm on this host: two nodes, own folder, free ports, no accounting. Needs root, slurm-wlm and munge."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
PATIENCE_SECONDS = 120
CONF = """
ClusterName=treeoflife
SlurmctldHost={host}
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000
SlurmdParameters=config_overrides
MaxArraySize=101
MaxJobCount=2000
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=2
MinJobAge=60
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
EnforcePartLimits=ALL
NodeName=n[1-2] NodeHostname={host} Port=[{ports[1]}-{ports[2]}] CPUs=4 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=OFF State=UP
PartitionName=requeued Nodes=n[1-2] MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=cancelled Nodes=n[1-2] MaxTime=INFINITE PriorityTier=1 PreemptMode=CANCEL State=UP
PartitionName=urgent Nodes=n[1-2] MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=short Nodes=n[1-2] MaxTime=5 PriorityTier=1 PreemptMode=OFF State=UP
"""


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "the real Slurm is started as root"
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    return f"not installed: {', '.join(absent)} (apt-get install slurm-wlm munge)" if absent else ""


class Cluster:
    """``start``, use with the environment variable SLURM_CONF set to ``conf``, ``stop``."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="treeoflife-slurm-"))
        self.folder.chmod(0o755)
        self.conf = self.folder / "slurm.conf"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start munged, slurmctld and two slurmd, and wait for the nodes."""
        self._munge()
        text = CONF.format(folder=self.folder, host=socket.gethostname().split(".")[0], ports=_ports())
        self.conf.write_text(text.lstrip())
        (self.folder / "state").mkdir()
        self.start_controller()
        for name in ("n1", "n2"):
            self.start_node(name)
        self.wait_idle()

    def start_controller(self) -> None:
        """Start slurmctld, with the state that it left."""
        self._spawn("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])

    def stop_controller(self) -> None:
        """End slurmctld as its administrator would."""
        process = self._processes.pop("slurmctld")
        process.terminate()
        process.wait(60)

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node."""
        self._spawn(name, ["slurmd", "-D", "-N", name, "-f", str(self.conf)])

    def kill_node(self, name: str) -> None:
        """SIGKILL to the slurmd of a node and to all that its jobs started, as when a computer loses power."""
        process = self._processes.pop(name)
        doomed = [process.pid, *self._offspring(name)]
        for pid in doomed:
            _kill(pid, signal.SIGSTOP)
        doomed = sorted({*doomed, *self._offspring(name)})
        for pid in doomed:
            _kill(pid, signal.SIGKILL)
        process.wait()

    def jobs(self) -> list[tuple[str, str]]:
        """Id and state of each element of the queue that is not over."""
        lines = self.command("squeue", "-h", "-r", "-o", "%i %T").splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]

    def clear(self) -> None:
        """End all jobs that a test has left."""
        if self.jobs():
            self.command("scancel", "--user", "root")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.jobs():
            assert time.monotonic() < deadline, "the jobs do not end"
            time.sleep(0.2)

    def command(self, *words: str) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(words, env=self.environment(), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def environment(self) -> dict[str, str]:
        """The variables by which Slurm's commands find this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def wait_idle(self, nodes: int = 2) -> None:
        """Wait until so many nodes take jobs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                states = self.command("sinfo", "-h", "-N", "-o", "%T").split()
            except subprocess.SubprocessError:
                states = []
            if sum(state in ("idle", "mixed", "allocated") for state in states) >= nodes:
                return
            assert time.monotonic() < deadline, f"the nodes do not come up: {states}, logs in {self.folder}"
            time.sleep(0.2)

    def stop(self) -> None:
        """End everything that was started, and remove the folder."""
        for name in ("n1", "n2"):
            for pid in self._offspring(name):
                _kill(pid, signal.SIGKILL)
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _munge(self) -> None:
        home = self.folder / "munge"
        home.mkdir()
        (home / "key").write_bytes(secrets.token_bytes(128))
        (home / "key").chmod(0o400)
        user = pwd.getpwnam("munge")
        for path in (home, home / "key"):
            os.chown(path, user.pw_uid, user.pw_gid)
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={home / name}" for option, name in files.items()]
        self._spawn("munged", ["munged", "--foreground", *options], user="munge")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (home / "socket").exists():
            assert time.monotonic() < deadline, "munged does not start"
            time.sleep(0.1)

    def _spawn(self, name: str, words: list[str], user: str | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment(), user=user,
                start_new_session=True,
            )  # fmt: skip

    def _offspring(self, name: str) -> list[int]:
        """The slurmstepd of a node's jobs, and the jobs: their environment names our conf and the node."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "environ").read_bytes().split(b"\0")
                line = (path / "cmdline").read_bytes()
            except OSError:
                continue
            ours = f"SLURM_CONF={self.conf}".encode() in words
            on_node = f"SLURMD_NODENAME={name}".encode() in words or f"-N\0{name}\0".encode() in line
            if (ours and on_node) or (line.startswith(b"slurmstepd") and self._is_stepd_of(path, name)):
                found.append(int(path.name))
        return found

    def _is_stepd_of(self, path: Path, name: str) -> bool:
        spool = str(self.folder / f"spool-{name}")
        try:
            return any(spool in str(fd.readlink()) for fd in (path / "fd").iterdir())
        except OSError:
            return False


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _ports() -> list[int]:
    """Three free ports, of which the last two follow one another, as slurm.conf needs them."""
    while True:
        first = _free_port()
        if all(_is_free(port) for port in (first + 1, first + 2)):
            return [first, first + 1, first + 2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
