//! Boots: one in a line, one step by step on a timeline, and those that happen from now on.

mod draw;
mod follow;
mod line;
mod told;

pub use draw::{Canvas, timeline};
pub use follow::{Follow, News};
pub use line::line;
pub use told::ago;
