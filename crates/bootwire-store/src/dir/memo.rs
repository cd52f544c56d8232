//! What one thread found a moment ago.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use bootwire::Moment;
use bootwire::file::OpenFile;

use crate::beneath::{Links, Root};

/// Files remembered of one moment, at most: machines that boot together ask for the same few.
const FILES_MAX: usize = 8;

thread_local! {
    static MEMO: RefCell<Memo> = const { RefCell::new(Memo { moment: None, found: Vec::new() }) };
}

/// The files found for requests of one [`Moment`]. Nothing is kept open or alive by it.
struct Memo {
    moment: Option<Moment>,
    found: Vec<Found>,
}

struct Found {
    root: Weak<Root>,
    links: Links,
    path: Box<[u8]>,
    file: Weak<OpenFile>,
}

/// The file behind `path`: the one that this thread found there for another request of the same
/// moment, or else what `find` finds.
pub(super) fn found<E>(
    moment: Option<Moment>,
    (root, links, path): (&Arc<Root>, Links, &[u8]),
    find: impl FnOnce() -> Option<Result<Arc<OpenFile>, E>>,
) -> Option<Result<Arc<OpenFile>, E>> {
    let Some(moment) = moment else {
        return find();
    };
    MEMO.with_borrow_mut(|memo| {
        if memo.moment != Some(moment) {
            memo.found.clear();
            memo.moment = Some(moment);
        }
        let known = memo.found.iter().find(|found| {
            *found.path == *path
                && found.links == links
                && std::ptr::eq(found.root.as_ptr(), Arc::as_ptr(root))
        });
        if let Some(file) = known.and_then(|found| found.file.upgrade()) {
            return Some(Ok(file));
        }
        let result = find();
        if let Some(Ok(file)) = &result
            && memo.found.len() < FILES_MAX
        {
            memo.found.push(Found {
                root: Arc::downgrade(root),
                links,
                path: path.into(),
                file: Arc::downgrade(file),
            });
        }
        result
    })
}
