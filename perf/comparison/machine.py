"""What the numbers were measured on."""

import os
import platform
import subprocess

from .places import ROOT


def facts() -> dict:
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "hypervisor": "hypervisor" in read("/proc/cpuinfo"),
        "load_average": os.getloadavg()[0],
        "rmem_max": int(read("/proc/sys/net/core/rmem_max")),
        "rmem_default": int(read("/proc/sys/net/core/rmem_default")),
        "commit": commit(),
    }


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def processor() -> str:
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT,
                          capture_output=True, text=True)
    return done.stdout.strip()
