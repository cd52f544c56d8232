//! The layer that looks at what goes out.

use bootwire::router::{Layer, Next};
use bootwire::{Answer, BoxFuture, Glimpse, Op, Refusal, Request};

use super::Boots;
use crate::scripts::{self, TEXT_MAX};

/// Bytes of a program that are looked at: its header is there.
const HEAD: usize = 4096;

/// Looks at configurations of boot loaders and at programs as they go out. See [`Boots::reader`].
///
/// Whether there is something to look at is told by the name, or by the first bytes if they are in memory.
/// Reading happens on the thread that follows boots, never on the way of a packet.
#[derive(Clone, Debug)]
pub struct Reader {
    boots: Boots,
}

/// Content to be looked at, and how much of it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) glimpse: Glimpse,
    pub(super) most: usize,
}

impl Reader {
    pub(super) const fn new(boots: Boots) -> Self {
        Self { boots }
    }

    fn look(&self, request: &Request, answer: &Answer) {
        let Answer::Reply(reply) = answer else { return };
        let in_memory = reply.content().map(|bytes| &bytes[..bytes.len().min(8)]);
        let is_script = in_memory.is_some_and(|head| head.starts_with(b"#!ipxe"))
            || scripts::format_of(&request.path()).is_some();
        let is_program = || {
            let name = request.path_bytes();
            let end = &name[name.len().saturating_sub(4)..];
            end.eq_ignore_ascii_case(b".efi")
                || in_memory.is_some_and(|head| head.starts_with(b"MZ"))
        };
        let most = if is_script {
            // Longer ones are no configurations.
            let size = reply.size().unwrap_or_default();
            if size > TEXT_MAX as u64 {
                return;
            }
            TEXT_MAX
        } else if is_program() {
            HEAD
        } else {
            return;
        };
        if let Some(glimpse) = reply.glimpse() {
            self.boots.served(request.id(), Look { glimpse, most });
        }
    }
}

impl Layer for Reader {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            if request.op() == Op::Write {
                return next.run(request).await;
            }
            let answer = next.run(request.clone()).await?;
            self.look(&request, &answer);
            Ok(answer)
        })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        let answer = next.at_hand(request)?;
        if let Ok(answer) = &answer {
            self.look(request, answer);
        }
        Some(answer)
    }
}
