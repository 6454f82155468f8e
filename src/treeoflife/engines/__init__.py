"""Where tasks run: this process alone, processes on this computer, a Slurm cluster, a Ray cluster."""
