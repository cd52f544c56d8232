# The steps of packaging/test. To be sourced by it.
# shellcheck shell=bash disable=SC2154
#   $work   a temporary folder, in a mount name space of our own
#   $root   the Debian in which the package is installed

root=$work/root

heading() { printf '\n== %s\n' "$*"; }
ok() { printf 'ok      %s\n' "$*"; }
note() { printf 'note    %s\n' "$*"; }

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        chroot "$root" "$@"
}

# repack DEB NEW COMMAND: makes another package of one, by a command that is run in its tree.
repack() {
    local tree=$work/repack
    rm -rf "$tree"
    dpkg-deb --raw-extract "$1" "$tree"
    (cd "$tree" && eval "$3")
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z |
        xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$tree" "$2" >/dev/null
}

# This very Debian, with a layer above it that takes all that is written.
root_overlay() {
    heading 'A root: this Debian, below an overlay'
    mkdir -p "$work/lower" "$work/layer" "$root"
    # What is mounted in / stays out: /proc, /tmp if it is, disks.
    mount --bind / "$work/lower"
    mount -t tmpfs -o mode=755 tmpfs "$work/layer"
    mkdir "$work/layer/upper" "$work/layer/work"
    if ! mount -t overlay overlay "$root" \
        -o "lowerdir=$work/lower,upperdir=$work/layer/upper,workdir=$work/layer/work"; then
        note 'not tried: all that follows. This machine mounts no overlay (in a container?).'
        exit 0
    fi
    # Where it was installed before: out of the way.
    if [[ -e $root/var/lib/dpkg/info/bootwire.list ]]; then
        inside dpkg --purge bootwire >/dev/null
    fi
    ok "$(inside dpkg-query -f '.' -W | wc -c) packages"
}

# A new Debian of the release and from the source that this one has.
root_debootstrap() {
    local release source proxy
    heading 'A root: a new Debian'
    needs debootstrap debootstrap
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    source=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v release="$release" '$2 == release { print $1; exit }')
    [[ -n $source ]] || fail "apt on this machine has no source for $release"
    proxy=$(apt-config dump Acquire::http::Proxy --format '%v' 2>/dev/null || true)
    [[ -z $proxy ]] || export http_proxy=$proxy
    if [[ -n ${BOOTWIRE_TEST_BASE-} && -d $BOOTWIRE_TEST_BASE ]]; then
        note "not made anew: a copy of $BOOTWIRE_TEST_BASE"
        cp -a --reflink=auto "$BOOTWIRE_TEST_BASE" "$root"
    else
        debootstrap --variant=minbase "$release" "$root" "$source" >"$work/debootstrap.log" ||
            { tail -5 "$work/debootstrap.log"; fail 'debootstrap failed'; }
    fi
    # What this machine's apt is told of its sources holds there too.
    cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
    ok "$release, $(inside dpkg-query -f '.' -W | wc -c) packages"
}

# What programs in it expect of a system.
mount_all() {
    local node
    mount --bind "$root" "$root" 2>/dev/null || true
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
        : >"$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
}

# All files that a package could leave behind, with their owners and modes. Caches and logs of apt and
# dpkg change with every command.
files() {
    (cd "$root" && find etc srv usr var run -xdev \
        \( -path var/lib/dpkg -o -path var/lib/apt -o -path var/cache/apt -o -path var/log/apt \
        -o -path var/log/dpkg.log -o -path var/cache/ldconfig -o -path var/cache/man \
        -o -path var/tmp -o -path etc/ld.so.cache -o -path run/lock -o -path run/systemd \) -prune \
        -o -printf '%y %m %u:%g %p\n' | sort)
}

packages_before() {
    inside dpkg-query -f '${Package}\n' -W | sort >"$work/packages"
}

install() {
    cp "$1" "$root/tmp/"
    inside apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
        "/tmp/$(basename "$1")" >"$work/apt" 2>&1 || { tail -20 "$work/apt"; fail 'apt-get install failed'; }
    if grep -iE '^(warning|W:|E:|dpkg: (warning|error))' "$work/apt" | grep -v 'Download is performed unsandboxed'; then
        fail 'apt-get install complains'
    fi
}

try_installed() {
    local new path
    new=$(inside dpkg-query -f '${Package}\n' -W | sort | comm -13 "$work/packages" - | tr '\n' ' ')
    ok "apt installed: $new"
    for path in usr/bin/bootwire usr/share/man/man1/bootwire-serve.1.gz etc/bootwire/bootwire.toml \
        usr/share/bash-completion/completions/bootwire usr/lib/systemd/system/bootwire.service \
        usr/lib/systemd/system/bootwire.socket usr/lib/systemd/system/bootwire@.service \
        usr/share/bootwire/grafana/bootwire.json usr/share/bootwire/prometheus/bootwire.rules.yml \
        usr/share/doc/bootwire/copyright usr/share/doc/bootwire/changelog.Debian.gz; do
        # Some images leave out documentation, by order to dpkg.
        if [[ $path == usr/share/@(man|doc)/* && ! -e $root/$path ]] &&
            grep -rqs '^path-exclude' "$root/etc/dpkg/dpkg.cfg.d"; then
            note "left out by this Debian's dpkg: $path"
            continue
        fi
        [[ $(stat -c %U:%G "$root/$path") == root:root ]] || fail "$path is not there, or not root's"
    done
    # Dots stand for modes, owners and times as well. Documentation may be left out, see above.
    if inside dpkg --verify bootwire | grep -vE '/usr/share/(man|doc)/'; then
        fail 'files differ from those of the package'
    fi
    ok 'files are where they belong, and as the package has them'
    [[ $(inside getent passwd bootwire) == *:/var/lib/bootwire:/usr/sbin/nologin ]] ||
        fail 'no user bootwire'
    for path in var/lib/bootwire var/cache/bootwire var/log/bootwire run/bootwire; do
        [[ $(inside stat -c %U:%G "/$path") == bootwire:bootwire ]] ||
            fail "/$path is not bootwire's"
    done
    ok 'a user, and folders of its own'
    [[ -L $root/etc/systemd/system/multi-user.target.wants/bootwire.service ]] ||
        fail 'the service is not enabled'
    [[ ! -e $root/etc/systemd/system/sockets.target.wants/bootwire.socket ]] ||
        fail 'the socket is enabled'
    ok 'the service is enabled, the socket is not'
    inside /usr/bin/bootwire check --config /etc/bootwire/bootwire.toml >"$work/check" ||
        { cat "$work/check"; fail 'bootwire check'; }
    ok "bootwire check: $(grep -c ^ok "$work/check") lines, and no FAIL"
}

# A network of its own, where port 69 is free.
network() {
    unshare --net sleep infinity &
    network=$!
    # Until it has left this one.
    while [[ $(readlink /proc/self/ns/net) == "$(readlink /proc/$network/ns/net)" ]]; do
        sleep 0.05
    done
    in_network ip link set lo up
}

in_network() { nsenter --target "$network" --net -- "$@"; }

# as_unit COMMAND...: as bootwire.service starts it, as far as can be imitated without systemd: its user,
# its one capability, no new privileges, and a file system that is read-only but for its folders. To be
# run in the background: it becomes the command.
as_unit() {
    exec nsenter --target "$network" --net -- unshare --mount -- bash -c '
        set -e
        root=$1; shift
        for own in var/lib/bootwire var/cache/bootwire var/log/bootwire run tmp; do
            mount --bind "$root/$own" "$root/$own"
        done
        mount -o remount,bind,ro "$root"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C STATE_DIRECTORY=/var/lib/bootwire \
            CACHE_DIRECTORY=/var/cache/bootwire RUNTIME_DIRECTORY=/run/bootwire ${NOTIFY_SOCKET+NOTIFY_SOCKET="$NOTIFY_SOCKET"} \
            chroot "$root" setpriv --reuid bootwire --regid bootwire --init-groups --no-new-privs \
            --bounding-set=-all,+net_bind_service --inh-caps=-all,+net_bind_service \
            --ambient-caps=-all,+net_bind_service "$@"
    ' as_unit "$root" "$@"
}

# until TEXT COMMAND...: tries a command until it works, for a minute at most.
until_works() {
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { cat "$work/log"; fail "$what"; }
        kill -0 "$server" 2>/dev/null || { cat "$work/log"; fail 'the server ended'; }
        sleep 0.1
    done
}

# get NAME: fetches a file with tftp-hpa's client.
get() {
    rm -f "$work/got"
    in_network tftp -m binary 127.0.0.1 -c get "$1" "$work/got" >/dev/null 2>&1
    cmp -s "$root/srv/tftp/$1" "$work/got"
}

try_serving() {
    local field user
    network
    head -c 300000 /dev/urandom >"$root/srv/tftp/hello.bin"
    chmod 644 "$root/srv/tftp/hello.bin"
    : >"$work/log"
    as_unit /usr/bin/bootwire serve --config /etc/bootwire/bootwire.toml >"$work/log" 2>&1 &
    server=$!
    until_works 'the server does not listen' grep -q '^.*listening on .*:69' "$work/log"
    get hello.bin || { cat "$work/log"; fail 'tftp-hpa does not get the file'; }
    ok 'tftp-hpa fetches a file from port 69'
    user=$(inside id -u bootwire)
    for field in "Uid:$user" CapEff:0000000000000000 CapPrm:0000000000000000 CapBnd:0000000000000400 \
        CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2; do
        grep -q "^${field%%:*}:[[:space:]]*${field#*:}" "/proc/$server/status" ||
            { grep -E '^(Uid|Cap|NoNew|Secc)' "/proc/$server/status"; fail "not $field"; }
    done
    grep -q 'sandbox: .*landlock' "$work/log" || note "$(grep -m1 sandbox: "$work/log")"
    ok "as user bootwire, without capabilities, confined: $(grep -m1 -o 'sandbox: .*' "$work/log")"
    [[ $(inside stat -c %U:%G /run/bootwire/admin.sock) == bootwire:bootwire ]] ||
        fail 'no admin socket'
    ok 'the admin socket is there, for root and the group bootwire'

    # A drop-in of the administrator's.
    printf '[[route]]\npath = "/motd"\ntext = "hello there"\n' >"$root/etc/bootwire/bootwire.d/motd.toml"
    kill -HUP "$server"
    until_works 'it does not reload' grep -q '^reloaded ' "$work/log"
    in_network curl --silent --max-time 10 tftp://127.0.0.1/motd >"$work/got" || true
    rm "$root/etc/bootwire/bootwire.d/motd.toml"
    grep -q '^hello there' "$work/got" || { cat "$work/log"; fail 'the drop-in is not served'; }
    ok 'SIGHUP takes a drop-in'
    kill -TERM "$server"
    wait "$server" || { cat "$work/log"; fail "it ended with $?"; }
    ok "SIGTERM ends it: $(grep -m1 -o 'stopped after.*' "$work/log")"
    rm "$root/srv/tftp/hello.bin"
}

try_units() {
    local unit level
    for unit in bootwire.service bootwire@.service bootwire.socket; do
        inside systemd-analyze verify --man=no "/usr/lib/systemd/system/$unit" 2>"$work/verify" ||
            { cat "$work/verify"; fail "systemd-analyze verify $unit"; }
        ! grep -i bootwire "$work/verify" || fail "systemd-analyze verify $unit complains"
    done
    ok 'systemd-analyze verify: nothing to say'
    for unit in bootwire.service bootwire@.service; do
        level=$(inside systemd-analyze security --no-pager --offline=true --threshold=15 \
            "/usr/lib/systemd/system/$unit" | tail -1) || fail "$level"
        ok "${level#→ }"
    done
}

try_update() {
    local edited='# Edited by the administrator.'
    echo "$edited" >>"$root/etc/bootwire/bootwire.toml"
    echo precious >"$root/var/lib/bootwire/precious"
    # An administrator who does not want it running.
    inside systemctl disable bootwire.service >/dev/null 2>&1
    install "$1"
    [[ $(inside dpkg-query -f '${Version}' -W bootwire) == *-$((revision + 1)) ]] ||
        fail 'the newer version is not there'
    grep -qF "$edited" "$root/etc/bootwire/bootwire.toml" || fail 'the edited configuration is gone'
    grep -qF 'A new line' "$root/etc/bootwire/bootwire.toml.dpkg-dist" || fail 'no .dpkg-dist'
    ok 'the edited configuration stays, the new one lies beside it'
    [[ -e $root/var/lib/bootwire/precious ]] || fail 'the state is gone'
    [[ ! -e $root/etc/systemd/system/multi-user.target.wants/bootwire.service ]] ||
        fail 'the service is enabled again'
    ok 'state stays, and what was disabled stays so'
}

try_purge() {
    local left
    echo mine >"$root/srv/tftp/mine"
    inside apt-get remove -y -q -o Dpkg::Use-Pty=0 bootwire >"$work/apt" 2>&1 || { cat "$work/apt"; fail 'remove failed'; }
    [[ ! -e $root/usr/bin/bootwire ]] || fail 'the binary is still there'
    [[ -e $root/etc/bootwire/bootwire.toml && -e $root/var/lib/bootwire/precious ]] ||
        fail 'remove took configuration or state along'
    ok 'remove leaves configuration, state and files'
    inside apt-get purge -y -q -o Dpkg::Use-Pty=0 bootwire >"$work/apt" 2>&1 || { cat "$work/apt"; fail 'purge failed'; }
    ! grep -i 'not empty' "$work/apt" || fail 'purge leaves folders'
    [[ $(<"$root/srv/tftp/mine") == mine ]] || fail 'purge took files of /srv/tftp along'
    rm "$root/srv/tftp/mine"
    rmdir "$root/srv/tftp"
    left=$(cd "$root" && find etc srv usr var run -xdev -name '*bootwire*' -not -path 'var/tmp/*' \
        -not -path 'var/lib/dpkg/*' -not -path 'var/log/*' -not -path 'run/systemd/*')
    [[ -z $left || -n $short ]] || fail "purge leaves $left"
    ok 'purge takes all but files that somebody put into /srv/tftp'

    # With what it depends on in place, and nobody who puts files anywhere: no trace.
    files >"$work/before"
    install "$deb"
    inside apt-get purge -y -q -o Dpkg::Use-Pty=0 bootwire >"$work/apt" 2>&1
    files >"$work/after"
    diff "$work/before" "$work/after" >"$work/left" || { cat "$work/left"; fail 'that is left'; }
    ok "once more, from nothing to nothing: the same $(wc -l <"$work/after") files as before"
}
