//! Values of the configuration, as people write them.
//!
//! Each reads itself with a visitor of its own, so that a mistake is answered with what to write.

mod many;
mod net;
mod size;
mod spanned;
mod time;
mod words;

pub use many::Many;
pub use net::{Net, Unlimited};
pub use size::Size;
pub(super) use spanned::NAME as SPANNED;
pub use spanned::Spanned;
pub use time::Time;
