//! Values of the configuration, as people write them.
//!
//! Each reads itself with a visitor of its own, so that a mistake is answered with what to write.

mod many;
mod net;
mod size;
mod spanned;
mod time;
mod words;

pub(crate) use many::Many;
pub(crate) use net::{Net, Unlimited};
pub(crate) use size::Size;
pub(super) use spanned::NAME as SPANNED;
pub(crate) use spanned::Spanned;
pub(crate) use time::Time;
