use std::collections::BTreeMap;
use std::sync::Mutex;

use bootwire::{Outcome, TransferRecord};
use bootwire_boots::Change;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::*;
use crate::collector::{Collector, Mood, PATIENCE, Posted, nobody, until};
use crate::{Telemetry, sample};

fn bench(url: &str) -> (Telemetry, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&notes);
    let endpoint = Endpoint::new(url).unwrap().timeout(Duration::from_secs(1));
    let otlp = Otlp::new(endpoint)
        .every(PATIENCE * 10)
        .quick()
        .notes(move |line| told.lock().unwrap().push(line.to_owned()));
    let telemetry = Telemetry::builder().build();
    telemetry.otlp(&otlp).unwrap();
    (telemetry, notes)
}

fn of<'a>(posted: &'a [Posted], path: &str) -> Vec<&'a Posted> {
    posted.iter().filter(|posted| posted.path == path).collect()
}

fn read(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let read = attributes.iter().map(|attribute| {
        let value = attribute.value.clone().unwrap().value.unwrap();
        let text = match value {
            any_value::Value::StringValue(text) => text,
            any_value::Value::IntValue(number) => number.to_string(),
            any_value::Value::BoolValue(is) => is.to_string(),
            any_value::Value::DoubleValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        (attribute.key.clone(), text)
    });
    read.collect()
}

#[tokio::test]
async fn the_official_messages_read_our_spans() {
    let collector = Collector::new([], Mood::Good).await;
    let (telemetry, _) = bench(&collector.url());
    let good = sample::record().await;
    let mut bad = good.clone();
    bad.id = 8;
    bad.outcome = Outcome::OriginError;
    bad.route = Some("/boot/{*path}".to_owned());
    bad.detail = Some("no\nroute".to_owned());
    telemetry.observe(&[good.clone(), bad]);
    telemetry.finish(PATIENCE).await;

    let posted = collector.posted();
    let traces = of(&posted, "/v1/traces");
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(&*traces[0].body).unwrap();
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(read(&resource.attributes)["service.name"], "bootwire");
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    assert_eq!(spans.len(), 2);
    let span = &spans[0];
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
    assert_ne!(span.trace_id, spans[1].trace_id);
    assert!(span.parent_span_id.is_empty());
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!(span.name, "read");
    assert_eq!(span.start_time_unix_nano, 1_800_000_000_123_456_000);
    assert_eq!(
        span.end_time_unix_nano - span.start_time_unix_nano,
        500_000_000
    );
    let told: Vec<_> = span
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(told, ["answer found", "first data"]);
    let attributes = read(&span.attributes);
    for (key, value) in [
        ("network.protocol.name", "tftp"),
        ("network.peer.address", "10.0.0.7"),
        ("network.peer.port", "49152"),
        ("bootwire.path", "/boot/vmlinuz"),
        ("bootwire.outcome", "complete"),
        ("bootwire.bytes", "10000000"),
    ] {
        assert_eq!(attributes[key], value, "{key}");
    }
    assert!(!attributes.contains_key("error.type"));
    let failed = &spans[1];
    assert_eq!(failed.name, "read /boot/{*path}");
    assert_eq!(failed.status.as_ref().unwrap().code(), StatusCode::Error);
    let attributes = read(&failed.attributes);
    assert_eq!(attributes["error.type"], "origin_error");
    assert_eq!(attributes["bootwire.detail"], "no\\nroute");
}

#[tokio::test]
async fn transfers_are_spans_of_their_boot() {
    let collector = Collector::new([], Mood::Good).await;
    let (telemetry, _) = bench(&collector.url());
    let record = sample::record().await;
    let mut stranger = record.clone();
    stranger.peer = "10.0.0.8:2070".parse().unwrap();
    let mut before = record.clone();
    before.started -= Duration::from_secs(60);
    let mut joined = record.clone();
    joined.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    telemetry.observe(&[record, stranger, before, joined]);
    telemetry.observe_boots(&[Change::Began(sample::boot(false))]);
    telemetry.observe_boots(&[Change::Ended(sample::boot(true))]);
    telemetry.finish(PATIENCE).await;

    let posted = collector.posted();
    let request = of(&posted, "/v1/traces")[0];
    let request = ExportTraceServiceRequest::decode(&*request.body).unwrap();
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    let [transfer, stranger, before, joined, boot] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(boot.name, "boot");
    assert_eq!(boot.kind(), SpanKind::Internal);
    assert!(boot.parent_span_id.is_empty());
    assert_eq!(transfer.trace_id, boot.trace_id);
    assert_eq!(transfer.parent_span_id, boot.span_id);
    for other in [stranger, before] {
        assert_ne!(other.trace_id, boot.trace_id);
        assert!(other.parent_span_id.is_empty());
    }
    assert_eq!(joined.trace_id[..2], [0x0a, 0xf7]);
    assert_eq!(joined.parent_span_id[..2], [0xb7, 0xad]);
    assert_eq!(
        joined.links[0].span_id, boot.span_id,
        "and says whose boot it is of"
    );
    let attributes = read(&transfer.attributes);
    for (key, value) in [
        ("bootwire.machine", "web1"),
        ("bootwire.answer", "dir"),
        ("bootwire.cache", "hit"),
        ("bootwire.limited_by", "client"),
    ] {
        assert_eq!(attributes[key], value, "{key}");
    }
    let status = boot.status.as_ref().unwrap();
    assert_eq!(
        (status.code(), status.message.as_str()),
        (StatusCode::Error, "vmlinuz is not there")
    );
    let attributes = read(&boot.attributes);
    assert_eq!(attributes["bootwire.verdict"], "kernel_missing");
    assert_eq!(attributes["bootwire.verdict.advice"], "Put it there.");
    let drops = telemetry.drops();
    let traces = drops
        .iter()
        .find(|told| told.name == "otlp-traces")
        .unwrap();
    assert_eq!((traces.sent, traces.lost()), (5, 0));
}

#[tokio::test]
async fn the_official_messages_read_our_metrics_and_all_of_them_are_there() {
    let collector = Collector::new([], Mood::Good).await;
    let (telemetry, _) = bench(&collector.url());
    telemetry.observe(&vec![sample::record().await; 3]);
    let snapshot = telemetry.metrics().snapshot();
    telemetry.finish(PATIENCE).await;

    let posted = collector.posted();
    let metrics = of(&posted, "/v1/metrics");
    assert_eq!(metrics.len(), 1, "the last ones");
    let request = ExportMetricsServiceRequest::decode(&*metrics[0].body).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let there = snapshot
        .families
        .iter()
        .filter(|family| !family.series.is_empty());
    for family in there {
        let metric = family.metric;
        let found = metrics
            .iter()
            .find(|found| found.name == metric.name || found.name == metric.series());
        let found = found.unwrap_or_else(|| panic!("{}", metric.name));
        assert_eq!(found.description, metric.help);
    }
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
    let duration = named("bootwire_transfer_duration");
    assert_eq!(duration.unit, "s");
    let Some(Data::Histogram(histogram)) = &duration.data else {
        panic!("{duration:?}")
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum), (3, Some(1.5)));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(read(&point.attributes)["op"], "read");
    let Some(Data::Sum(sum)) = &named("bootwire_route_transfers").data else {
        panic!("a counter")
    };
    assert!(sum.is_monotonic);
}

#[tokio::test]
async fn what_a_collector_refuses_of_a_request_is_counted() {
    let refuses = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 2,
            error_message: "too\nold".to_owned(),
        }),
    };
    let collector = Collector::new([], Mood::Body(refuses.encode_to_vec())).await;
    let (telemetry, notes) = bench(&collector.url());
    telemetry.observe(&vec![sample::record().await; 5]);
    telemetry.finish(PATIENCE).await;
    let drops = telemetry.drops();
    let traces = drops
        .iter()
        .find(|told| told.name == "otlp-traces")
        .unwrap();
    assert_eq!((traces.sent, traces.failed), (3, 2));
    let notes = notes.lock().unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note.ends_with("refused 2 spans: too\\nold")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_dead_collector_costs_counted_spans_and_nothing_else() {
    let record: TransferRecord = sample::record().await;
    let hanging = Collector::new([], Mood::Hang).await;
    let refusing = Collector::new([], Mood::Status(429, "retry-after: 0\r\n")).await;
    for url in [hanging.url(), refusing.url(), nobody().await] {
        let (telemetry, _) = bench(&url);
        for _ in 0..20 {
            telemetry.observe(&vec![record.clone(); 1000]);
        }
        telemetry.finish(Duration::from_millis(100)).await;
        let drops = telemetry.drops();
        let traces = drops
            .iter()
            .find(|told| told.name == "otlp-traces")
            .unwrap();
        assert_eq!(
            (traces.sent, traces.lost(), traces.queued),
            (0, 20_000, 0),
            "{traces:?}"
        );
    }
}

#[tokio::test]
async fn a_collector_can_be_tried_out() {
    let collector = Collector::new([], Mood::Good).await;
    let otlp = |url: &str| Otlp::new(Endpoint::new(url).unwrap());
    otlp(&collector.url()).try_out().await.unwrap();
    let posted = collector.posted();
    assert_eq!(posted.len(), 2);
    assert!(posted.iter().all(|posted| posted.body.is_empty()));
    let error = otlp(&nobody().await).try_out().await.unwrap_err();
    assert!(error.to_string().starts_with("v1/traces: "), "{error}");
    collector.then(Mood::Status(401, ""));
    let error = otlp(&collector.url()).try_out().await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    until(|| collector.posted().len() == 3).await;
}
