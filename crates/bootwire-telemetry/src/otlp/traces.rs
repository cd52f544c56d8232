//! Spans wait a moment, and go out in batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bootwire_boots::Change;
use prost::Message;
use tokio::time::{Instant, sleep_until};

use super::known::KnownBoots;
use super::wire::{ExportTraces, Resource, ResourceSpans, ScopeSpans, Span};
use super::{Otlp, Sender, resource, scope, spans};
use crate::deliver::EndpointError;
use crate::exporters::Account;
use crate::{Happening, Inbox, Instance};

/// Spans in a request, at most.
const BATCH: usize = 512;
/// Transfers that wait for news of their boot, at most; the oldest go without.
const WAITING_MAX: usize = 8192;

/// Hears everything, and says what becomes a span: a transfer, and a boot that is over.
pub(crate) fn offered(boots: &KnownBoots, happening: &Happening) -> bool {
    match happening {
        Happening::Transfer(_) => true,
        Happening::Boot(change) => {
            boots.hear(change);
            matches!(change, Change::Ended(_))
        }
    }
}

/// What waits. What is left when this is dropped counts as failed.
struct Waiting<'a> {
    items: VecDeque<(Instant, Happening)>,
    account: &'a Account,
}

impl Otlp {
    /// Sends spans of what comes until no more will come.
    pub(crate) fn run_traces(
        &self,
        boots: Arc<KnownBoots>,
        mut inbox: Inbox<Happening>,
    ) -> Result<impl Future<Output = ()> + Send + 'static, EndpointError> {
        let (retry, items) = (self.delivery.retry, ("span", "spans"));
        let mut sender = self.sender("v1/traces", items, retry, inbox.account())?;
        let (instance, linger) = (self.delivery.instance(), self.linger);
        Ok(async move {
            let account = Arc::clone(inbox.account());
            let mut waiting = Waiting {
                items: VecDeque::new(),
                account: &account,
            };
            let resource = resource(&instance);
            loop {
                let more = waiting.gather(&mut inbox, linger).await;
                while let Some(batch) = waiting.due(!more) {
                    let spans = batch.iter();
                    let spans = spans.filter_map(|happening| span(happening, &boots, &instance));
                    send(&mut sender, &resource, spans.collect()).await;
                }
                if !more {
                    return;
                }
            }
        })
    }
}

impl Waiting<'_> {
    /// Takes what comes until something has waited long enough. Whether more will come.
    async fn gather(&mut self, inbox: &mut Inbox<Happening>, linger: Duration) -> bool {
        loop {
            let due = self.items.front().map(|(due, _)| *due);
            let is_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_due => return true,
                next = inbox.next() => {
                    let Some(next) = next else {
                        return false;
                    };
                    let rest = inbox.take(WAITING_MAX);
                    let due = Instant::now() + linger;
                    let new = std::iter::once(next).chain(rest);
                    self.items.extend(new.map(|happening| (due, happening)));
                    if self.items.len() > WAITING_MAX {
                        return true;
                    }
                }
            }
        }
    }

    /// A batch of what has waited long enough, of what there are too many of, or of `all`.
    fn due(&mut self, all: bool) -> Option<Vec<Happening>> {
        let now = Instant::now();
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some((due, _)) = self.items.front()
            && (all || *due <= now || self.items.len() > WAITING_MAX)
            && let Some((_, happening)) = self.items.pop_front()
        {
            batch.push(happening);
        }
        (!batch.is_empty()).then_some(batch)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.account.failed(self.items.len() as u64);
    }
}

/// `None` of a boot that goes on.
fn span(happening: &Happening, boots: &KnownBoots, instance: &Instance) -> Option<Span> {
    match happening {
        Happening::Transfer(record) => {
            let boot = boots.of(record);
            Some(spans::transfer(record, boot.as_ref(), instance))
        }
        Happening::Boot(Change::Ended(boot)) => Some(spans::boot(boot)),
        Happening::Boot(_) => None,
    }
}

async fn send(sender: &mut Sender, resource: &Resource, spans: Vec<Span>) {
    let count = spans.len() as u64;
    let request = ExportTraces {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans,
            }],
            schema_url: String::new(),
        }],
    };
    sender.send(request.encode_to_vec(), count).await;
}
