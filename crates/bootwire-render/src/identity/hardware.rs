//! The hardware address that belongs to a client's address.

use bootwire::router::{Layer, Next};
use bootwire::{Answer, BoxFuture, Refusal, Request};

use super::Identifier;

/// A layer that looks up the client's hardware address, in leases and among neighbours, for
/// [`Request::client_mac`]. What the client writes into names counts for nothing here.
#[derive(Clone, Debug)]
pub struct ClientMac(Identifier);

impl ClientMac {
    /// Looks where `identifier` does.
    #[must_use]
    pub const fn new(identifier: Identifier) -> Self {
        Self(identifier)
    }
}

impl Layer for ClientMac {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            let mac = self.0.client_mac(request.peer_ip()).await;
            next.run(request.with_client_mac(mac)).await
        })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        let mac = self.0.client_mac_at_hand(request.peer_ip())?;
        next.at_hand(&request.clone().with_client_mac(mac))
    }
}
