use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use bootwire::TransferRecord;

use super::*;
use crate::{Telemetry, sample};

const PATIENCE: Duration = Duration::from_secs(20);

async fn ended(outcome: Outcome, path: &str) -> TransferRecord {
    let mut record = sample::record().await;
    record.outcome = outcome;
    record.path = path.to_owned();
    record
}

/// A log into a file, and what it says of itself.
fn logged(log: Log, path: &Path) -> (Log, Telemetry, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&notes);
    let log = log
        .file(path)
        .notes(move |line| told.lock().unwrap().push(line.to_owned()));
    log.open().unwrap();
    let telemetry = Telemetry::builder().log(&log).build();
    (log, telemetry, notes)
}

async fn lines(log: Log, records: &[TransferRecord]) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (_, telemetry, _) = logged(log, &path);
    telemetry.observe(records);
    telemetry.finish(PATIENCE).await;
    let told = &telemetry.drops()[0];
    assert_eq!((told.sent, told.lost()), (records.len() as u64, 0));
    fs::read_to_string(path).unwrap().lines().count()
}

#[tokio::test]
async fn people_read_what_matters_and_programs_everything() {
    let records = [
        ended(Outcome::NotFound, "/pxelinux.cfg/C0A802").await,
        ended(Outcome::NotFound, "/grub/x86_64-efi/command.lst").await,
        ended(Outcome::Probe, "/bootx64.efi").await,
        ended(Outcome::NotFound, "/pxelinux.cfg/default").await,
        ended(Outcome::Complete, "/bootx64.efi").await,
        ended(Outcome::Timeout, "/vmlinuz").await,
    ];
    for (log, count) in [
        (Log::text(), 3),
        (Log::text().level(Level::Quiet), 2),
        (Log::text().level(Level::All), 6),
        (Log::json(), 6),
        (Log::json().level(Level::Normal), 3),
    ] {
        let name = format!("{log:?}");
        assert_eq!(lines(log, &records).await, count, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_does_not_fill_the_log() {
    let record = ended(Outcome::Malformed, "/x").await;
    let log = Log::json();
    assert_eq!(lines(log.clone(), &vec![record; 100]).await, 20);
    assert_eq!(log.withheld(), 80);
    assert_eq!(log.withheld(), 0);
}

#[tokio::test]
async fn what_is_repeated_is_summed_up_for_people() {
    let records = vec![ended(Outcome::NotFound, "/vmlinuz").await; 322];
    assert_eq!(lines(Log::text(), &records).await, 11);
    assert_eq!(lines(Log::text().level(Level::All), &records).await, 322);
    assert_eq!(lines(Log::json(), &records).await, 322);
}

#[tokio::test]
async fn a_file_that_is_moved_away_under_way_loses_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (log, telemetry, _) = logged(Log::json(), &path);
    let record = ended(Outcome::Complete, "/vmlinuz").await;
    let mut files = Vec::new();
    for at in 0..50 {
        telemetry.observe(&vec![record.clone(); 20]);
        if at % 10 == 5 {
            let moved = dir.path().join(format!("log.{at}"));
            fs::rename(&path, &moved).unwrap();
            files.push(moved);
            log.reopen();
            let there = async {
                while !path.exists() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(PATIENCE, there).await.unwrap();
        }
    }
    telemetry.finish(PATIENCE).await;
    files.push(path);
    let whole: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    assert_eq!(whole.lines().count(), 1000);
    for line in whole.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_costs_lines_that_are_counted_and_told_of_once() {
    let (_, telemetry, notes) = logged(Log::text(), Path::new("/dev/full"));
    let record = ended(Outcome::Complete, "/vmlinuz").await;
    telemetry.observe(&vec![record; 300]);
    telemetry.finish(PATIENCE).await;
    let told = &telemetry.drops()[0];
    assert_eq!((told.sent, told.failed, told.dropped), (0, 300, 0));
    let notes = notes.lock().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("warning: log: /dev/full: No space left"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_journal_gets_an_entry_for_each_and_its_absence_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let record = ended(Outcome::Complete, "/vmlinuz").await;
    let (_, telemetry, notes) = logged(Log::journald(), &path);
    telemetry.observe(&vec![record.clone(); 3]);
    telemetry.finish(PATIENCE).await;
    assert_eq!(telemetry.drops()[0].failed, 3);
    assert_eq!(notes.lock().unwrap().len(), 1);

    let listener = UnixDatagram::bind(&path).unwrap();
    let (_, telemetry, _) = logged(Log::journald(), &path);
    telemetry.observe(&vec![record; 3]);
    telemetry.finish(PATIENCE).await;
    for _ in 0..3 {
        let mut entry = vec![0; 1 << 16];
        let len = listener.recv(&mut entry).unwrap();
        let entry = String::from_utf8_lossy(&entry[..len]);
        assert!(entry.contains("\nPRIORITY=6\n"), "{entry}");
    }
    assert_eq!(telemetry.drops()[0].sent, 3);
}
