//! Uploads: what becomes of files that exist, and how new ones are kept.

use super::{Written, hook};
use crate::config::model::Existing;
use crate::config::route::{Action, Upload};
use crate::config::rules::Report;

pub(super) fn parse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    report.some_size(here, "size_max", table.size_max);
    let mode = table.mode.as_deref().map_or(Some(Upload::MODE), |mode| {
        let bits = u32::from_str_radix(mode, 8).ok();
        let bits = bits.filter(|bits| *bits <= 0o777);
        if bits.is_none() {
            let what = format!("{mode:?} are no permissions: write them in octal, like \"0644\"");
            report.wrong(here.key("mode"), what);
        }
        bits
    });
    if table.existing == Some(Existing::Overwrite) {
        for (key, why) in [
            ("mode", "files keep their permissions"),
            (
                "create_dirs",
                "there are no files in directories that are missing",
            ),
        ] {
            if here.has(key) {
                let what = format!("{key:?} beside existing = \"overwrite\": {why}; leave it out");
                report.wrong(here.key(key), what);
            }
        }
    }
    if table.public_only == Some(true) && table.existing.is_none_or(|it| it == Existing::Create) {
        let what = "\"public_only\" says which files are replaced, and none is: write existing = \
                    \"overwrite\" or \"replace\"";
        report.wrong(here.key("public_only"), what);
    }
    if let Some(finished) = &table.finished {
        hook::finished(finished, here.key("finished"), report);
    }
    Some(Action::Upload(Upload {
        dir: table.upload.clone()?,
        existing: table.existing.unwrap_or(Existing::Create),
        size_max: table.size_max.map(|size| size.0),
        keep_free: table.keep_free.map(|size| size.0),
        create_dirs: table.create_dirs.unwrap_or(false),
        public_only: table.public_only.unwrap_or(false),
        mode: mode?,
        secret_suffix_file: table.secret_suffix_file.clone(),
        finished: table.finished.clone(),
    }))
}
