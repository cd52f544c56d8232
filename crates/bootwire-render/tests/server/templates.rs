//! A fleet in files: each machine gets its own, and mistakes cost nobody else.

use std::fs;

use bootwire::{ErrorCode, Outcome, Router};
use bootwire_render::dialect::{Probes, Searcher, grub_names, pxelinux_names};
use bootwire_render::inventory::Files;
use bootwire_render::template::Unknown;

use super::*;

const MACHINES: &str = r#"
[[machine]]
mac = "52:54:00:00:00:01"
hostname = "one"
profile = "worker"
vars = { kernel = "/images/vmlinuz", cmdline = "console=ttyS0" }

[[machine]]
mac = "52:54:00:00:00:02"
hostname = "two"
"#;

/// GRUB's and PXELINUX's names, answered from the templates that come with the crate.
fn fleet(dir: &Path) -> Running {
    fs::write(dir.join("machines.toml"), MACHINES).unwrap();
    let machines = Files::open([dir.join("machines.toml")]).unwrap();
    let templates = Templates::open(dir).unwrap();
    let template = |name| Template::new(&templates, name).inventory(machines.clone());
    Running::start(
        Router::new()
            .read(
                "/grub/{*name}",
                Probes::before(template("bootwire/grub.cfg.j2")),
            )
            .read(
                "/pxelinux.cfg/{name}",
                Probes::before(template("bootwire/pxelinux.cfg.j2")),
            ),
    )
}

#[tokio::test]
async fn a_boot_loader_that_walks_its_names_gets_the_file_for_its_machine() {
    let dir = tempfile::tempdir().unwrap();
    let server = fleet(dir.path());
    let who = Searcher {
        mac: "52:54:00:00:00:01".parse().ok(),
        uuid: "4c4c4544-0042-3510-8051-b4c04f4d3233".parse().ok(),
        ip: "192.0.2.1".parse().ok(),
    };
    for (names, expected) in [
        (
            grub_names("/grub", &who),
            "linux '/images/vmlinuz' console=ttyS0",
        ),
        (pxelinux_names("", &who), "KERNEL /images/vmlinuz"),
    ] {
        let (code, _) = server.refused(&names[0]).await;
        assert_eq!(code, ErrorCode::NotFound, "nobody has this UUID");
        let text = server.get(&names[1]).await.unwrap();
        assert!(text.contains(expected), "{text}");
        for miss in &names[3..10] {
            assert_eq!(server.refused(miss).await.0, ErrorCode::NotFound, "{miss}");
        }
    }
    assert_eq!(
        server.get("/grub/x86_64-efi/command.lst").await.unwrap(),
        ""
    );
}

#[tokio::test]
async fn a_machine_without_what_the_template_needs_is_told_little_and_the_record_says_it_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = fleet(dir.path());
    let (code, text) = server.refused("/grub/grub.cfg-01-52-54-00-00-00-02").await;
    assert_eq!(
        (code, text.as_str()),
        (
            ErrorCode::NotDefined,
            "Template failed, the server's log says why"
        )
    );
    server
        .get("/grub/grub.cfg-01-52-54-00-00-00-01")
        .await
        .unwrap();
    let records = server.stop().await;
    assert_eq!(records[0].outcome, Outcome::Internal);
    let detail = records[0].detail.as_deref().unwrap();
    assert!(detail.contains("bootwire/grub.cfg.j2:"), "{detail}");
    assert_eq!(records[1].outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_machine_that_is_unknown_gets_what_the_route_says() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("machines.toml"), MACHINES).unwrap();
    let machines = Files::open([dir.path().join("machines.toml")]).unwrap();
    let template = template(dir.path(), "{{ machine.profile }}").inventory(machines);
    let server = Running::start(
        Router::new()
            .read("/a/{mac}", template.clone())
            .read("/b/{mac}", template.clone().unknown(Unknown::Denied))
            .read(
                "/c/{mac}",
                template.unknown(Unknown::Profile("rescue".to_owned())),
            ),
    );
    let nobody = "52-54-00-00-00-99";
    let text = "This machine is not in the inventory".to_owned();
    assert_eq!(
        server.refused(&format!("/a/{nobody}")).await,
        (ErrorCode::NotFound, text.clone())
    );
    assert_eq!(
        server.refused(&format!("/b/{nobody}")).await,
        (ErrorCode::AccessViolation, text)
    );
    assert_eq!(server.get(&format!("/c/{nobody}")).await.unwrap(), "rescue");
    assert_eq!(server.get("/c/52-54-00-00-00-01").await.unwrap(), "worker");
}
