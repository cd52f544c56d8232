//! What a client would get, and why.
//!
//! [`look`] follows a request through the very routes a server has into an [`Account`], which
//! [`tell`] puts into words.

mod account;
mod facts;
mod look;
mod tell;
mod words;

pub use account::{Account, Compared, Found, Outcome, Piece, Question, Step, Term, Verdict, Who};

use bootwire::Request;

use crate::config::Config;
use crate::site::Site;

impl Site {
    /// What comes of `request`. Hooks and origins are asked only to `run`, of a site that was opened
    /// so.
    pub async fn explain(&self, config: &Config, request: &Request, run: bool) -> Account {
        look::follow(config, self, request, run).await
    }
}
