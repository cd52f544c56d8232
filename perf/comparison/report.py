"""Results as Markdown."""

from statistics import median

# (key of a run, title, what more means, how a value is written)
METRICS = [
    ("core_us_per_block", "CPU of the server's core, µs per block", "less",
     lambda value: f"{value:.2f}"),
    ("process_us_per_block", "CPU of the server's processes, µs per block", "less",
     lambda value: f"{value:.2f}"),
    ("own_us_per_block", "Of it in the server's own code (user space), µs per block", "less",
     lambda value: f"{value:.3f}"),
    ("core_us_per_transfer", "CPU of the server's core, µs per transfer", "less",
     lambda value: f"{value:.0f}"),
    ("goodput_mib", "Goodput, MiB/s", "more", lambda value: f"{value:.1f}"),
    ("transfers_per_second", "Transfers/s", "more", lambda value: f"{value:.0f}"),
    ("failed", "Failed transfers", None, lambda value: f"{value:.0f}"),
    ("peak_anonymous", "Peak memory of its own, MiB", "less",
     lambda value: f"{value / (1 << 20):.1f}"),
    ("peak_rss", "Peak resident memory (VmHWM, summed), MiB", "less",
     lambda value: f"{value / (1 << 20):.1f}"),
]
# Servers that do the same work: both open and read files, or both have them in memory.
ALIKE = [("bootwire", "tokio-files"), ("bootwire-program", "tokio-reference")]
PER_TRANSFER = ("core_us_per_transfer", "transfers_per_second")


def markdown(results: dict) -> str:
    parts = [heading(results)]
    for key, title, better, show in METRICS:
        rows = [row for row in results["rows"] if row["per_transfer"] or key not in PER_TRANSFER]
        if rows:
            parts.append(f"### {title}\n\n" + table(results, rows, key, better, show))
    pairs = [pair for pair in ALIKE if all(server in results["servers"] for server in pair)]
    if pairs:
        parts.append("### Like beside like\n\n" + alike(results, pairs))
    disturbed = [run for run in results["runs"] if run.get("disturbed")]
    if disturbed:
        parts.insert(1, f"**Disturbed:** in {len(disturbed)} of {len(results['runs'])} runs others"
                        " were at work on the server's core. They are left out where it counts;"
                        " the rest of what they say is not worth much.")
    missing = reasons(results)
    if missing:
        parts.append("### Not run\n\n" + missing)
    return "\n\n".join(parts) + "\n"


def heading(results: dict) -> str:
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {server['version']}"
                         for name, server in results["servers"].items())
    return (
        f"{versions}. {machine['processor']}, {machine['cores']} cores"
        f"{', virtual' if machine['hypervisor'] else ''}, Linux {machine['kernel']}. Server on core"
        f" {settings['server_core']}, bootwire bench on core {settings['load_core']},"
        f" loopback, median of {settings['rounds']} rounds. In brackets: how many times Bootwire's"
        " value of the same round, the median of that."
    )


def values(results: dict, row: str, server: str, key: str) -> dict[int, float]:
    """A metric by round; of disturbed rounds not what the core did."""
    return {run["round"]: run[key] for run in results["runs"]
            if run["row"] == row and run["server"] == server and run.get(key) is not None
            and not (run["disturbed"] and key.startswith("core_"))}


def table(results: dict, rows: list[dict], key: str, better: str | None, show) -> str:
    servers = list(results["servers"])
    raw = key == "core_us_per_block" and results.get("raw")
    limits = [("us", "raw limit"), ("apart_us", "raw limit, two cores")] if raw else []
    lines = [["", *servers, *(title for _, title in limits)]]
    for row in rows:
        base = values(results, row["name"], "bootwire", key)
        line = [row["title"]]
        for server in servers:
            line.append(cell(values(results, row["name"], server, key), base, better, show))
        for name, _ in limits:
            # Measured once, after all rounds.
            limit = raw.get(row["raw"], {}).get(name)
            line.append(cell({turn: limit for turn in base} if limit else {}, base, better, show))
        lines.append(line)
    lines.insert(1, ["---", *["--:" for _ in lines[0][1:]]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def alike(results: dict, pairs: list[tuple[str, str]]) -> str:
    """How many times the CPU of ours the yardstick takes that does the same work, and how many times
    it would be if our own code took none and the kernel what it takes."""
    lines = [["", *(title for ours, theirs in pairs
                    for title in (f"{theirs} : {ours}", "at most")), "wanted"]]
    lines.append(["---", *["--:" for _ in lines[0][1:]]])
    for row in results["rows"]:
        line = [row["title"]]
        for ours, theirs in pairs:
            base = values(results, row["name"], ours, "core_us_per_block")
            own = values(results, row["name"], ours, "own_us_per_block")
            found = values(results, row["name"], theirs, "core_us_per_block")
            kernel = {turn: base[turn] - own[turn] for turn in base if turn in own}
            for least in (base, kernel):
                ratio = times(found, least)
                line.append(f"{ratio:.2f}" if ratio else "–")
        target = row.get("target")
        lines.append([*line, f"{target:g}" if target else ""])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(found: dict[int, float], base: dict[int, float]) -> float | None:
    """The median of the rounds' own ratios: a machine that is slow for a while is so for all servers
    of a round."""
    ratios = [found[turn] / base[turn] for turn in found if base.get(turn)]
    return median(ratios) if ratios else None


def cell(found: dict[int, float], base: dict[int, float], better: str | None, show) -> str:
    if not found:
        return "–"
    value = show(median(found.values()))
    ratio = times(found, base)
    if better is None or ratio is None or found == base:
        return value
    return f"{value} ({ratio:.2f}×)"


def reasons(results: dict) -> str:
    seen = {}
    for run in results["runs"]:
        if "cannot" in run:
            seen.setdefault((run["server"], run["cannot"]), []).append(run["row"])
    for name, why in results["missing"].items():
        seen[(name, why)] = ["all"]
    return "\n".join(f"- {server}, {', '.join(dict.fromkeys(rows))}: {why}"
                     for (server, why), rows in seen.items())
