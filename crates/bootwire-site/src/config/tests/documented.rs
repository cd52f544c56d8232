//! Whatever the guides, the README and the examples show as a configuration is one.

use std::fs;
use std::path::{Path, PathBuf};

use super::assembled;

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of a directory whose names end so.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// The blocks of TOML in a text that are configurations: lists of machines are none, nor are manifests.
fn blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("\n```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("\n```").next().unwrap_or(block));
    blocks
        .filter(|block| !block.contains("[[machine]]") && !block.contains("dependencies]"))
        .collect()
}

#[track_caller]
fn expect_configurations(path: &Path, text: &str) -> usize {
    let blocks = blocks(text);
    for block in &blocks {
        match assembled(block, &[], &[]) {
            Ok(config) => assert!(
                config.warnings.is_empty(),
                "{}: {block}\n{:?}",
                path.display(),
                config.warnings
            ),
            Err(problems) => panic!("{}: {block}\n{problems}", path.display()),
        }
    }
    blocks.len()
}

#[test]
fn the_guides_show_configurations() {
    let mut found = 0;
    let readme = top().join("README.md");
    let kinds = ["tutorials", "how-to", "reference", "explanation"]
        .map(|kind| top().join("docs").join(kind));
    // The page of all keys has examples of its own kind, with a test beside this one.
    let mut pages: Vec<_> = kinds.iter().flat_map(|kind| files(kind, ".md")).collect();
    pages.retain(|page| !page.ends_with("configuration.md"));
    pages.push(readme);
    for page in pages {
        found += expect_configurations(&page, &fs::read_to_string(&page).unwrap());
    }
    assert!(found >= 15, "{found}");
}

#[test]
fn the_examples_in_rust_show_configurations() {
    for program in files(&top().join("examples/rust/src/bin"), ".rs") {
        let source = fs::read_to_string(&program).unwrap();
        let comments = source.lines().filter_map(|line| line.strip_prefix("//!"));
        let text: Vec<_> = comments
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let text = text.join("\n");
        // What no configuration can do has none beside it.
        let expected = usize::from(!program.ends_with("provision.rs"));
        assert_eq!(
            expect_configurations(&program, &text),
            expected,
            "{}",
            program.display()
        );
    }
}

#[test]
fn the_quickstart_is_a_configuration() {
    let path = top().join("examples/quickstart/bootwire.toml");
    let text = format!("\n```toml\n{}\n```", fs::read_to_string(&path).unwrap());
    assert_eq!(expect_configurations(&path, &text), 1);
}

#[test]
fn the_page_of_all_keys_names_every_boot_loader() {
    let page = fs::read_to_string(top().join("docs/reference/configuration.md")).unwrap();
    for loader in bootwire_render::dialect::Loader::ALL {
        let word = format!("`\"{}\"`", loader.name());
        assert!(
            page.contains(&word),
            "{word} is missing in configuration.md"
        );
    }
}
