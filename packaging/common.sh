# What the scripts of this folder share. To be sourced.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")

# The version is written once: in Cargo.toml.
version=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
# Counts packages of one version, as distributions do.
revision=${BOOTWIRE_PACKAGE_REVISION:-1}
# Who answers for the package. Say who you are if you build it for others.
maintainer=${BOOTWIRE_MAINTAINER:-"Bootwire maintainers <maintainers@bootwire.invalid>"}

# Everything has one time: that of the last commit, unless somebody says otherwise.
if [[ -z ${SOURCE_DATE_EPOCH:-} ]]; then
    SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=$(stat -c %Y "$top/CHANGELOG.md")
fi
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# needs COMMAND PACKAGE: ends if a command is missing.
needs() {
    command -v "$1" >/dev/null || fail "needs $1: apt install $2"
}

# The binary to pack: it must be of this version, and run here, as it writes its own manual pages.
# That of the profile `dist` is smaller by a third than what is tested.
binary=${BOOTWIRE-}
for profile in dist release; do
    [[ -n $binary || ! -x $top/target/$profile/bootwire ]] || binary=$top/target/$profile/bootwire
done
check_binary() {
    [[ -x $binary ]] || fail "no binary${binary:+ at $binary}: cargo build --profile dist, or say BOOTWIRE=FILE"
    local said
    said=$("$binary" --version) || fail "$binary does not run here"
    [[ $said == "bootwire $version" ]] || fail "$binary is \"$said\", not version $version"
}

# The newest version of the C library that the binary asks for.
glibc_version() {
    readelf --version-info "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | cut -d_ -f2
}

# one_time FILE...: gives files and folders, and all in them, the one time.
one_time() {
    find "$@" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}
