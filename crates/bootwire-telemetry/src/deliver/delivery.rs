//! What exporters that send to web servers have in common.

use std::sync::Arc;

use super::{Courier, Endpoint, EndpointError, Notes, Poster, Retry};
use crate::Instance;
use crate::exporters::Account;

/// Where an exporter sends to, how often it tries, which server it speaks for, and who hears of what does
/// not arrive.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) endpoint: Endpoint,
    pub(crate) retry: Retry,
    /// [`Instance::here`] if nobody said otherwise.
    pub(crate) instance: Option<Instance>,
    pub(crate) notes: Notes,
}

impl Delivery {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            retry: Retry::default(),
            instance: None,
            notes: Arc::new(|_| {}),
        }
    }

    pub(crate) fn instance(&self) -> Instance {
        self.instance.clone().unwrap_or_else(Instance::here)
    }

    /// What brings the items of an exporter of this `kind`, which are called so: one, and many.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub(crate) fn courier(
        &self,
        kind: &str,
        items: (&'static str, &'static str),
        account: &Arc<Account>,
    ) -> Result<Courier<Poster>, EndpointError> {
        Ok(Courier::new(
            self.endpoint.poster()?,
            self.retry,
            account,
            format!("{kind} {}", self.endpoint.shown()),
            items,
            Arc::clone(&self.notes),
        ))
    }
}
