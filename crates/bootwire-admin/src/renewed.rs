//! What is checked in and made of the code: compared, or written anew with `RENEW=1`.

use std::path::Path;

/// Compares `text` with a file in `docs/reference`.
pub(crate) fn compare(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name);
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == text,
        "docs/reference/{name} is out of date: RENEW=1 cargo test -p bootwire-admin renewed"
    );
}
