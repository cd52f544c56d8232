//! What the dashboard shows: its panels, with what to make of each.

use super::{Panel, Row};
use crate::metrics::kind::Label;
use crate::metrics::list;
use crate::metrics::promql::DASHBOARD;

/// The rows of the dashboard, and what is in them.
pub(super) fn rows() -> [Row; 5] {
    [
        Row {
            title: "Now",
            panels: now(),
        },
        Row {
            title: "Requests",
            panels: requests(),
        },
        Row {
            title: "Network",
            panels: network(),
        },
        Row {
            title: "Origins and the cache",
            panels: origins(),
        },
        Row {
            title: "The server itself",
            panels: itself(),
        },
    ]
}

fn now() -> Vec<Panel> {
    let of = DASHBOARD;
    let failed = (
        Label::Outcome,
        "!~\"complete|probe|not_found|client_abort\"",
    );
    vec![
        Panel::new("Transfers", "short", "Transfers running now.")
            .with(of.now(&list::TRANSFERS_ACTIVE, &[]), "running")
            .number(),
        Panel::new(
            "Unproven",
            "short",
            "Transfers whose client has not answered yet. Many of them that stay: forged requests, or \
             answers that do not reach the clients.",
        )
        .with(of.now(&list::TRANSFERS_UNPROVEN, &[]), "unproven")
        .number(),
        Panel::new("Sent", "Bps", "Bytes of content a second, resends included.")
            .with(of.rate(&list::CONTENT_SENT, &[], &[]), "sent")
            .number(),
        Panel::new(
            "Failed",
            "cps",
            "Transfers a second that failed for another reason than a missing file or the client's own \
             will.",
        )
        .with(of.rate(&list::TRANSFERS_ENDED, &[], &[failed]), "failed")
        .number(),
        Panel::new("Workers", "short", "Worker threads.")
            .with(of.now(&list::WORKERS, &[]), "workers")
            .number(),
        Panel::new("Versions", "none", "What runs. Each version should be there for a reason.")
            .with(
                format!(
                    "count by (version) ({}{{job=~\"$job\",instance=~\"$instance\"}})",
                    list::BUILD.series()
                ),
                "{{version}}",
            )
            .number(),
    ]
}

fn requests() -> Vec<Panel> {
    let of = DASHBOARD;
    let (route, op) = (Label::Route, Label::Op);
    vec![
        Panel::new(
            "Transfers by outcome",
            "cps",
            "How transfers ended. `probe` and `not_found` are normal: firmware asks for sizes first, and \
             boot loaders search.",
        )
        .with(of.rate(&list::TRANSFERS_ENDED, &[Label::Outcome], &[]), "{{outcome}}")
        .stacked()
        .wide(),
        Panel::new(
            "Transfers by route",
            "cps",
            "Which route of the configuration answered, whatever came of it.",
        )
        .with(of.rate(&list::ROUTE_TRANSFERS, &[route], &[]), "{{route}}")
        .stacked()
        .wide(),
        Panel::new(
            "Boots by verdict",
            "cps",
            "How boots ended. `bootwire boots` and the console show each with what to do.",
        )
        .with(of.rate(&list::BOOTS, &[Label::Verdict], &[]), "{{verdict}}")
        .stacked(),
        Panel::new("Requests accepted", "cps", "Requests that became transfers.")
            .with(of.rate(&list::REQUESTS_ACCEPTED, &[op], &[]), "{{op}}")
            .with(of.rate(&list::REQUESTS_REPEATED, &[], &[]), "repeated"),
        Panel::new(
            "Requests without an answer",
            "cps",
            "Why requests got none. `not_allowed`: add the network to `allow`, if it should be served. \
             `rate_limited` and `unproven_dropped`: see `[budgets]`; the log names the networks.",
        )
        .with(of.rate(&list::REQUESTS_UNANSWERED, &[Label::Reason], &[]), "{{reason}}")
        .with(of.rate(&list::REQUESTS_OVER_LIMIT, &[], &[]), "over a limit (told so)")
        .with(of.rate(&list::UNPROVEN_EXPIRED, &[], &[]), "client never answered")
        .with(of.rate(&list::BOOT_STRANGERS, &[], &[]), "too many such to follow their boots")
        .stacked(),
        Panel::new(
            "Bytes by route",
            "Bps",
            "Content that clients acknowledged, or that was stored. The rest up to what was sent went for \
             nothing.",
        )
        .with(of.rate(&list::ROUTE_CONTENT, &[route], &[]), "{{route}}")
        .stacked(),
        Panel::new(
            "First byte, 99 of 100",
            "s",
            "Time from the request to the first DATA, which 99 of 100 stay below. High: the handler is \
             slow (templates, hooks, inventories, origins), or the disk.",
        )
        .with(of.quantile(0.99, &list::FIRST_BYTE, &[route]), "{{route}}"),
        Panel::new(
            "Handler, 99 of 100",
            "s",
            "Time until there was an answer: its part of the first byte.",
        )
        .with(of.quantile(0.99, &list::HANDLER, &[route]), "{{route}}"),
        Panel::new(
            "Duration of complete transfers",
            "s",
            "Half of them, and 95 of 100, take at most so long.",
        )
        .with(of.quantile(0.5, &list::TRANSFER_DURATION, &[op]), "{{op}}, half")
        .with(of.quantile(0.95, &list::TRANSFER_DURATION, &[op]), "{{op}}, 95 of 100"),
    ]
}

fn network() -> Vec<Panel> {
    let of = DASHBOARD;
    let family = Label::Family;
    let mut panels = bottlenecks();
    panels.extend([
        Panel::new("Bytes", "Bps", "Content, resends included.")
            .with(of.rate(&list::CONTENT_SENT, &[], &[]), "sent")
            .with(of.rate(&list::CONTENT_RECEIVED, &[], &[]), "received"),
        Panel::new("Packets", "pps", "Datagrams.")
            .with(of.rate(&list::PACKETS_SENT, &[], &[]), "sent")
            .with(of.rate(&list::PACKETS_RECEIVED, &[], &[]), "received"),
        Panel::new(
            "Blocks sent again",
            "percentunit",
            "Blocks sent again, for each block of transfers that ended. More than a few in a hundred: \
             packets get lost; look at switches, at the interface's errors, and at `windowsize_max`.",
        )
        .with(
            format!(
                "{} / {}",
                of.rate(&list::BLOCKS_RESENT, &[], &[]),
                of.rate(&list::BLOCKS, &[], &[])
            ),
            "sent again",
        ),
        Panel::new(
            "Round trip",
            "s",
            "Half of the transfers, and 99 of 100, had at most such a round trip; the client's time to \
             answer is part of it.",
        )
        .with(of.quantile(0.5, &list::ROUND_TRIP, &[family]), "{{family}}, half")
        .with(of.quantile(0.99, &list::ROUND_TRIP, &[family]), "{{family}}, 99 of 100"),
        Panel::new(
            "Trouble",
            "cps",
            "Packets that went astray. `kernel drops`: raise net.core.rmem_max, or the number of workers. \
             `timer ran out`: blocks or ACKs were lost, or clients fell silent.",
        )
        .with(of.rate(&list::KERNEL_DROPS, &[], &[]), "kernel drops")
        .with(of.rate(&list::BLOCK_TIMEOUTS, &[], &[]), "timer ran out")
        .with(of.rate(&list::GAPS, &[], &[]), "gaps")
        .with(of.rate(&list::PACKETS_MALFORMED, &[], &[]), "malformed")
        .with(of.rate(&list::PACKETS_STRAY, &[], &[]), "stray")
        .with(of.rate(&list::ERRORS_WITHHELD, &[], &[]), "errors withheld"),
    ]);
    panels
}

/// Who holds transfers up.
fn bottlenecks() -> Vec<Panel> {
    let of = DASHBOARD;
    vec![
        Panel::new(
            "Who holds transfers up",
            "cps",
            "Transfers by who was the bottleneck. `client`: its firmware takes its time; nothing to do here. \
             `network`: packets get lost. `content`: handlers, origins or the disk are slow. `server`: it is \
             short of processor time.",
        )
        .with(of.rate(&list::LIMITED, &[Label::By], &[]), "{{by}}")
        .stacked()
        .wide(),
        Panel::new(
            "Where the time goes",
            "short",
            "For whom transfers wait: so many of them at any time, on average.",
        )
        .with(of.rate(&list::WAITING, &[Label::By], &[]), "{{by}}")
        .stacked()
        .wide(),
    ]
}

fn origins() -> Vec<Panel> {
    let of = DASHBOARD;
    vec![
        Panel::new(
            "Requests for objects",
            "cps",
            "`hit`: answered without asking. `miss`: waited for the origin. `stale`: the origin failed, and \
             the old version was sent.",
        )
        .with(of.rate(&list::CACHE_REQUESTS, &[Label::Result], &[]), "{{result}}")
        .stacked(),
        Panel::new(
            "Origins",
            "cps",
            "How often they were asked, and how often again because they failed.",
        )
        .with(of.rate(&list::ORIGIN_REQUESTS, &[], &[]), "asked")
        .with(of.rate(&list::ORIGIN_RETRIES, &[], &[]), "again after a failure"),
        Panel::new(
            "Content from the cache",
            "cps",
            "Transfers by how much of their content was in the cache. `partial`: some was, or was on its way \
             for others.",
        )
        .with(of.rate(&list::CACHE_ANSWERS, &[Label::Use], &[]), "{{use}}")
        .stacked(),
        Panel::new(
            "Waiting for origins",
            "s",
            "Half of the transfers whose content was not all in the cache, and 99 of 100, waited for it so \
             long.",
        )
        .with(of.quantile(0.5, &list::ORIGIN, &[]), "half")
        .with(of.quantile(0.99, &list::ORIGIN, &[]), "99 of 100"),
        Panel::new("From origins", "Bps", "Bytes fetched into the cache.")
            .with(of.rate(&list::ORIGIN_FETCHED, &[], &[]), "fetched"),
        Panel::new(
            "Cache",
            "bytes",
            "What objects take, and may take (`cache.max`). A full cache is normal; current versions near \
             the limit are not: then machines are told that the server is busy.",
        )
        .with(of.now(&list::CACHE_DISK, &[]), "all versions")
        .with(of.now(&list::CACHE_CURRENT, &[]), "current versions")
        .with(of.now(&list::CACHE_DISK_MAX, &[]), "limit")
        .with(of.now(&list::CACHE_MEMORY, &[]), "in memory"),
        Panel::new("Objects", "short", "Versions of objects in the cache.")
            .with(of.now(&list::CACHE_OBJECTS, &[]), "versions"),
        Panel::new(
            "Evictions",
            "cps",
            "Versions removed to make room. Many a minute: the cache is too small for what boots.",
        )
        .with(of.rate(&list::CACHE_EVICTED, &[], &[]), "evicted"),
    ]
}

fn itself() -> Vec<Panel> {
    let of = DASHBOARD;
    vec![
        Panel::new(
            "Load of the busiest worker",
            "percentunit",
            "Near 100 %: its clients wait. Give the server more cores, or more workers.",
        )
        .with(of.most(&list::WORKER_LOAD, &[Label::Worker]), "worker {{worker}}"),
        Panel::new("Processor", "short", "Cores that the process keeps busy.")
            .with(of.rate(&list::PROCESS_CPU, &[], &[]), "cores"),
        Panel::new(
            "Memory",
            "bytes",
            "Its own grows with transfers and what is kept of boots. The whole of it counts mapped files too, \
             which the kernel takes back when it needs room.",
        )
        .with(of.now(&list::OWN_MEMORY, &[]), "its own")
        .with(of.now(&list::PROCESS_MEMORY, &[]), "with mapped files"),
        Panel::new(
            "Exporters",
            "cps",
            "What was passed on to other systems, and what was lost: `dropped` if they are slow, `failed` if \
             they are dead. Nothing of it slows transfers.",
        )
        .with(
            of.rate(&list::EXPORTER_ITEMS, &[Label::Exporter, Label::Delivery], &[]),
            "{{exporter}} {{delivery}}",
        ),
        Panel::new("Exporters' queues", "short", "What waits for other systems.")
            .with(of.now(&list::EXPORTER_QUEUE, &[Label::Exporter]), "{{exporter}}"),
        Panel::new(
            "Records lost",
            "cps",
            "Transfers of which nobody heard, because those who observe the server were too slow.",
        )
        .with(of.rate(&list::RECORDS_DROPPED, &[], &[]), "by the server")
        .with(of.rate(&list::SUBSCRIBER_LOST, &[], &[]), "by subscribers")
        .with(of.now(&list::SUBSCRIBERS, &[]), "subscribers now"),
    ]
}
