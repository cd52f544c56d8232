//! Alert rules for Prometheus, each with what to do.

use std::fmt::Write;

use super::kind::{Label, Metric};
use super::list;
use super::promql::each_over;

/// The job that rules look for, unless told otherwise.
pub const JOB: &str = "bootwire";

/// One rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// `critical`: machines do not boot. `warning`: they may not soon, or something is lost.
    pub severity: &'static str,
    /// How long it has to be so.
    pub lasting: &'static str,
    /// When it is so.
    pub when: String,
    /// What is the matter.
    pub summary: &'static str,
    /// What it means and what to do.
    pub description: &'static str,
}

/// The rules, for servers that Prometheus scrapes as `job`.
#[must_use]
pub fn alerts(job: &str) -> Vec<Alert> {
    let job = quoted(job);
    let five = each_over("5m");
    let ten = each_over("10m");
    let half = each_over("30m");
    let outcome = |outcome| [(Label::Outcome, outcome)];
    let ended = |is| five.rate(&list::TRANSFERS_ENDED, &[], &outcome(is));
    let unanswered =
        |reason| five.rate(&list::REQUESTS_UNANSWERED, &[], &[(Label::Reason, reason)]);
    vec![
        Alert {
            name: "BootwireDown",
            severity: "critical",
            lasting: "2m",
            when: format!("up{{job={job}}} == 0 or absent(up{{job={job}}})"),
            summary: "Bootwire on {{ $labels.instance }} does not answer",
            description: "Prometheus gets no metrics: the server is down, or cannot be reached. Look at \
                `systemctl status bootwire` and at its log on that host; `bootwire check` says whether its \
                configuration is sound, and `bootwire get tftp://HOST/NAME` whether it serves.",
        },
        Alert {
            name: "BootwireRestarts",
            severity: "warning",
            lasting: "0m",
            when: format!(
                "changes({}{{job={job}}}[30m]) > 2",
                list::PROCESS_START.series()
            ),
            summary: "Bootwire on {{ $labels.instance }} started {{ $value }} times within half an hour",
            description: "Something ends it again and again, and each time its clients start over. The last \
                lines before each start say why: `journalctl -u bootwire`. If the kernel ran out of memory, \
                lower `cache.memory_max` and `transfers_max`.",
        },
        Alert {
            name: "BootwireBusy",
            severity: "critical",
            lasting: "5m",
            when: format!(
                "{} + {} > 0",
                five.rate(&list::REQUESTS_OVER_LIMIT, &[], &[]),
                ended("=\"busy\"")
            ),
            summary: "Bootwire on {{ $labels.instance }} turns machines away",
            description: "{{ $value | humanize }} requests a second were told that the server is busy. \
                Machines try again, later. If there are more transfers than `transfers_max`, raise it or add a \
                server. If hooks or origins are behind, raise their `concurrency`, or find out why they are \
                slow. If the cache has no room, raise `cache.max`. The log has the reason with each transfer.",
        },
        Alert {
            name: "BootwireBootsFail",
            severity: "warning",
            lasting: "5m",
            when: format!(
                "{} / {} > 0.2 and {} > 0.002",
                half.rate(&list::BOOTS, &[], &[(Label::Level, "=\"bad\"")]),
                half.rate(&list::BOOTS, &[], &[(Label::Level, "=~\"good|bad\"")]),
                half.rate(&list::BOOTS, &[], &[(Label::Level, "=\"bad\"")]),
            ),
            summary: "{{ $value | humanizePercentage }} of boots from {{ $labels.instance }} fail",
            description: "Machines ask, and do not come up. `bootwire boots` on that host lists them, each with \
                where it stopped, why, and what to do; the dashboard shows which verdict is the most common. A \
                file that is missing for all of them, or a change of DHCP or of a template, is the usual cause.",
        },
        Alert {
            name: "BootwireNotAllowed",
            severity: "warning",
            lasting: "15m",
            when: format!("{} > 0.1", unanswered("=\"not_allowed\"")),
            summary: "Clients that Bootwire on {{ $labels.instance }} does not serve ask it all the time",
            description: "{{ $value | humanize }} requests a second come from networks that are not in \
                `allow`, and get no answer. The log names them. If they are yours, add them to `allow`. If not, \
                close UDP port 69 to them.",
        },
        Alert {
            name: "BootwireUnprovenDrops",
            severity: "warning",
            lasting: "5m",
            when: format!("{} > 1", unanswered("=~\"unproven_dropped|rate_limited\"")),
            summary: "Bootwire on {{ $labels.instance }} drops requests beyond its budgets",
            description: "{{ $value | humanize }} requests a second are beyond what one address or network may \
                ask for. Either somebody floods the server, or many machines share an address (NAT, a load \
                generator), or answers do not reach the clients (a firewall that does not know TFTP: see \
                `single_port` and `ports`). The log names the networks. If you trust them, put them into \
                `budgets.unlimited`.",
        },
        Alert {
            name: "BootwireKernelDrops",
            severity: "warning",
            lasting: "10m",
            when: format!("{} > 1", five.rate(&list::KERNEL_DROPS, &[], &[])),
            summary: "The kernel on {{ $labels.instance }} drops packets for Bootwire",
            description: "{{ $value | humanize }} packets a second come faster than the server takes them. \
                Raise `net.core.rmem_max` (8388608 is plenty), see that no other process takes the cores, and \
                give it more `workers`.",
        },
        Alert {
            name: "BootwireOriginErrors",
            severity: "critical",
            lasting: "5m",
            when: format!("{} > 0", ended("=\"origin_error\"")),
            summary: "Origins of Bootwire on {{ $labels.instance }} fail",
            description: "{{ $value | humanize }} transfers a second end because a web server, bucket, hook or \
                disk failed. The log says which and how. What is in the cache is still served. Try the origin \
                from that host with curl; `bootwire check` asks each one.",
        },
        Alert {
            name: "BootwireTimeouts",
            severity: "warning",
            lasting: "10m",
            when: format!(
                "{} / {} > 0.05 and {} > 0.05",
                ten.rate(&list::TRANSFERS_ENDED, &[], &outcome("=\"timeout\"")),
                ten.rate(
                    &list::TRANSFERS_ENDED,
                    &[],
                    &outcome("=~\"complete|timeout\"")
                ),
                ten.rate(&list::TRANSFERS_ENDED, &[], &outcome("=\"timeout\"")),
            ),
            summary: "{{ $value | humanizePercentage }} of transfers from {{ $labels.instance }} time out",
            description: "Clients fall silent in mid transfer. If all of one network do, look at its switches \
                and firewalls: transfers leave from other ports than 69 (`ports`, `single_port`). If many blocks \
                are sent again too, packets get lost: lower `windowsize_max` for those clients with a quirk.",
        },
        Alert {
            name: "BootwireLoss",
            severity: "warning",
            lasting: "15m",
            when: format!(
                "{} / {} > 0.05 and {} > 100",
                ten.rate(&list::BLOCKS_RESENT, &[], &[]),
                ten.rate(&list::BLOCKS, &[], &[]),
                ten.rate(&list::BLOCKS, &[], &[]),
            ),
            summary: "{{ $value | humanizePercentage }} of the blocks from {{ $labels.instance }} are sent again",
            description: "Packets get lost between the server and its clients, and boots take longer. Look at \
                errors and drops of the interface (`ip -s link`) and of the switches' ports. If only some \
                machines lose packets, their network cards are overrun: lower `windowsize_max` for them with a \
                quirk.",
        },
        Alert {
            name: "BootwireSlowFirstByte",
            severity: "warning",
            lasting: "10m",
            when: format!(
                "{} > 1 and {} > 0.05",
                ten.quantile(0.99, &list::FIRST_BYTE, &[]),
                ten.rate_of_values(&list::FIRST_BYTE, &[]),
            ),
            summary: "Bootwire on {{ $labels.instance }} is slow to begin",
            description: "One of 100 transfers waits {{ $value | humanizeDuration }} or longer for its first \
                byte; firmware asks again after a second or so and gives up after a few. The dashboard shows \
                which route it is. Usually a hook, an inventory or an origin is slow: give it a `deadline`, \
                let its answers be remembered, or `prefetch` what all machines need.",
        },
        Alert {
            name: "BootwireExporterDrops",
            severity: "warning",
            lasting: "10m",
            when: format!(
                "{} > 0",
                five.rate(
                    &list::EXPORTER_ITEMS,
                    &[Label::Exporter],
                    &[(Label::Delivery, "!=\"sent\"")]
                )
            ),
            summary: "Bootwire on {{ $labels.instance }} loses what {{ $labels.exporter }} should get",
            description: "{{ $value | humanize }} items a second do not arrive: the other system is dead, slow \
                or refuses them. Transfers do not suffer. The server's log says once a minute what is lost and \
                why; see that the other system runs and that this host may reach it.",
        },
        Alert {
            name: "BootwireRecordsDropped",
            severity: "warning",
            lasting: "5m",
            when: format!("{} > 0", five.rate(&list::RECORDS_DROPPED, &[], &[])),
            summary: "Bootwire on {{ $labels.instance }} loses records of transfers",
            description: "Transfers end faster than their records are written: log, metrics and boots are \
                incomplete. Usually whoever reads standard output is slow; let `log` write to a file.",
        },
        Alert {
            name: "BootwireCacheFull",
            severity: "warning",
            lasting: "10m",
            when: format!(
                "{} / {} > 0.9 and {} > 0",
                five.now(&list::CACHE_CURRENT, &[]),
                five.now(&list::CACHE_DISK_MAX, &[]),
                each_over("1h").rate(&list::CACHE_EVICTED, &[], &[]),
            ),
            summary: "The cache of Bootwire on {{ $labels.instance }} is too small",
            description: "What is current takes {{ $value | humanizePercentage }} of `cache.max`, and objects \
                that machines still ask for make room for each other. Raise `cache.max`, or machines will be \
                told that the server is busy when many boot.",
        },
        Alert {
            name: "BootwireDiskFull",
            severity: "critical",
            lasting: "1m",
            when: format!("{} > 0", ended("=\"disk_full\"")),
            summary: "Uploads to Bootwire on {{ $labels.instance }} find no space",
            description: "Clients were told that the disk is full. Free space where uploads go, or lower \
                `keep_free`; the log names the files.",
        },
        Alert {
            name: "BootwireInternalErrors",
            severity: "warning",
            lasting: "5m",
            when: format!("{} > 0", ended("=\"internal\"")),
            summary: "Bootwire on {{ $labels.instance }} fails by itself",
            description: "{{ $value | humanize }} transfers a second end with an internal error: a template \
                that breaks, a hook that answers nonsense, a bug. The log says which; `bootwire explain PATH` \
                shows what a client gets, step by step.",
        },
        Alert {
            name: "BootwireWorkersBusy",
            severity: "warning",
            lasting: "10m",
            when: format!("{} > 0.9", five.most(&list::WORKER_LOAD, &[])),
            summary: "A worker of Bootwire on {{ $labels.instance }} has no time left",
            description: "It is busy {{ $value | humanizePercentage }} of its time, and its clients wait. Give \
                the server more cores, raise `workers`, or add a server.",
        },
    ]
}

/// The rules as a file for Prometheus (`rule_files`).
#[must_use]
pub fn prometheus(job: &str) -> String {
    let mut out = "# Alerts for Bootwire. Made by `bootwire telemetry alerts`.\ngroups:\n  - name: bootwire\n    rules:\n".to_owned();
    for alert in alerts(job) {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          severity: {}\n        \
             annotations:\n          summary: {}\n          description: {}\n",
            alert.name,
            quoted(&alert.when),
            alert.lasting,
            alert.severity,
            quoted(alert.summary),
            quoted(alert.description),
        );
    }
    out
}

/// The alerts that ask for `metric`.
#[must_use]
pub fn alerts_of(metric: &Metric) -> Vec<&'static str> {
    let series = metric.series();
    let alerts = alerts(JOB).into_iter();
    let asking = alerts.filter(|alert| super::dashboards::asks_for(&alert.when, &series));
    asking.map(|alert| alert.name).collect()
}

/// A text in double quotes, as YAML and queries have it: JSON's is one of both.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
