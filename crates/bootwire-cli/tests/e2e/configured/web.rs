//! Web servers that do as they are told, for tests without tokio.

use bootwire_harness::origin::Origin;
pub(crate) use bootwire_harness::origin::{Asked, Manner, Object};
use tokio::runtime::Runtime;

/// A web server, until it is dropped.
pub(crate) struct Web {
    // Ends before the runtime it runs on.
    origin: Origin,
    _runtime: Runtime,
}

impl Web {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let origin = runtime.block_on(Origin::start());
        Self {
            origin,
            _runtime: runtime,
        }
    }

    /// A server of some objects.
    pub(crate) fn of(objects: impl IntoIterator<Item = (&'static str, Object)>) -> Self {
        let web = Self::start();
        for (name, object) in objects {
            web.put(name, object);
        }
        web
    }

    /// The URL below which objects are put.
    pub(crate) fn url(&self) -> String {
        self.origin.url()
    }

    pub(crate) fn put(&self, name: &str, object: Object) {
        self.origin.put(name, object);
    }

    /// Bytes of an object's content sent so far.
    pub(crate) fn sent(&self, name: &str) -> u64 {
        self.origin.sent(name)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.origin.asked().len()
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.origin.asked()
    }

    /// A table of the configuration: this origin with limits in a hurry, and a cache.
    pub(crate) fn origin(&self, name: &str) -> String {
        format!(
            "[cache]\n\
             dir = \"cache\"\n\
             [origin.{name}]\n\
             url = \"{}\"\n\
             answer_within = \"1500ms\"\n\
             stall = \"700ms\"\n\
             give_up = \"2s\"\n",
            self.url()
        )
    }

    /// A configuration that serves this origin as `/images/`, and the text `good` as anything else.
    pub(crate) fn images(&self) -> String {
        self.origin("images")
            + r#"
            [[route]]
            path = "/images/{*path}"
            origin = "images"
            [[route]]
            text = "good"
            "#
    }
}
