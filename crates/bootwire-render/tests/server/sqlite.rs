//! Machines in an SQLite file.

use bootwire::ErrorCode;
use bootwire_render::identity::Identity;
use bootwire_render::inventory::sql::{Imported, SqlError, Sqlite};
use bootwire_render::inventory::{Inventory, LookupKey, Machine};
use serde_json::{Value, json};

use super::*;

fn machine(fields: Value) -> Machine {
    serde_json::from_value(fields).unwrap()
}

fn one() -> Machine {
    machine(json!({
        "mac": "52:54:00:00:00:01", "uuid": "4c4c4544-0042-3510-8051-b4c04f4d3233", "serial": "CZ1",
        "ip": "192.0.2.1", "hostname": "one", "profile": "worker", "vars": {"disk": "/dev/sda", "n": [1]},
    }))
}

fn mac(last: u8) -> LookupKey {
    LookupKey::Mac(bootwire::MacAddr::new([0x52, 0x54, 0, 0, 0, last]))
}

async fn open(dir: &Path) -> Sqlite {
    Sqlite::open(dir.join("machines.db")).await.unwrap()
}

#[tokio::test]
async fn what_is_added_is_found_by_every_key_listed_changed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    machines.add(&one()).await.unwrap();
    for key in one().keys() {
        assert_eq!(machines.get(&key).await.unwrap(), Some(one()), "{key}");
    }
    assert_eq!(
        machines
            .get(&LookupKey::Serial("cz1".into()))
            .await
            .unwrap(),
        Some(one())
    );

    let taken = machine(json!({"mac": "52:54:00:00:00:02", "hostname": "ONE"}));
    let error = machines.add(&taken).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Taken(LookupKey::Hostname(name)) if name == "one"),
        "{error}"
    );
    let error = machines
        .add(&machine(json!({"profile": "x"})))
        .await
        .unwrap_err();
    assert!(matches!(error, SqlError::NoKey));

    let edit = |machine: &mut Machine| machine.profile = Some("storage".to_owned());
    assert!(machines.change(&mac(1), edit).await.unwrap());
    assert!(!machines.change(&mac(9), edit).await.unwrap());
    let changed = machines.list(0, 10).await.unwrap();
    assert_eq!(changed[0].profile.as_deref(), Some("storage"));
    machines.set(&one()).await.unwrap();
    assert_eq!(machines.list(0, 10).await.unwrap(), [one()]);

    assert!(machines.remove(&mac(1)).await.unwrap());
    assert!(!machines.remove(&mac(1)).await.unwrap());
    assert_eq!(machines.count().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_there_just_so_is_added_once() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    let node = |n: u16| machine(json!({"serial": format!("S{n}"), "vars": {"n": n}}));
    let mut some = vec![node(1), node(2)];
    assert_eq!(machines.add_all(&some).await.unwrap().added, 2);
    assert_eq!(machines.add_all(&some).await.unwrap().added, 0);

    // A machine that differs is another one with the same key.
    some.insert(0, node(3));
    some[1].profile = Some("other".to_owned());
    let error = machines.add_all(&some).await.unwrap_err();
    assert_eq!(error.to_string(), "serial s1 belongs to another machine");
    assert_eq!(machines.count().await.unwrap(), 2, "all or none");
}

#[tokio::test]
async fn an_import_is_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    let fleet = |count: u16| -> Vec<Machine> {
        let node =
            |n: u16| machine(json!({"serial": format!("S{n}"), "hostname": format!("node-{n}")}));
        (0..count).map(node).collect()
    };
    let first = machines.import(&fleet(1000)).await.unwrap();
    assert_eq!(
        first,
        Imported {
            added: 1000,
            changed: 0
        }
    );
    let mut more = fleet(1500);
    for machine in &mut more[..700] {
        machine.profile = Some("storage".to_owned());
    }
    let again = machines.import(&more).await.unwrap();
    assert_eq!(
        again,
        Imported {
            added: 500,
            changed: 700
        }
    );
    let mut wrong = fleet(1600);
    wrong.push(Machine::default());
    assert!(machines.import(&wrong).await.is_err());
    assert_eq!(machines.count().await.unwrap(), 1500);
    assert_eq!(machines.list(1499, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_process_edits_while_clients_boot() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    machines.add(&one()).await.unwrap();
    let server = telling(dir.path(), machines.cached());
    assert_eq!(
        server.get("/52-54-00-00-00-01").await.unwrap(),
        "one worker /dev/sda"
    );
    let (code, _) = server.refused("/52-54-00-00-00-02").await;
    assert_eq!(code, ErrorCode::NotFound);

    // As `bootwire machines` does.
    let editor = open(dir.path()).await;
    editor
        .set(&machine(
            json!({"mac": "52:54:00:00:00:01", "hostname": "renamed"}),
        ))
        .await
        .unwrap();
    editor.close().await;
    let renamed = async {
        while server.get("/52-54-00-00-00-01").await.unwrap() != "renamed - -" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(10, renamed).await;
}

#[tokio::test]
async fn many_writers_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    let second = open(dir.path()).await;
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..100 {
        let machines = if n % 2 == 0 {
            first.clone()
        } else {
            second.clone()
        };
        writing.spawn(async move {
            machines
                .add(&machine(json!({"serial": n.to_string()})))
                .await
        });
    }
    for result in writing.join_all().await {
        result.unwrap();
    }
    assert_eq!(first.count().await.unwrap(), 100);
}

#[tokio::test]
async fn a_file_that_is_no_database_or_a_newer_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("machines.db"),
        "certainly no database, but text",
    )
    .unwrap();
    let error = Sqlite::open(dir.path().join("machines.db"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    assert!(
        Sqlite::open(dir.path().join("nowhere/machines.db"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_database_that_goes_away_leaves_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    machines.add(&one()).await.unwrap();
    let server = telling(dir.path(), machines.clone().cached());
    assert_eq!(
        server.get("/52-54-00-00-00-01").await.unwrap(),
        "one worker /dev/sda"
    );
    machines.close().await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(
        server.get("/52-54-00-00-00-01").await.unwrap(),
        "one worker /dev/sda"
    );
    let (code, text) = within(5, server.refused("/52-54-00-00-00-02")).await;
    assert_eq!(
        (code, text.as_str()),
        (ErrorCode::NotDefined, "Inventory not available, try again")
    );
}

fn named(hostname: &str) -> Machine {
    machine(json!({"mac": "52:54:00:00:00:01", "hostname": hostname}))
}

/// Asks until the answer is `expected`; no other than `before` may come meanwhile.
async fn becomes(machines: &Sqlite, before: &str, expected: &str) {
    let asking = async {
        loop {
            let found = machines.get(&mac(1)).await.unwrap().unwrap();
            let name = found.hostname.unwrap();
            if name == expected {
                return;
            }
            assert_eq!(name, before);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(10, asking).await;
}

#[tokio::test]
async fn a_file_that_takes_the_others_place_is_opened_and_nothing_of_the_old_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let machines = machines.report(move |problem| kept.lock().unwrap().push(problem.to_string()));
    machines.add(&named("old")).await.unwrap();
    for (round, name) in ["first", "second", "third"].into_iter().enumerate() {
        let before = ["old", "first", "second"][round];
        // Written, but not yet in the file itself.
        machines
            .add(&machine(json!({"serial": format!("only in {before}")})))
            .await
            .unwrap();
        let other = Sqlite::open(dir.path().join("new.db")).await.unwrap();
        other.add(&named(name)).await.unwrap();
        other.close().await;
        let place = dir.path().join("machines.db");
        std::fs::rename(&place, dir.path().join(format!("{before}.db"))).unwrap();
        if round == 1 {
            // For a while there is none.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            let error = machines.get(&mac(1)).await.unwrap_err();
            assert!(error.to_string().contains("is gone"), "{error}");
        }
        std::fs::rename(dir.path().join("new.db"), &place).unwrap();
        if round == 1 {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        becomes(&machines, before, name).await;
        assert_eq!(machines.count().await.unwrap(), 1, "of {name}");
        let old = Sqlite::open(dir.path().join(format!("{before}.db")))
            .await
            .unwrap();
        assert_eq!(
            old.count().await.unwrap(),
            2,
            "what was moved away is whole"
        );
        old.close().await;
    }
    let told = told.lock().unwrap();
    let place = dir.path().join("machines.db").display().to_string();
    assert!(told.iter().all(|line| line.starts_with(&place)), "{told:?}");
    let replaced = told.iter().filter(|line| line.contains("took its place"));
    assert_eq!(replaced.count(), 3, "{told:?}");
    assert_eq!(
        told.iter().filter(|line| line.contains("is gone")).count(),
        1,
        "{told:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_removed_is_made_anew_only_when_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    machines.add(&named("old")).await.unwrap();
    std::fs::remove_file(dir.path().join("machines.db")).unwrap();
    let gone = async {
        while machines.get(&mac(1)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(10, gone).await;
    assert!(!dir.path().join("machines.db").exists());
    machines.reload().await.unwrap();
    assert_eq!(machines.count().await.unwrap(), 0);
    machines.add(&named("new")).await.unwrap();
    becomes(&machines, "new", "new").await;
}

#[tokio::test]
async fn three_thousand_machines_at_once_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let machines = open(dir.path()).await;
    let all: Vec<Machine> = (0..3000)
        .map(|n| machine(json!({"serial": format!("S{n}"), "hostname": format!("node-{n}")})))
        .collect();
    machines.import(&all).await.unwrap();
    let machines = Arc::new(machines.cached().patience(Duration::from_secs(60)));
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..3000 {
        let machines = Arc::clone(&machines);
        asking.spawn(async move {
            let peer = "192.0.2.7:2000".parse().unwrap();
            let path = format!("/{n}");
            let request = bootwire::Request::synthetic(bootwire::Op::Read, &path, peer, &[]);
            let mut who = Identity::of(&request.unwrap());
            who.serial = Some(bootwire_render::identity::Known {
                value: format!("S{n}"),
                from: bootwire_render::identity::Evidence::Path,
            });
            let found = machines.find(&who).await.unwrap().unwrap();
            assert_eq!(found.hostname, Some(format!("node-{n}")));
        });
    }
    within(60, asking.join_all()).await;
}
