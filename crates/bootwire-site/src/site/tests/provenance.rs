//! What answers say of themselves for the record.

use bootwire::{CacheUse, Provenance};

use super::origins::Web;
use super::*;

const MACHINES: &str = "[[machine]]\nmac = '52:54:00:12:34:56'\nhostname = 'node-7'\n";

/// Answers everything at the end of a chain.
const DECIDES: &str = "#!/bin/sh\necho '{\"text\": \"from the program\"}'\n";

/// What is said of the answer to a request, or of its refusal, and the machine.
async fn said(site: &Site, request: Request) -> (Provenance, Option<String>) {
    let provenance = match site.app().call(request.clone()).await {
        Ok(answer) => answer.provenance().clone(),
        Err(refusal) => refusal.provenance().clone(),
    };
    (provenance, request.machine().map(|name| (*name).to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_says_what_it_is_also_when_it_refuses() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "boot/vmlinuz", "kernel");
    write(dir.path(), "templates/boot.j2", "for {{ mac }}");
    write(dir.path(), "machines.toml", MACHINES);
    program(dir.path(), "decide", DECIDES);
    let web = Web::with(&[("/initrd", "initrd")]).await;
    let site = open(
        dir.path(),
        &format!(
            r#"
            [inventory]
            files = "machines.toml"
            [cache]
            dir = "cache"
            [origin.images]
            url = "{}"
            [[route]]
            path = "/dir/{{*path}}"
            dir = "boot"
            [[route]]
            path = "/origin/{{*path}}"
            origin = "images"
            [[route]]
            path = "/template/{{mac}}"
            template = "boot.j2"
            [[route]]
            path = "/text"
            text = "hello"
            [[route]]
            path = "/refuse"
            refuse = "busy"
            [[route]]
            path = "/exec/{{mac}}"
            exec = {{ program = "decide", output = "decision" }}
            [[route]]
            path = "/up/{{*path}}"
            op = "write"
            upload = "boot"
            "#,
            web.url()
        ),
    )
    .await;
    for (path, kind, machine) in [
        ("/dir/vmlinuz", "dir", None),
        ("/dir/none", "dir", None),
        ("/origin/initrd", "origin", None),
        ("/origin/none", "origin", None),
        ("/template/525400123456", "template", Some("node-7")),
        // It is not in the inventory: known by what it says.
        (
            "/template/525400000009",
            "template",
            Some("52:54:00:00:00:09"),
        ),
        ("/text", "text", None),
        ("/refuse", "refuse", None),
        ("/exec/525400123456", "exec", Some("52:54:00:12:34:56")),
    ] {
        let (provenance, known) = said(&site, get(path, "10.0.0.7", &[])).await;
        assert_eq!(provenance.answer.as_deref(), Some(kind), "{path}");
        assert_eq!(known.as_deref(), machine, "{path}");
    }
    // One that would be taken, and one that is not.
    for path in ["/up/new", "/up/vmlinuz"] {
        let (provenance, _) = said(&site, put(path, "10.0.0.7")).await;
        assert_eq!(provenance.answer.as_deref(), Some("upload"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_says_the_version_and_how_the_cache_served_it() {
    let dir = tempfile::tempdir().unwrap();
    let web = Web::with(&[("/vmlinuz", "kernel")]).await;
    let config = format!(
        "[cache]\ndir = 'cache'\n[origin.images]\nurl = '{}'\n\
         [[route]]\norigin = 'images'\n",
        web.url()
    );
    let site = open(dir.path(), &config).await;
    for (path, uses) in [
        ("/vmlinuz", [CacheUse::Miss, CacheUse::Hit]),
        ("/none", [CacheUse::Miss, CacheUse::Hit]),
    ] {
        for cache in uses {
            let (provenance, _) = said(&site, get(path, "10.0.0.7", &[])).await;
            assert_eq!(provenance.cache, Some(cache), "{path}");
            assert_eq!(provenance.version.is_some(), path == "/vmlinuz", "{path}");
        }
        let at_hand = site.app().at_hand(&get(path, "10.0.0.7", &[])).unwrap();
        let cache = match at_hand {
            Ok(answer) => answer.provenance().cache,
            Err(refusal) => refusal.provenance().cache,
        };
        assert_eq!(cache, Some(CacheUse::Hit), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_say_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "templates/boot.j2", "x");
    let site = open(
        dir.path(),
        "[[route]]\npath = '/{*path}'\ntemplate = 'boot.j2'\nprobes = true",
    )
    .await;
    for path in ["/pxelinux.cfg/C0A802", "/grub/x86_64-efi/command.lst"] {
        let (provenance, _) = said(&site, get(path, "10.0.0.7", &[])).await;
        assert_eq!(provenance.answer.as_deref(), Some("probe"), "{path}");
    }
}
