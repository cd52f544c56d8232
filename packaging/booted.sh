# What only a running systemd shows: the service as it is. To be sourced by packaging/test.
# shellcheck shell=bash disable=SC2154

# Boots the root with its own systemd, in name spaces and a control group of its own.
boot() {
    local groups=/sys/fs/cgroup/unified
    [[ -d $groups ]] || groups=/sys/fs/cgroup
    group=$groups/$(basename "$work")
    mkdir "$group"
    : >"$work/console"
    ln -sf /dev/null "$root/etc/systemd/system/console-getty.service"
    ln -sf /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service"
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup -- bash -c '
            set -e
            root=$1 console=$2
            mount --make-rprivate /
            mount -t proc proc "$root/proc"
            mount -t sysfs -o ro sysfs "$root/sys"
            mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
            touch "$root/dev/console"
            mount --bind "$console" "$root/dev/console"
            mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/run/old"
            mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
            ln -sf pts/ptmx "$root/dev/ptmx"
            ip link set lo up
            cd "$root"
            pivot_root . run/old
            umount -l /run/old
            exec env -i container=bootwire-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                /usr/lib/systemd/systemd --unit=multi-user.target
        ' boot "$root" "$work/console" </dev/null
    ) >"$work/boot" 2>&1 &
    booted=$!
    trap 'halt_booted' EXIT
    within 'systemd does not boot' 60 eval '
        first=$(pgrep -P "$booted" 2>/dev/null) &&
        [[ $(cat /proc/$first/comm) == systemd ]] && machine systemctl is-active --quiet sysinit.target'
}

halt_booted() {
    kill -KILL "$booted" "${first-}" 2>/dev/null || true
    wait "$booted" 2>/dev/null || true
    # Its groups are empty as soon as the last process has gone.
    local end=$((SECONDS + 10))
    until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || ((SECONDS > end)); do
        sleep 0.1
    done
}

# machine COMMAND...: in the Debian that runs.
machine() {
    nsenter --target "$first" --mount --pid --net --uts --ipc --cgroup -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C SYSTEMD_COLORS=0 "$@"
}

# within WHAT SECONDS COMMAND...: tries a command until it works.
within() {
    local what=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            cat "$work/boot"
            machine journalctl --no-pager -n 40 -o short-monotonic || true
            fail "$what"
        fi
        sleep 0.2
    done
}

# fetch NAME FILE: with tftp-hpa's client, from outside of the Debian, in its network.
fetch() {
    rm -f "$work/got"
    nsenter --target "$first" --net -- tftp -m binary 127.0.0.1 -c get "$1" "$work/got" >/dev/null 2>&1
    cmp -s "$2" "$work/got"
}

say() { machine systemctl show --value -p "$1" "${2:-bootwire.service}"; }
drop_in() {
    mkdir -p "$root/etc/systemd/system/$1.d"
    printf '%s\n' "${@:2}" >"$root/etc/systemd/system/$1.d/test.conf"
    machine systemctl daemon-reload
}

try_booted() {
    local pid beats
    mkdir -p "$root/etc/bootwire/hooks"
    head -c 200000 /dev/urandom >"$root/srv/tftp/hello.bin"
    chmod 644 "$root/srv/tftp/hello.bin"
    boot
    within 'the service does not become active' 60 machine systemctl is-active --quiet bootwire.service
    fetch hello.bin "$root/srv/tftp/hello.bin" || fail 'no file'
    [[ $(say StatusText) == Ready* ]] || fail "status: $(say StatusText)"
    ok "Type=notify: started by systemd $(machine systemctl --version | awk 'NR == 1 { print $2 }'), Status: $(say StatusText)"
    pid=$(say MainPID)
    machine grep -q '^CapEff:[[:space:]]*0000000000000000' "/proc/$pid/status" || fail 'has capabilities'
    ok "all of the unit's hardening in force: $(grep -m1 sandbox: <<<"$(machine journalctl --no-pager -u bootwire -o cat)")"

    # Everything a configuration may need: programs, a database, uploads, the cache.
    printf '#!/bin/sh\necho "I am $(id -un), $1"\n' >"$root/etc/bootwire/hooks/who"
    chmod 755 "$root/etc/bootwire/hooks/who"
    cat >"$root/etc/bootwire/bootwire.d/all.toml" <<'END'
identity = { neighbours = true }
inventory = { sqlite = "/var/lib/bootwire/machines.db" }
[[route]]
path = "/who/{name}"
exec = { program = "/etc/bootwire/hooks/who", args = ["{name}"] }
[[route]]
path = "/in/{*path}"
upload = "/var/lib/bootwire/in"
existing = "replace"
END
    machine systemctl restart bootwire.service
    echo 'I am bootwire, you' >"$work/expected"
    fetch who/you "$work/expected" || { cat "$work/got"; machine journalctl -u bootwire -n 20 --no-pager; fail 'the hook'; }
    ok 'a hook runs inside it'
    machine bootwire put /srv/tftp/hello.bin 127.0.0.1:in/copy.bin >/dev/null || fail 'the upload'
    cmp "$root/srv/tftp/hello.bin" "$root/var/lib/bootwire/in/copy.bin"
    ok 'an upload into /var/lib/bootwire'
    machine bootwire boots >/dev/null || fail 'bootwire boots'
    ok 'the admin socket answers root'

    # Reloads.
    echo 'nonsense = 1' >"$root/etc/bootwire/bootwire.d/wrong.toml"
    ! machine systemctl reload bootwire.service 2>/dev/null || fail 'a reload with a mistake works'
    machine systemctl is-active --quiet bootwire.service
    rm "$root/etc/bootwire/bootwire.d/wrong.toml"
    machine systemctl reload bootwire.service ||
        { machine journalctl -u bootwire -n 20 --no-pager; fail 'a reload without a mistake fails'; }
    within 'it is still reloading' 30 eval '[[ $(say SubState) == running ]]'
    fetch hello.bin "$root/srv/tftp/hello.bin" || fail 'no file after a reload'
    ok 'systemctl reload: with a mistake it fails and changes nothing, without it works'

    # The watchdog.
    drop_in bootwire.service '[Service]' 'WatchdogSec=3s'
    machine systemctl restart bootwire.service
    sleep 7
    beats=$(say NRestarts)
    [[ $beats == 0 ]] || fail "restarted $beats times while well"
    machine sh -c "kill -STOP $(say MainPID)"
    within 'the watchdog does not notice' 60 eval '[[ $(say NRestarts) == 1 && $(say SubState) == running ]]'
    fetch hello.bin "$root/srv/tftp/hello.bin" || fail 'no file after the watchdog'
    ok 'the watchdog: quiet for 7 s at WatchdogSec=3s, and a new server for one that is stopped'

    # Another server has the port.
    machine systemctl stop bootwire.service
    [[ $(say Result) == success ]] || fail "stopped: $(say Result)"
    machine systemctl start bootwire.socket
    ! machine bootwire serve /srv/tftp 2>"$work/said" || fail 'two servers on one port'
    grep -q 'the port is in use by systemd, for a socket unit' "$work/said" || { cat "$work/said"; fail 'by whom?'; }
    ok 'a second start says: in use by systemd, for a socket unit'

    # Sockets of systemd, and no capability at all.
    drop_in bootwire.service '[Service]' 'AmbientCapabilities=' 'CapabilityBoundingSet=' 'PrivateUsers=yes'
    fetch hello.bin "$root/srv/tftp/hello.bin" || { machine journalctl -u bootwire -n 20 --no-pager; fail 'socket activation'; }
    grep -q 'takes 1 socket from the service manager (bootwire.socket)' \
        <<<"$(machine journalctl --no-pager -u bootwire -o cat)" ||
        fail 'it does not say so'
    ok 'socket activation: the first request starts the server, which has no capability and a user name space'
    machine systemctl restart bootwire.service
    fetch hello.bin "$root/srv/tftp/hello.bin" || fail 'after a restart'
    # Two sockets of one address.
    machine systemctl stop bootwire.socket bootwire.service
    drop_in bootwire.socket '[Socket]' 'ListenDatagram=' 'ListenDatagram=[::]:69' 'ListenDatagram=[::]:69'
    machine systemctl start bootwire.socket
    fetch hello.bin "$root/srv/tftp/hello.bin" || fail 'two sockets'
    grep -q 'takes 2 sockets' <<<"$(machine journalctl --no-pager -u bootwire -o cat)" || fail 'not two sockets'
    ok 'ListenDatagram= twice: two sockets, two workers'
    machine systemctl stop bootwire.socket bootwire.service

    # Several.
    printf 'listen = "127.0.0.1:1069"\n[[route]]\npath = "/motd"\ntext = "lab"\n' >"$root/etc/bootwire/lab.toml"
    machine systemctl start bootwire@lab.service
    [[ $(machine bootwire get 127.0.0.1:1069:motd -o - 2>/dev/null) == *lab* ]] || fail 'bootwire@lab'
    machine test -S /run/bootwire/lab/admin.sock || fail 'bootwire@lab has no admin socket of its own'
    ok 'bootwire@lab, with an admin socket of its own'

    ! machine journalctl --no-pager -k -o cat | grep -iE 'seccomp|audit.*bootwire' || fail 'a call was refused'
    halt_booted
    trap - EXIT
    rm -rf "$root"/etc/systemd/system/bootwire.{service,socket}.d "$root/etc/bootwire/lab.toml" \
        "$root/etc/bootwire/bootwire.d/all.toml" "$root/etc/bootwire/hooks" "$root/srv/tftp/hello.bin" \
        "$root"/etc/systemd/system/{console-getty,systemd-networkd-wait-online}.service
}
