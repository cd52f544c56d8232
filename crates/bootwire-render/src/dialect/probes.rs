//! Answering the names that lead nowhere.

use bootwire::{BoxFuture, Endpoint, Reason, Refusal, Reply, Request};

use super::{Ask, asked};

/// What the record calls it.
const KIND: &str = "probe";

fn missing() -> Refusal {
    Refusal::not_found().answered_by(KIND)
}

/// An endpoint in front of a slow one, which answers the ordinary misses of a boot by itself, on
/// the spot:
///
/// | asked | answer |
/// |---|---|
/// | GRUB's lists of modules, `command.lst` and its like | an empty file |
/// | an address in hex cut short, `pxelinux.cfg/C0A802`, `grub.cfg-C0A8` | code 1, "File not found" |
/// | `autoexec.ipxe`, shim's revocations and certificates | code 1 |
///
/// Everything else goes to the endpoint behind it. A PXELINUX that boots makes eight such requests
/// or more; with 20,000 machines that is the larger part of all requests.
///
/// If there are such files, put the directory that has them before this; or behind it, with
/// [`Probes::lists`] off here and [`EmptyLists`] around all of them.
#[derive(Clone, Debug)]
pub struct Probes<E> {
    behind: E,
    networks: bool,
    optional: bool,
    lists: bool,
}

impl<E: Endpoint<Reply>> Probes<E> {
    /// Answers probes in place of `behind`.
    pub const fn before(behind: E) -> Self {
        Self {
            behind,
            networks: true,
            optional: true,
            lists: true,
        }
    }

    /// Whether names of networks (`C0A802`) are misses. Default yes.
    #[must_use]
    pub const fn networks(mut self, are_misses: bool) -> Self {
        self.networks = are_misses;
        self
    }

    /// Whether `autoexec.ipxe` and what shim tries are misses. Default yes.
    #[must_use]
    pub const fn optional(mut self, are_misses: bool) -> Self {
        self.optional = are_misses;
        self
    }

    /// Whether GRUB's lists are empty files. Default yes; if not, they are misses as well: for an
    /// endpoint behind which others may have them.
    #[must_use]
    pub const fn lists(mut self, are_empty: bool) -> Self {
        self.lists = are_empty;
        self
    }

    fn probe(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        match asked(&request.path())?.ask {
            Ask::List if self.lists => Some(Ok(Reply::empty().answered_by(KIND))),
            Ask::List => Some(Err(missing())),
            Ask::Network(_) if self.networks => Some(Err(missing())),
            Ask::Optional if self.optional => Some(Err(missing())),
            _ => None,
        }
    }
}

impl<E: Endpoint<Reply>> Endpoint<Reply> for Probes<E> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        match self.probe(&request) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => self.behind.call(request),
        }
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        self.probe(request).or_else(|| self.behind.at_hand(request))
    }
}

/// An endpoint around others that gives an empty file for GRUB's lists of modules that none of them
/// has: GRUB takes a missing one for an error.
#[derive(Clone, Debug)]
pub struct EmptyLists<E> {
    others: E,
}

impl<E: Endpoint<Reply>> EmptyLists<E> {
    /// Asks `others` first.
    pub const fn behind(others: E) -> Self {
        Self { others }
    }
}

fn unless_list(request: &Request, answer: Result<Reply, Refusal>) -> Result<Reply, Refusal> {
    match answer {
        Err(refusal) if refusal.reason() == Reason::NotFound && is_list(request) => {
            Ok(Reply::empty().answered_by(KIND))
        }
        answer => answer,
    }
}

fn is_list(request: &Request) -> bool {
    asked(&request.path()).is_some_and(|asked| matches!(asked.ask, Ask::List))
}

impl<E: Endpoint<Reply>> Endpoint<Reply> for EmptyLists<E> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            let answer = self.others.call(request.clone()).await;
            unless_list(&request, answer)
        })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        Some(unless_list(request, self.others.at_hand(request)?))
    }
}
