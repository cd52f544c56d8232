//! The list of metrics. What Prometheus scrapes, StatsD is sent, dashboards and alerts ask for, and the
//! reference tells, all comes from here.

use super::kind::{Kind, Label, Metric, Unit};

/// From half a millisecond to ten seconds: answers.
const ANSWERS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// From a tenth of a millisecond to two seconds: networks.
const ROUND_TRIPS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];
/// From five milliseconds to ten minutes: whole transfers.
const TRANSFERS: &[f64] = &[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// From a millisecond to ten minutes: whole objects.
const ORIGINS: &[f64] = &[
    0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
];

/// Declares the metrics: each by its name in the code, and all of them in order.
macro_rules! metrics {
    ($($id:ident: $kind:expr, $name:literal, $unit:ident, [$($label:ident),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Metric = Metric {
                name: $name,
                kind: $kind,
                unit: Unit::$unit,
                labels: &[$(Label::$label),*],
                help: $help,
            };
        )*

        /// Every metric, in the order in which they are shown.
        pub static ALL: &[&Metric] = &[$(&$id),*];
    };
}

metrics! {
    TRANSFERS_ACTIVE: Kind::Gauge, "bootwire_transfers_active", None, [],
        "Transfers running now, requests that wait for their handler among them";
    TRANSFERS_UNPROVEN: Kind::Gauge, "bootwire_transfers_unproven", None, [],
        "Transfers running now whose client has not answered yet";
    REQUESTS_ACCEPTED: Kind::Counter, "bootwire_requests_accepted", None, [Op],
        "Requests that became transfers";
    REQUESTS_REPEATED: Kind::Counter, "bootwire_requests_repeated", None, [],
        "Requests that repeated the request of a running transfer and joined it";
    REQUESTS_UNANSWERED: Kind::Counter, "bootwire_requests_unanswered", None, [Reason],
        "Requests that got no answer, by reason";
    REQUESTS_OVER_LIMIT: Kind::Counter, "bootwire_requests_over_limit", None, [],
        "Requests turned away because the server or the peer had too many transfers";
    TRANSFERS_ENDED: Kind::Counter, "bootwire_transfers_ended", None, [Outcome],
        "Transfers that ended, by outcome";
    UNPROVEN_EXPIRED: Kind::Counter, "bootwire_unproven_expired", None, [],
        "Transfers given up because their client never answered";
    PACKETS_RECEIVED: Kind::Counter, "bootwire_packets_received", None, [],
        "Datagrams received";
    PACKETS_SENT: Kind::Counter, "bootwire_packets_sent", None, [],
        "Datagrams sent";
    PACKETS_MALFORMED: Kind::Counter, "bootwire_packets_malformed", None, [],
        "Datagrams that were no TFTP packet";
    PACKETS_STRAY: Kind::Counter, "bootwire_packets_stray", None, [],
        "Packets for no transfer known: from strangers, or too late";
    ERRORS_WITHHELD: Kind::Counter, "bootwire_errors_withheld", None, [],
        "ERRORs to peers without a transfer that were not sent, to keep within their rate";
    CONTENT_SENT: Kind::Counter, "bootwire_content_sent", Bytes, [],
        "Bytes of content sent, resends included";
    CONTENT_RECEIVED: Kind::Counter, "bootwire_content_received", Bytes, [],
        "Bytes of content received";
    BLOCKS_RESENT: Kind::Counter, "bootwire_blocks_resent", None, [],
        "DATA packets sent again";
    KERNEL_DROPS: Kind::Counter, "bootwire_kernel_drops", None, [],
        "Datagrams that the kernel dropped because a receive buffer was full";
    WORKERS: Kind::Gauge, "bootwire_workers", None, [],
        "Worker threads";
    WORKER_LOAD: Kind::Gauge, "bootwire_worker_load", Ratio, [Worker],
        "Share of its time that a worker thread was busy, lately";

    ROUTE_TRANSFERS: Kind::Counter, "bootwire_route_transfers", None,
        [Route, Op, Outcome, Family, Transport],
        "Transfers that ended, by route";
    ROUTE_CONTENT: Kind::Counter, "bootwire_route_content", Bytes, [Route, Op],
        "Bytes of content that clients acknowledged (reads) or that were stored (writes), by route";
    BLOCKS: Kind::Counter, "bootwire_blocks", None, [Op],
        "Blocks of ended transfers, each counted once however often it was sent";
    BLOCK_TIMEOUTS: Kind::Counter, "bootwire_block_timeouts", None, [],
        "Times that the retransmission timer of an ended transfer ran out";
    TRANSFER_DURATION: Kind::Histogram(TRANSFERS), "bootwire_transfer_duration", Seconds, [Route, Op],
        "Time from the request to the end, of complete transfers";
    FIRST_BYTE: Kind::Histogram(ANSWERS), "bootwire_first_byte", Seconds, [Route, Op],
        "Time from the request to the first DATA";
    ROUND_TRIP: Kind::Histogram(ROUND_TRIPS), "bootwire_round_trip", Seconds, [Family],
        "Round trip to the client, smoothed, at the end of each transfer: its time to answer included";
    HANDLER: Kind::Histogram(ANSWERS), "bootwire_handler", Seconds, [Route],
        "Time from the request to the handler's answer";

    LIMITED: Kind::Counter, "bootwire_transfers_limited", None, [By],
        "Transfers that moved something, by who held them up most";
    WAITING: Kind::Counter, "bootwire_transfers_waiting", Seconds, [By],
        "Time of ended transfers, by whom they waited for";
    GAPS: Kind::Counter, "bootwire_gaps", None, [],
        "Gaps that ACKs of ended transfers told of, or that were seen in what came";
    CACHE_ANSWERS: Kind::Counter, "bootwire_cache_answers", None, [Use],
        "Transfers whose content may be in the cache, by how much of it was";
    ORIGIN: Kind::Histogram(ORIGINS), "bootwire_origin", Seconds, [],
        "Time that a transfer waited for its content, where not all of it was in the cache";

    BOOTS: Kind::Counter, "bootwire_boots", None, [Verdict, Level],
        "Boots that ended, by verdict; once more if what happens later gives one another verdict";
    BOOT_STRANGERS: Kind::Counter, "bootwire_boot_strangers", None, [],
        "Addresses that asked, acknowledged nothing, and made room among boots for others of their kind";

    CACHE_REQUESTS: Kind::Counter, "bootwire_cache_requests", None, [Result],
        "Requests for objects of origins: hit (answered without asking the origin), miss (waited for \
         it), stale (answered with what may be outdated)";
    CACHE_OBJECTS: Kind::Gauge, "bootwire_cache_objects", None, [],
        "Versions of objects in the cache";
    CACHE_DISK: Kind::Gauge, "bootwire_cache_disk", Bytes, [],
        "Bytes that the objects in the cache take, those included that are still to come";
    CACHE_CURRENT: Kind::Gauge, "bootwire_cache_current", Bytes, [],
        "Bytes that the current versions of objects take";
    CACHE_DISK_MAX: Kind::Gauge, "bootwire_cache_disk_max", Bytes, [],
        "Bytes that the cache may take (cache.max)";
    CACHE_MEMORY: Kind::Gauge, "bootwire_cache_memory", Bytes, [],
        "Bytes of small objects in memory";
    CACHE_EVICTED: Kind::Counter, "bootwire_cache_evicted", None, [],
        "Versions of objects removed from the cache to make room";
    ORIGIN_REQUESTS: Kind::Counter, "bootwire_origin_requests", None, [],
        "Times that an origin was asked for something";
    ORIGIN_RETRIES: Kind::Counter, "bootwire_origin_retries", None, [],
        "Attempts at an origin that failed and were made again";
    ORIGIN_FETCHED: Kind::Counter, "bootwire_origin_fetched", Bytes, [],
        "Bytes that came from origins into the cache";

    RECORDS_DROPPED: Kind::Counter, "bootwire_records_dropped", None, [],
        "Records lost because those who observe the server fell too far behind";
    EXPORTER_ITEMS: Kind::Counter, "bootwire_exporter_items", None, [Exporter, Delivery],
        "Items that an exporter sent, dropped because the other system is too slow, or failed to deliver";
    EXPORTER_QUEUE: Kind::Gauge, "bootwire_exporter_queue", None, [Exporter],
        "Items that wait for an exporter now";
    SUBSCRIBERS: Kind::Gauge, "bootwire_subscribers", None, [],
        "Subscribers of the live stream of records now";
    SUBSCRIBER_LOST: Kind::Counter, "bootwire_subscriber_lost", None, [],
        "Records that subscribers of the live stream lost because they were too slow";

    PROCESS_CPU: Kind::Counter, "process_cpu", Seconds, [],
        "Processor time of the process, user and system together";
    OWN_MEMORY: Kind::Gauge, "bootwire_own_memory", Bytes, [],
        "Memory of the process, without files that are mapped";
    PROCESS_MEMORY: Kind::Gauge, "process_resident_memory", Bytes, [],
        "Memory of the process, files that are mapped included";
    PROCESS_START: Kind::Gauge, "process_start_time", Seconds, [],
        "When the process started, in seconds since 1970";
    BUILD: Kind::Info, "bootwire_build", None, [Version, Os, Arch],
        "Version of Bootwire, and what it was built for";
}
