//! Which commands of the guides are run, and where the others are tried.

use super::Ends::{self, Never, Well, With};

/// What is run, page by page.
pub(super) const HERE: &[(&str, &str, Ends)] = &[
    ("install", "echo hello | sudo tee /srv/tftp/hello.txt", Well),
    ("install", "bootwire get 127.0.0.1:hello.txt -o -", Well),
    ("install", "sudo mkdir -p /srv/tftp", Well),
    (
        "install",
        "bootwire serve /srv/tftp --listen '[::]:6969'",
        Never,
    ),
    (
        "install",
        "mkdir -p /tmp/tftp && echo hello > /tmp/tftp/hello.txt",
        Well,
    ),
    (
        "install",
        "bootwire serve /tmp/tftp --listen 127.0.0.1:6969",
        Never,
    ),
    (
        "install",
        "bootwire get 127.0.0.1:6969:hello.txt -o -",
        Well,
    ),
    ("install", "bootwire check", Well),
    ("install", "bootwire check && bootwire check --live", Well),
    (
        "containers",
        "bootwire check --live --via 192.168.2.1",
        Well,
    ),
    ("kubernetes", "bootwire check --live --via 10.96.0.69", Well),
    (
        "migrating",
        "bootwire migrate tftp-hpa > bootwire.toml",
        Well,
    ),
    (
        "migrating",
        "bootwire migrate dnsmasq /etc/dnsmasq.conf > bootwire.toml",
        Well,
    ),
    ("migrating", "bootwire migrate atftpd > bootwire.toml", Well),
    (
        "migrating",
        "bootwire migrate hooktftp /etc/hooktftp.yml > bootwire.toml",
        Well,
    ),
    ("migrating", "bootwire migrate tftp-hpa", Well),
    (
        "migrating",
        "bootwire migrate tftp-hpa --from /etc/inetd.conf",
        Well,
    ),
    (
        "migrating",
        "bootwire migrate tftp-hpa /etc/tftpd.map -- -s -c /srv/tftp",
        Well,
    ),
    (
        "migrating",
        "bootwire migrate dnsmasq /etc/dnsmasq.conf",
        Well,
    ),
    (
        "migrating",
        "bootwire migrate dnsmasq -- --enable-tftp --tftp-root=/srv/tftp",
        Well,
    ),
    ("migrating", "bootwire migrate atftpd", Well),
    (
        "migrating",
        "bootwire migrate atftpd /etc/tftpd.pcre -- --daemon --port 69 /srv/tftp",
        Well,
    ),
    (
        "migrating",
        "bootwire migrate hooktftp /etc/hooktftp.yml",
        Well,
    ),
    ("troubleshooting", "bootwire boots --failed", Well),
    ("troubleshooting", "bootwire check", Well),
    (
        "troubleshooting",
        "bootwire explain 'GET /PATH' --from 10.0.0.7",
        Well,
    ),
    (
        "troubleshooting",
        "bootwire get tftp://192.168.2.1/PATH -o -",
        Well,
    ),
    (
        "troubleshooting",
        "bootwire explain 'GET /nothing' --from 192.168.2.7 --config bootwire.toml",
        With(3),
    ),
    // An origin is out of reach.
    (
        "troubleshooting",
        "bootwire check --config bootwire.toml",
        With(1),
    ),
    (
        "troubleshooting",
        "bootwire explain 'GET /grub/grub.cfg-01-52-54-00-12-34-56' --from 192.168.2.7 --config bootwire.toml",
        Well,
    ),
    (
        "troubleshooting",
        "bootwire explain 'PUT /backups/router1.cfg' --from 10.0.0.1",
        Well,
    ),
    (
        "troubleshooting",
        "bootwire put router1.cfg tftp://192.168.2.1/backups/router1.cfg",
        Well,
    ),
    (
        "troubleshooting",
        "bootwire get tftp://192.168.2.1/hello.txt -o - -v",
        Well,
    ),
];

const INSTALLS: &str = "changes the system: packaging/test does it in a Debian that is thrown away";
const SYSTEMD: &str = "needs systemd: packaging/test boots one, and does it there";
const RPM: &str = "needs Fedora: packaging/test builds the package and checks it with rpmlint";
const OPENRC: &str = "needs OpenRC, which Debian has not: the script is only read there";
const IMAGE: &str = "packaging/container/test makes the image and runs it so";
const BUILDS: &str = "builds for minutes: what ./test and packaging/test begin with";
const WHEEL: &str = "builds for minutes: `./test --python` builds the wheel, and tries it";

/// What is not run, and why.
pub(super) const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "install",
        "sudo apt install ./bootwire_0.1.0-1_amd64.deb",
        INSTALLS,
    ),
    (
        "install",
        "sudo dnf install ./bootwire-0.1.0-1.x86_64.rpm",
        RPM,
    ),
    ("install", "sudo systemctl enable --now bootwire", SYSTEMD),
    (
        "install",
        "sudo firewall-cmd --add-service=tftp --permanent && sudo firewall-cmd --reload",
        RPM,
    ),
    (
        "install",
        "packaging/container/image bootwire.oci.tar && podman load --input bootwire.oci.tar",
        IMAGE,
    ),
    (
        "install",
        "podman run --detach --publish 69:6969/udp --read-only --cap-drop all --volume /srv/tftp:/srv/tftp:ro bootwire:0.1.0",
        IMAGE,
    ),
    (
        "install",
        "sudo tar --directory=/ --keep-old-files -xzf bootwire-0.1.0-x86_64-linux.tar.gz",
        "needs a release: packaging/release makes it",
    ),
    (
        "install",
        "sudo useradd --system --home-dir /var/lib/bootwire --shell /usr/sbin/nologin bootwire",
        INSTALLS,
    ),
    (
        "install",
        "cd /usr/share/doc/bootwire/examples/openrc",
        OPENRC,
    ),
    (
        "install",
        "sudo install -m 755 bootwire.initd /etc/init.d/bootwire",
        OPENRC,
    ),
    (
        "install",
        "sudo install -m 644 bootwire.confd /etc/conf.d/bootwire",
        OPENRC,
    ),
    (
        "install",
        "sudo rc-update add bootwire && sudo rc-service bootwire start",
        OPENRC,
    ),
    (
        "install",
        "cargo install --locked --path crates/bootwire-cli",
        BUILDS,
    ),
    ("install", "cargo build --profile dist --locked", BUILDS),
    ("install", "packaging/deb", BUILDS),
    ("install", "packaging/rpm", BUILDS),
    ("install", "sudo packaging/stage /", INSTALLS),
    ("install", "sudo systemctl reload bootwire", SYSTEMD),
    ("install", "systemctl status bootwire", SYSTEMD),
    ("install", "journalctl -u bootwire -f", SYSTEMD),
    ("install", "sudo systemctl restart bootwire", SYSTEMD),
    (
        "install",
        "sudo systemctl enable --now bootwire@lab",
        SYSTEMD,
    ),
    (
        "install",
        "bootwire top --admin /run/bootwire/lab/admin.sock",
        "stays until a key ends it: the tests of admin/top.rs show it on a terminal",
    ),
    (
        "install",
        "sudo systemctl disable --now bootwire.service",
        SYSTEMD,
    ),
    (
        "install",
        "sudo systemctl enable --now bootwire.socket",
        SYSTEMD,
    ),
    (
        "install",
        "sudo apt install ./bootwire_0.2.0-1_amd64.deb",
        INSTALLS,
    ),
    (
        "install",
        "packaging/release --compare FOLDER",
        "builds a release, twice",
    ),
    (
        "containers",
        "packaging/container/image bootwire.oci.tar",
        IMAGE,
    ),
    ("containers", "podman load --input bootwire.oci.tar", IMAGE),
    (
        "containers",
        "skopeo copy oci-archive:bootwire.oci.tar docker://registry.example.com/bootwire:0.1.0",
        "needs a registry",
    ),
    (
        "containers",
        "podman run --detach --name bootwire --publish 69:6969/udp --read-only --cap-drop all --security-opt no-new-privileges --volume /srv/tftp:/srv/tftp:ro bootwire:0.1.0",
        IMAGE,
    ),
    (
        "containers",
        "podman exec bootwire bootwire check --live",
        IMAGE,
    ),
    (
        "kubernetes",
        "helm install boot packaging/kubernetes/chart --namespace bootwire --create-namespace --set image.repository=registry.example.com/bootwire --set volume.persistentVolumeClaim.claimName=tftp",
        "needs a cluster: packaging/kubernetes/test renders the chart with Helm",
    ),
    ("install", "bindings/python/wheel", WHEEL),
    ("install", "pip install dist/bootwire-*.whl", WHEEL),
    ("troubleshooting", "systemctl status bootwire", SYSTEMD),
    ("troubleshooting", "journalctl -u bootwire -n 20", SYSTEMD),
    (
        "troubleshooting",
        "tcpdump -ni any 'udp port 69 or udp portrange 30000-60999' and host 10.0.0.7",
        "watches until a key ends it",
    ),
];
