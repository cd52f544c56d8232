//! Names known from attacks.

use super::*;

/// The corpus: names known from attacks on other servers.
pub(crate) fn tricks() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "../outside/secret",
        "..\\outside\\secret",
        "....//outside/secret",
        "..../outside/secret",
        ".../...//outside/secret",
        "/etc/passwd",
        "//etc/passwd",
        "\\etc\\passwd",
        "a/../../outside/secret",
        "a/./../../outside/secret",
        "%2e%2e/outside/secret",
        "..%2foutside%2fsecret",
        "%2e%2e%2foutside%2fsecret",
        "../outside/secret.",
        "../outside/secret ",
        "/..",
        "..",
        "../",
        "../../../../../../../../etc/passwd",
        "file:$DATA",
        "file::$DATA",
        "file.",
        "file ",
        "con",
        "aux",
        "com1",
        "C:\\outside\\secret",
        "out",
        "outdir/secret",
        "loop",
        "fifo",
        "a",
        "~/secret",
        "$HOME/secret",
        "file\nroot:x:0:0",
        "file\r\n",
        "\x1b[2J\x1b]0;owned\x07",
        "%n%n%s%s",
        ".bootwire-0123456789abcdef.part",
        "a/.BOOTWIRE-x.part",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.extend([
        b"\xc0\xae\xc0\xae/outside/secret".to_vec(),
        b"\xe0\x80\xae\xe0\x80\xae/outside/secret".to_vec(),
        b"..\xc0\xafoutside\xc0\xafsecret".to_vec(),
        b"file\0.txt".to_vec(),
        b"..\0/outside/secret".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'x'; 4096],
        b"x/".repeat(2048),
        b"../".repeat(1365),
    ]);
    names
}

#[tokio::test]
async fn no_trick_leads_out_and_no_answer_names_a_path() {
    let tree = Tree::new();
    tree.file("a/file")
        .file(".bootwire-0123456789abcdef.part")
        .file("a/.BOOTWIRE-x.part");
    tree.link("out", tree.outside.join("secret"))
        .link("outdir", &tree.outside)
        .link("loop", "loop");
    mknodat(CWD, tree.root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let above = tree.root.parent().unwrap().to_str().unwrap().to_owned();
    for dir in tree.both() {
        for links in [Links::Beneath, Links::InRoot] {
            for (folded, own) in [(false, false), (true, true)] {
                let dir = dir
                    .clone()
                    .links(links)
                    .case_insensitive(folded)
                    .per_client(own);
                for name in tricks() {
                    let shown = String::from_utf8_lossy(&name).into_owned();
                    // As it comes from the wire, and as it would if nobody had normalised it.
                    let mut refusals = vec![dir.lookup.open(&name, CLIENT).expect_err(&shown)];
                    if let Some(request) = std::str::from_utf8(&name).ok().and_then(request) {
                        refusals.push(dir.call(request).await.expect_err(&shown));
                    }
                    for refusal in refusals {
                        assert!(
                            matches!(refusal.reason(), Reason::NotFound | Reason::Denied),
                            "{shown}: {refusal:?}"
                        );
                        assert!(refusal.client_text().len() <= 60);
                        // The operator hears where a link leads, the client does not.
                        let text = refusal.client_text();
                        assert!(!text.contains(&above), "{shown}: {text}");
                        let told = refusal.to_string();
                        assert!(!told.contains(char::is_control), "{shown}: {told}");
                    }
                }
            }
        }
    }
}
