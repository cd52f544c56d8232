#!/usr/bin/env bash
# Fuzzes what reads bytes from strangers. Needs a C++ compiler for libFuzzer; no nightly Rust.
#
#   ./fuzz.sh MINUTES [TARGET...]    each target so long, one after the other; all if none is named
#   ./fuzz.sh --brief [TARGET...]    some seconds each, as CI does
#   ./fuzz.sh --replay TARGET FILE   runs one input, to see what is wrong
#   ./fuzz.sh --list                 the targets
#
# What is found is kept in fuzz/artifacts, what was learned in fuzz/corpus. See fuzz/README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

BRIEF_SECONDS=4
# Inputs longer than this teach nothing new.
LENGTH_MAX=2000

targets() {
    for file in fuzz/fuzz_targets/*.rs; do
        basename "$file" .rs
    done
}

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0"
}

# What cargo-fuzz passes too, but for the sanitizer, which takes a nightly compiler: there is no
# unsafe code here that it could watch.
build() {
    host=$(rustc -vV | sed -n 's/^host: //p')
    export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares"
    # With --target the flags reach the targets alone, not what builds them.
    cargo build --quiet --release --manifest-path fuzz/Cargo.toml --bins --target "$host" "$@"
    built=fuzz/target/$host/release
}

# run SECONDS TARGET: leaves the last of what libFuzzer said in $last.
run() {
    local seconds=$1 target=$2 log
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    log=fuzz/artifacts/$target/log
    local status=0
    RUST_BACKTRACE=0 "$built/$target" "fuzz/corpus/$target" "fuzz/seeds/$target" \
        -max_total_time="$seconds" -max_len=$LENGTH_MAX -timeout=10 -rss_limit_mb=2048 \
        -use_value_profile=1 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$target/" >"$log" 2>&1 || status=$?
    last=$(grep -E '^#[0-9]+.*cov:' "$log" | tail -n 1)
    if ((status != 0)); then
        grep -vE '^(#[0-9]|INFO|stat::|$)' "$log" | tail -n 15
    fi
    return $status
}

quickly=()
case ${1-} in
    --list)
        targets
        exit
        ;;
    --replay)
        [[ $# == 3 ]] || { usage; exit 2; }
        build
        RUST_BACKTRACE=1 exec "$built/$2" "$3"
        ;;
    --brief)
        seconds=$BRIEF_SECONDS
        # So few seconds are not worth a build that takes minutes.
        for package in bootwire bootwire-harness bootwire-proto bootwire-store; do
            quickly+=(--config "profile.release.package.$package.opt-level=1")
        done
        ;;
    '' | *[!0-9]*)
        usage
        exit 2
        ;;
    *) seconds=$(($1 * 60)) ;;
esac
shift

if (($# == 0)); then
    mapfile -t wanted < <(targets)
    set -- "${wanted[@]}"
fi
build "${quickly[@]}"
failed=()
for target; do
    if [[ ! -x $built/$target ]]; then
        echo "no target $target: ./fuzz.sh --list" >&2
        exit 2
    fi
    last=
    if run "$seconds" "$target"; then
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz/artifacts/$target/log")
        coverage=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' <<<"$last")
        printf '%-12s ok: %s runs in %s s, %s edges\n' \
            "$target" "${executions:-?}" "$seconds" "${coverage:-?}"
    else
        failed+=("$target")
        found=$(sed -n 's/.*Test unit written to //p' "fuzz/artifacts/$target/log" | tail -n 1)
        printf '%-12s FAILED; again with: ./fuzz.sh --replay %s %s\n' \
            "$target" "$target" "${found:-(no input was kept: see fuzz/artifacts/$target/log)}"
    fi
done
if ((${#failed[@]})); then
    exit 1
fi
