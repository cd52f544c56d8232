//! What `perf/count/run` counts the instructions of, under callgrind.
//!
//! `perf-count proto SCENARIO COUNT` does one thing COUNT times; `perf-count serve` is a server
//! with fixed content, which prints its address and serves until its standard input ends;
//! `perf-count serve-at-hand` the same by a handler that has its answer at hand.
mod proto;
mod serve;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["proto", scenario, count] => proto::run(scenario, count.parse()?),
        ["serve", size] => serve::run(size.parse()?, false),
        ["serve-at-hand", size] => serve::run(size.parse()?, true),
        _ => Err("usage: perf-count proto SCENARIO COUNT | serve[-at-hand] BYTES".into()),
    }
}
