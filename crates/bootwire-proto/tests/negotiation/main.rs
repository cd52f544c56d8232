//! Option negotiation: the rules of `spec/rules.md`, what real clients need, what the client checks,
//! and bounds that hold for any request.

mod bounds;
mod clients;
mod extensions;
mod offer;
mod rules;

use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{Agreed, Limits, Mode, Op, Options, Packet, Request, negotiate};

/// `name=value name=value` as an option list on the wire.
fn wire(options: &str) -> Vec<u8> {
    options
        .split_whitespace()
        .flat_map(|pair| pair.replace('=', "\0").into_bytes().into_iter().chain([0]))
        .collect()
}

fn ask(op: Op, mode: Mode, options: &str, size: Option<u64>, limits: &Limits) -> Agreed {
    let options = wire(options);
    negotiate(
        &Request {
            op,
            filename: b"x",
            mode,
            options: Options::new(&options),
        },
        size,
        limits,
    )
}

/// What the OACK says, written like a request; `None` if none is owed.
fn oack(agreed: &Agreed) -> Option<String> {
    if !agreed.has_oack() {
        return None;
    }
    let mut buffer = [0; MAX_OACK];
    let packet = agreed.encode_oack(&mut buffer);
    let Ok(Packet::Oack(options)) = Packet::parse(packet) else {
        panic!("{packet:?} is no OACK")
    };
    let text = |bytes| str::from_utf8(bytes).unwrap();
    let pairs: Vec<_> = options
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)))
        .collect();
    Some(pairs.join(" "))
}
