//! Bringing things to web servers: one parcel after the other, again if it did not arrive, never
//! endlessly.

mod courier;
mod delivery;
mod endpoint;
mod token;

pub(crate) use courier::{Courier, Notes, Retry};
pub(crate) use delivery::Delivery;
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use endpoint::{Parcel, Post, Poster};
