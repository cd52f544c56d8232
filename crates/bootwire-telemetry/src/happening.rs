//! What exporters are told of.

use std::sync::Arc;

use bootwire::TransferRecord;
use bootwire_boots::Change;

/// Something that happened on a server.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A transfer ended, however.
    Transfer(Arc<TransferRecord>),
    /// A boot began, went on or ended.
    Boot(Change),
}
