//! What a client would get, and why: [`Site::explain`](crate::Site::explain).

mod account;
mod facts;
mod follow;
mod tell;
mod words;

pub use account::{
    Account, Attempt, Compared, Comparison, Fact, FromInventory, Outcome, Question, Term, Who,
};
