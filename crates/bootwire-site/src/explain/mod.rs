//! What a client would get, and why: [`Site::explain`](crate::Site::explain).

mod account;
mod facts;
mod follow;
mod phrases;
mod request;
mod tell;

pub use account::{
    Account, Attempt, Compared, Comparison, Fact, FromInventory, Outcome, Question, Term, Who,
};
pub use request::{listens_on, request};
