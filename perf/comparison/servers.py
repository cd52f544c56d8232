"""The servers: how each comes here, and how it is started.

Everything is put below `perf/target`; nothing is installed on the machine and no service starts.
Where a server has a limit that a row would hit (clients at a time), it is raised: a server is
measured for what it can, not for its defaults. All else is as it comes.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import seen
from .places import BOOTWIRE, FILES, PEERS, PERF, ROOT, TARGET, built

DEBIAN = PEERS / "debian"
PYTHON = PEERS / "python"


@dataclass
class Server:
    """A server to be measured."""

    name: str
    version: str
    command: list[str]
    address: str = "127.0.0.1"
    port: int = 6901
    env: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{self.port}"


class Missing(Exception):
    """A server cannot be had here; says why."""


def run(*command: str, cwd: Path | None = None, **env: str) -> str:
    """Runs a command; its output, or Missing with the end of what it said."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:4])}: {done.stdout.strip()[-400:]}")
    return done.stdout


def build_own() -> None:
    """Builds Bootwire and the programs of the perf workspace."""
    run("cargo", "build", "--release", "--locked", "-p", "bootwire-cli", cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    BOOTWIRE.unlink(missing_ok=True)
    TARGET.mkdir(exist_ok=True)
    shutil.copy2(target / "release" / "bootwire", BOOTWIRE)
    run("cargo", "build", "--release", "--workspace", cwd=PERF, CARGO_TARGET_DIR=str(TARGET))


def bootwire(*more: str, name: str = "bootwire") -> Server:
    version = run(str(BOOTWIRE), "--version").split()[-1]
    server = Server(name, version, [])
    # Rows ask for windows of 64 from the first transfer on.
    server.command = [str(BOOTWIRE), "serve", str(FILES), "--listen", server.endpoint,
                      "--windowsize-first", "64",
                      "--workers", "1", *more]
    return server


def single_port() -> Server:
    return bootwire("--single-port", name="bootwire-single-port")


def seen_by_all() -> Server:
    """Everything that tells what happens, and somebody who listens."""
    return configured("bootwire-seen", alive=True)


def seen_by_nobody() -> Server:
    """The same, and nobody listens: databases, collectors and webhooks are dead."""
    return configured("bootwire-unheard", alive=False)


def configured(name: str, alive: bool) -> Server:
    server = bootwire(name=name)
    config = seen.config(name, server.endpoint, alive)
    server.command = [str(BOOTWIRE), "serve", "--config", str(config)]
    return server


def program() -> Server:
    server = Server("bootwire-program", "perf/program", [])
    server.command = [str(built("perf-program")), str(FILES), server.endpoint]
    return server


def reference() -> Server:
    server = Server("tokio-reference", "perf/reference", [])
    server.command = [str(built("perf-reference")), str(FILES), server.endpoint]
    return server


def reference_open() -> Server:
    server = reference()
    server.name = "tokio-files"
    server.command.insert(1, "--open")
    return server


def tftpd_hpa() -> Server:
    version, env = debian("tftpd-hpa")
    need_root("tftpd-hpa, which changes its root,")
    server = Server("tftpd-hpa", version, [], env=env)
    server.command = [str(DEBIAN / "tftpd-hpa/usr/sbin/in.tftpd"), "-L", "-a", server.endpoint,
                      "-u", "root", "-s", str(FILES)]
    return server


def atftpd() -> Server:
    version, env = debian("atftpd")
    server = Server("atftpd", version, [], env=env)
    user = f"{os.getuid()}" if os.getuid() else "root.root"
    server.command = [str(DEBIAN / "atftpd/usr/sbin/atftpd"), "--daemon", "--no-fork",
                      "--bind-address", server.address, "--port", str(server.port),
                      "--user", user, "--group", "root", "--maxthread", "10000",
                      "--verbose=3", str(FILES)]
    return server


def dnsmasq() -> Server:
    version, env = debian("dnsmasq-base")
    need_root("dnsmasq, which always listens on port 69,")
    server = Server("dnsmasq", version, [], address="127.0.0.69", port=69, env=env)
    server.command = [str(DEBIAN / "dnsmasq-base/usr/sbin/dnsmasq"), "--keep-in-foreground",
                      "--conf-file=/dev/null", "--pid-file=", "--port=0", "--user=root",
                      "--log-facility=-", "--bind-interfaces",
                      f"--listen-address={server.address}", "--enable-tftp",
                      f"--tftp-root={FILES}", "--tftp-max=10000", "--edns-packet-max=65535"]
    return server


def tftpd_crate() -> Server:
    place = PEERS / "tftpd-1.0.0"
    if not (place / "bin/tftpd").exists():
        run("cargo", "install", "tftpd", "--version", "1.0.0", "--locked", "--root", str(place),
            CARGO_TARGET_DIR=str(PEERS / "build"))
    server = Server("tftpd-crate", "1.0.0", [])
    server.command = [str(place / "bin/tftpd"), "-i", server.address, "-p", str(server.port),
                      "-d", str(FILES), "-r"]
    return server


def async_tftp() -> Server:
    server = Server("async-tftp", "0.4.2", [])
    server.command = [str(built("perf-peer-async-tftp")), str(FILES), server.endpoint]
    return server


def fbtftp() -> Server:
    if not (PYTHON / "fbtftp").exists():
        run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PYTHON),
            "fbtftp==0.5")
    server = Server("fbtftp", f"0.5, Python {platform.python_version()}", [],
                    env={"PYTHONPATH": str(PYTHON)})
    python = os.path.realpath(sys.executable)
    server.command = [python, str(PERF / "peers/fbtftp_server.py"), str(FILES), server.address,
                      str(server.port)]
    return server


def packages() -> dict[str, str]:
    """The Python packages of Bootwire, installed from their wheels: `perf/python` takes them anew."""
    place = PEERS / "bootwire-python"
    if not (place / "bootwire").exists():
        install(run(str(ROOT / "bindings/python/wheel"), cwd=ROOT).split())
    return {"PYTHONPATH": str(place)}


def install(wheels: list[str]) -> None:
    """Installs what of these words is a wheel, and nothing else, for `packages`."""
    place = PEERS / "bootwire-python"
    shutil.rmtree(place, ignore_errors=True)
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
        "--target", str(place), *(word for word in wheels if word.endswith(".whl")))


def bootwire_fbtftp() -> Server:
    """The program of `fbtftp`, unchanged, on Bootwire."""
    server = fbtftp()
    server.name = "bootwire-fbtftp"
    server.version = f"Python {platform.python_version()}"
    server.env = packages()
    return server


def bootwire_python() -> Server:
    """A handler of the package `bootwire`, which answers with a path."""
    server = bootwire_fbtftp()
    server.name = "bootwire-python"
    server.command[1] = str(PERF / "peers/bootwire_server.py")
    return server


SERVERS = {
    "bootwire": bootwire,
    "bootwire-single-port": single_port,
    "bootwire-program": program,
    "tokio-reference": reference,
    "tokio-files": reference_open,
    "tftpd-hpa": tftpd_hpa,
    "atftpd": atftpd,
    "dnsmasq": dnsmasq,
    "tftpd-crate": tftpd_crate,
    "async-tftp": async_tftp,
    "fbtftp": fbtftp,
    "bootwire-fbtftp": bootwire_fbtftp,
    "bootwire-python": bootwire_python,
    "bootwire-seen": seen_by_all,
    "bootwire-unheard": seen_by_nobody,
}

# They tell what happens to somebody.
LISTENED_TO = ["bootwire-seen", "bootwire-unheard"]

# Measured only if they are named.
ON_REQUEST = ["bootwire-fbtftp", "bootwire-python", *LISTENED_TO]


def need_root(who: str) -> None:
    if os.getuid() != 0:
        raise Missing(f"{who} needs root")


def debian(package: str) -> tuple[str, dict[str, str]]:
    """Unpacks a Debian package and the libraries it needs; its version and environment."""
    place = DEBIAN / package
    if not place.exists():
        if not shutil.which("apt-get"):
            raise Missing("no apt-get here")
        archives = DEBIAN / f"{package}.archives"
        shutil.rmtree(archives, ignore_errors=True)
        archives.mkdir(parents=True)
        # The sandbox user of apt cannot write here.
        fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download"]
        try:
            run(*fetch, package, *libraries(package), cwd=archives)
        except Missing:
            run("apt-get", "update")
            run(*fetch, package, *libraries(package), cwd=archives)
        fresh = DEBIAN / f"{package}.unpacking"
        for archive in archives.glob("*.deb"):
            run("dpkg-deb", "-x", str(archive), str(fresh))
        (fresh / "VERSION").write_text(
            re.search(r"_([^_]+)_", next(archives.glob(f"{package}_*.deb")).name)[1]
            .replace("%3a", ":"))
        fresh.rename(place)
    lib = place / "usr/lib"
    paths = [str(path) for path in (*lib.glob("*-linux-gnu"), *(place / "lib").glob("*-linux-gnu"))]
    return (place / "VERSION").read_text(), {"LD_LIBRARY_PATH": ":".join(paths)}


def libraries(package: str) -> list[str]:
    """The libraries a package depends on that are not on this machine."""
    no = [f"--no-{kind}" for kind in
          ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    names = set(re.findall(r"^(lib[\w.+-]+)$",
                           run("apt-cache", "depends", "--recurse", *no, package), re.M))
    return sorted(name for name in names if not installed(name))


def installed(name: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name],
                          capture_output=True, text=True)
    return done.stdout == "installed"
