//! Peers that mean no good: they forge addresses, send rubbish and get in the way of others. They
//! are off the path: what they do not send or get themselves they do not see.

mod flood;
mod forger;
mod noise;
mod stranger;

pub use self::flood::Flood;
pub use self::forger::Forger;
pub use self::noise::Noise;
pub use self::stranger::Stranger;
