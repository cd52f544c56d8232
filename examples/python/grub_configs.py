"""Makes a GRUB configuration for each machine: grub_configs.py MACHINES [--listen ADDRESS:PORT]

MACHINES is a JSON file: {"52:54:00:12:34:56": {"hostname": "web1", "image": "debian-12"}}. It is read again
for each request, so a change counts from the next boot on. A machine that is not in it boots from its disk.
"""

from __future__ import annotations

import argparse
import json
import string
from pathlib import Path
from typing import cast

from bootwire import MacAddr, Refusal, Server

INSTALL = string.Template("""\
set timeout=3
menuentry "Install $hostname" {
    linux /images/$image/vmlinuz hostname=$hostname
    initrd /images/$image/initrd
}
""")

FROM_DISK = "exit\n"


def server(machines: Path, listen: str) -> Server:
    app = Server(listen)

    def find(mac: MacAddr) -> dict[str, str] | None:
        known = cast("dict[str, dict[str, str]]", json.loads(machines.read_text()))
        return known.get(str(mac))

    @app.read("/grub/grub.cfg-01-{mac}")
    def grub_config(mac: MacAddr) -> str:
        machine = find(mac)
        return FROM_DISK if machine is None else INSTALL.substitute(machine)

    @app.read("/hostname/{mac}")
    async def hostname(mac: MacAddr) -> str:
        machine = find(mac)
        if machine is None:
            raise Refusal.not_found("Not a machine of ours", detail=f"{mac} is not in {machines}")
        return machine["hostname"] + "\n"

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", type=Path)
    parser.add_argument("--listen", default="[::]:69")
    arguments = parser.parse_args()
    server(arguments.machines, arguments.listen).run()
