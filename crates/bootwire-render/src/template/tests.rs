//! Templates: what they make, what they refuse, and what changes do.

use std::fs;
use std::path::Path;

use bootwire::{Op, Reason};
use serde_json::json;

use super::*;
use crate::inventory::Files;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn open(&self) -> Templates {
        Templates::open(self.path())
            .unwrap()
            .check_every(Duration::ZERO)
    }
}

/// Renders `text` with `context`; an error as it is shown.
fn render(text: &str, context: Json) -> Result<String, String> {
    let folder = Folder::new();
    let templates = folder.write("t.j2", text).open();
    assert_eq!(templates.problems(), []);
    templates
        .render("t.j2", context)
        .map_err(|error| error.to_string())
}

fn request(path: &str) -> Request {
    let peer = "192.0.2.7:2000".parse().unwrap();
    Request::synthetic(Op::Read, path, peer, &[("blksize", "1024"), ("TSIZE", "0")]).unwrap()
}

#[test]
fn filters_write_what_boot_loaders_read() {
    let context = json!({
        "mac": "52-54-00-12-AB-CD", "ip": "192.168.2.7", "quote": "it's", "path": "a b/ü?.img",
        "n": 7, "line": "console=ttyS0 quiet",
    });
    for (text, expected) in [
        ("{{ mac | mac }}", "52:54:00:12:ab:cd"),
        ("{{ mac | mac_dash }}", "52-54-00-12-ab-cd"),
        ("{{ mac | mac_bare | upper }}", "52540012ABCD"),
        ("{{ mac | mac_dot }}", "5254.0012.abcd"),
        ("{{ mac | mac_pxe }}", "01-52-54-00-12-ab-cd"),
        ("{{ ip | ip_hex }}", "C0A80207"),
        ("{{ quote | grub }}", r"'it'\''s'"),
        ("{{ quote | shell }}", r"'it'\''s'"),
        ("{{ path | url }}", "a%20b%2F%C3%BC%3F.img"),
        ("{{ path | url_path }}", "a%20b/%C3%BC%3F.img"),
        ("{{ line | ipxe_line }}", "console=ttyS0 quiet"),
        ("{{ line | grub_line }}", "console=ttyS0 quiet"),
        (
            "{{ 'a=$x;b  dyndbg=\"file x +p\" {c,d} # e' | grub_line }}",
            "'a=$x;b' 'dyndbg=file x +p' '{c,d}' '#' e",
        ),
        ("{{ n | word }}", "7"),
        ("{{ [1, 'a'] | tojson }}", r#"[1, "a"]"#),
        ("{% if true %}\n  x\n{% endif %}\ny\n", "  x\ny\n"),
    ] {
        assert_eq!(
            render(text, context.clone()).as_deref(),
            Ok(expected),
            "{text}"
        );
    }
}

#[test]
fn what_a_boot_loader_would_misunderstand_is_refused() {
    let context = json!({
        "two": "a\nb", "words": "a b", "setting": "x${net0/mac}", "end": "a ; shell", "esc": "\u{1b}[2J",
        "empty": "", "none": null, "comment": "#x", "option": "--x", "half": "x$", "quote": "a\"b",
        "behind": "a #b",
    });
    for text in [
        "{{ two | grub }}",
        "{{ two | line }}",
        "{{ esc | line }}",
        "{{ words | word }}",
        "{{ empty | word }}",
        "{{ words | ipxe }}",
        "{{ setting | ipxe }}",
        "{{ end | ipxe_line }}",
        "{{ comment | ipxe }}",
        "{{ comment | ipxe_line }}",
        "{{ behind | ipxe_line }}",
        "{{ option | ipxe }}",
        "{{ half | ipxe }}",
        "{{ quote | word }}",
        "{{ quote | grub_line }}",
        "{{ two | grub_line }}",
        "{{ words | mac }}",
        "{{ words | ip_hex }}",
        "{{ none | grub }}",
        "{{ missing | grub }}",
        "{{ missing | url }}",
    ] {
        let error = render(text, context.clone()).unwrap_err();
        assert!(error.starts_with("template t.j2:1: "), "{text}: {error}");
        assert!(!error.contains(['\n', '\u{1b}']), "{text}: {error}");
    }
}

#[test]
fn errors_name_template_and_line_down_to_the_one_at_fault() {
    let folder = Folder::new();
    folder
        .write("outer.j2", "one\n{% include \"grub/inner.j2\" %}\n")
        .write("grub/inner.j2", "\n\n{{ vars.disk }}\n")
        .write("missing.j2", "{% include \"nowhere.j2\" %}")
        .write("filter.j2", "{{ 1 | nosuch }}");
    let templates = folder.open();
    let error = |name: &str| {
        templates
            .render(name, json!({"vars": {}}))
            .unwrap_err()
            .to_string()
    };
    let inner = error("outer.j2");
    assert!(inner.contains("outer.j2:2: "), "{inner}");
    assert!(
        inner.contains("grub/inner.j2:3: undefined value"),
        "{inner}"
    );
    assert!(inner.contains("disk"), "{inner}");
    assert!(error("missing.j2").contains("nowhere.j2"));
    assert!(error("filter.j2").contains("filter.j2:1: unknown filter"));
    assert_eq!(error("gone.j2"), "no template \"gone.j2\"");
}

#[test]
fn endless_and_endlessly_long_templates_are_stopped() {
    let forever =
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    let error = render(forever, json!({})).unwrap_err();
    assert_eq!(error, "template t.j2: more than 200000 instructions");
    let long = "{% for a in range(1000) %}{{ text }}{% endfor %}";
    let error = render(long, json!({"text": "x".repeat(10_000)})).unwrap_err();
    assert_eq!(error, "template t.j2: more than 4194304 bytes of output");
    let error = render("{% include 't.j2' %}", json!({})).unwrap_err();
    assert!(
        error.contains("recursion") || error.contains("stack"),
        "{error}"
    );
    let mut nested = "{{ ".to_owned();
    nested.push_str(&"(".repeat(5000));
    let folder = Folder::new();
    let templates = folder.write("deep.j2", &nested).open();
    assert_eq!(templates.problems().len(), 1);
}

#[test]
fn nothing_outside_the_root_is_a_template() {
    let folder = Folder::new();
    let root = folder.path().join("root");
    folder
        .write("secret.j2", "secret")
        .write("root/in.j2", "{% include name %}")
        .write("root/real.j2", "inside")
        .write("root/.hidden.j2", "hidden")
        .write("root/README", "no template");
    std::os::unix::fs::symlink("../secret.j2", root.join("link.j2")).unwrap();
    std::os::unix::fs::symlink("..", root.join("up")).unwrap();
    std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
    std::os::unix::fs::symlink("real.j2", root.join("same.j2")).unwrap();
    let templates = Templates::open(&root).unwrap();
    assert_eq!(templates.problems(), []);
    for name in [
        "../secret.j2",
        "/etc/hostname",
        "link.j2",
        "up/secret.j2",
        ".hidden.j2",
        "README",
    ] {
        let error = templates
            .render("in.j2", json!({"name": name}))
            .unwrap_err();
        assert!(!error.to_string().contains("secret\n"), "{error}");
    }
    assert_eq!(
        templates
            .render("in.j2", json!({"name": "same.j2"}))
            .unwrap(),
        "inside"
    );
}

#[tokio::test]
async fn a_template_that_breaks_keeps_its_last_good_text() {
    let folder = Folder::new();
    let templates = folder.write("a.j2", "one").write("b.j2", "{% if %}").open();
    assert_eq!(templates.problems().len(), 1);
    assert!(templates.problems()[0].place.ends_with("b.j2:1"));
    assert!(!templates.contains("b.j2"));
    let template = Template::new(&templates, "a.j2");
    let text = || async { template.text(&request("/x")).await.unwrap() };
    assert_eq!(text().await, "one");
    folder.write("a.j2", "\n{{ half").write("b.j2", "mended");
    assert_eq!(text().await, "one");
    let problems = templates.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].place.ends_with("a.j2:2"), "{problems:?}");
    assert!(
        problems[0].what.starts_with("syntax error: "),
        "{problems:?}"
    );
    folder.write("a.j2", "two");
    assert_eq!(text().await, "two");
    assert!(templates.contains("b.j2"));
    fs::remove_file(folder.path().join("a.j2")).unwrap();
    let refusal = template.text(&request("/x")).await.unwrap_err();
    assert_eq!(refusal.detail(), Some("no template \"a.j2\""));
}

/// Two machines and the template `t.j2`.
fn machines(folder: &Folder, text: &str) -> Template {
    folder.write("t.j2", text).write(
        "machines.toml",
        "[[machine]]\nmac = \"52:54:00:00:00:01\"\nhostname = \"one\"\nprofile = \"worker\"\nvars = { disk = \"sda\" }\n\
         [[machine]]\nserial = \"CZ2\"\nhostname = \"two\"\n",
    );
    let inventory = Files::open([folder.path().join("machines.toml")]).unwrap();
    let templates = Templates::open(folder.path()).unwrap();
    Template::new(&templates, "t.j2").inventory(inventory)
}

const ONE: &str = "/grub/grub.cfg-01-52-54-00-00-00-01";
const NOBODY: &str = "/grub/grub.cfg-01-52-54-00-00-00-99";

#[tokio::test]
async fn a_template_is_told_of_machine_request_and_variables() {
    let folder = Folder::new();
    let template = machines(
        &folder,
        "{{ machine.known }} {{ machine.hostname }} {{ machine.mac }} {{ machine.ip }} {{ machine.profile }} {{ machine.loader }} \
         {{ vars.disk }} {{ vars.only }} {{ request.path }} {{ request.peer }} {{ request.options.tsize }} {{ request.op }} \
         {{ machine.serial is defined }}",
    )
    .var("disk", "overridden")
    .var("only", 7);
    let expected = "True one 52:54:00:00:00:01 192.0.2.7 worker grub sda 7 /grub/grub.cfg-01-52-54-00-00-00-01 192.0.2.7 0 read False";
    assert_eq!(template.text(&request(ONE)).await.unwrap(), expected);
    let at_hand = template
        .at_hand(&request(ONE))
        .expect("all of it is in memory");
    assert_eq!(at_hand.unwrap().size(), Some(expected.len() as u64));
}

#[tokio::test]
async fn a_machine_that_is_unknown_is_treated_as_the_route_says() {
    let folder = Folder::new();
    let template = machines(
        &folder,
        "{{ machine.known }} {{ machine.profile }} {{ machine.mac }}",
    );
    let refused = |template: &Template| template.at_hand(&request(NOBODY)).unwrap().unwrap_err();
    let refusal = refused(&template);
    assert_eq!(refusal.reason(), Reason::NotFound);
    assert!(
        refusal
            .detail()
            .unwrap()
            .contains("mac=52:54:00:00:00:99 (path)")
    );
    assert_eq!(
        refused(&template.clone().unknown(Unknown::Denied)).reason(),
        Reason::Denied
    );
    let template = template.unknown(Unknown::Profile("rescue".to_owned()));
    assert_eq!(
        template.text(&request(NOBODY)).await.unwrap(),
        "False rescue 52:54:00:00:00:99"
    );
    let folder = Folder::new();
    let template = machines(
        &folder,
        "{{ machine.known }} {{ machine.profile | default('-') }}",
    );
    let template = template.unknown(Unknown::Render);
    assert_eq!(template.text(&request(NOBODY)).await.unwrap(), "False -");
}

#[tokio::test]
async fn a_failing_template_tells_the_client_little_and_the_log_everything() {
    let folder = Folder::new();
    let template = machines(&folder, "ok\n{{ vars.secret_name }}\n");
    let refusal = template.call(request(ONE)).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Internal);
    assert!(refusal.client_text().len() <= 60);
    assert!(!refusal.client_text().contains("t.j2"));
    let detail = refusal.detail().unwrap();
    assert!(
        detail.contains("t.j2:2: undefined value") && detail.contains("secret_name"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_template_that_takes_long_leaves_the_worker_thread() {
    let folder = Folder::new();
    let template = machines(&folder, "{% for n in range(5000) %}{{ n }}{% endfor %}");
    assert!(template.at_hand(&request(ONE)).is_none());
    assert!(
        template
            .text(&request(ONE))
            .await
            .unwrap()
            .ends_with("49984999")
    );
    let strict = template.limits(Limits {
        fuel: 3000,
        ..Limits::default()
    });
    let refusal = strict.text(&request(ONE)).await.unwrap_err();
    assert_eq!(
        refusal.detail(),
        Some("template t.j2: more than 3000 instructions")
    );
}

/// These texts are what users build on, and what a new minor version of MiniJinja could change.
#[test]
fn the_templates_that_come_with_it_say_what_they_said() {
    let templates = Templates::builtin();
    let all = json!({"vars": {
        "kernel": "/images/vmlinuz", "initrd": "/images/initrd", "cmdline": "console=ttyS0 root=/dev/sda1",
        "title": "Bob's", "timeout": 3,
    }});
    let least = json!({"vars": {"kernel": "/vmlinuz"}});
    for (name, with_all, with_least) in [
        (
            "bootwire/grub.cfg.j2",
            "set default=0\nset timeout=3\nmenuentry 'Bob'\\''s' {\n    linux '/images/vmlinuz' console=ttyS0 root=/dev/sda1\n    initrd '/images/initrd'\n}\n",
            "set default=0\nset timeout=0\nmenuentry 'Boot' {\n    linux '/vmlinuz'\n}\n",
        ),
        (
            "bootwire/pxelinux.cfg.j2",
            "DEFAULT boot\nPROMPT 0\nTIMEOUT 30\nLABEL boot\n  KERNEL /images/vmlinuz\n  INITRD /images/initrd\n  APPEND console=ttyS0 root=/dev/sda1\n",
            "DEFAULT boot\nPROMPT 0\nTIMEOUT 0\nLABEL boot\n  KERNEL /vmlinuz\n",
        ),
        (
            "bootwire/boot.ipxe.j2",
            "#!ipxe\nkernel /images/vmlinuz initrd=initrd console=ttyS0 root=/dev/sda1\ninitrd --name initrd /images/initrd\nboot\n",
            "#!ipxe\nkernel /vmlinuz\nboot\n",
        ),
    ] {
        assert_eq!(templates.render(name, &all).unwrap(), with_all, "{name}");
        assert_eq!(
            templates.render(name, &least).unwrap(),
            with_least,
            "{name}"
        );
        let error = templates.render(name, json!({"vars": {}})).unwrap_err();
        assert!(
            error.to_string().contains("kernel") || error.to_string().contains("no value"),
            "{error}"
        );
    }
}

#[test]
fn a_directory_of_templates_that_is_replaced_is_read_and_one_that_is_away_is_told() {
    let folder = Folder::new();
    folder
        .write("v1/a.j2", "one")
        .write("v2/a.j2", "two")
        .write("v2/b.j2", "new");
    let (link, spare) = (folder.path().join("current"), folder.path().join("spare"));
    std::os::unix::fs::symlink("v1", &link).unwrap();
    let templates = Templates::open(&link).unwrap();
    let render = |name| templates.render(name, json!({})).ok();
    assert_eq!(render("a.j2").as_deref(), Some("one"));
    std::os::unix::fs::symlink("v2", &spare).unwrap();
    fs::rename(&spare, &link).unwrap();
    templates.reload();
    assert_eq!(render("a.j2").as_deref(), Some("two"));
    assert_eq!(render("b.j2").as_deref(), Some("new"));

    let (v2, away) = (folder.path().join("v2"), folder.path().join("away"));
    fs::rename(&v2, &away).unwrap();
    for _ in 0..2 {
        templates.reload();
        assert_eq!(render("b.j2").as_deref(), Some("new"));
        let problems = templates.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0]
                .what
                .ends_with("the templates stay as they were")
        );
    }
    folder.write("v2/a.j2", "three");
    templates.reload();
    assert_eq!(render("a.j2").as_deref(), Some("three"));
    assert_eq!(render("b.j2"), None);
    assert_eq!(templates.problems(), []);
}

/// What is held for a client is counted by its length.
#[test]
fn what_is_rendered_has_no_room_to_spare() {
    for length in [33, 1_000, 5_000] {
        let text = format!("{{% for n in range({length}) %}}x{{% endfor %}}");
        let rendered = render(&text, json!({})).unwrap();
        assert_eq!((rendered.len(), rendered.capacity()), (length, length));
    }
}
