"""tftpy as a command: get or put one file, with options as name=value.

Prints what went wrong and ends with 1 if the transfer failed.
"""

import sys

import tftpy


def main(direction, host, port, remote, local, *options):
    asked = {}
    for option in options:
        name, value = option.split("=")
        asked[name] = int(value)
    client = tftpy.TftpClient(host, int(port), asked)
    transfer = client.download if direction == "get" else client.upload
    try:
        transfer(remote, local, timeout=5)
    except tftpy.TftpShared.TftpException as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
