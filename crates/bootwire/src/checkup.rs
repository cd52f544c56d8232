//! How a server is asked whether it is well, on the wire: a read request with a name and an option
//! that nobody else sends. The server itself answers, without a transfer and without a record.
//!
//! There are two ways to ask, as there are two ports to answer from. An answer says which address
//! the other side saw: who compares it with its own knows what the network in between rewrites.

use std::net::SocketAddr;

use bootwire_proto::Request;

/// The name that is asked for. With the option it is taken before any route.
const NAME: &[u8] = b".bootwire-check";
const OPTION: &[u8] = b"bootwire-check";
/// Bytes of a request, at least: no answer is longer, so that nobody is worth impersonating.
const LEN: usize = 80;

/// From where the server shall answer, and so what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a transfer's port, as every client is answered: who it thinks the client is.
    Transfer,
    /// From the port that was asked: at which address the request arrived.
    Listener,
}

impl Way {
    const ALL: [Self; 2] = [Self::Transfer, Self::Listener];

    const fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Listener => "listener",
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Transfer => "you are ",
            Self::Listener => "asked at ",
        }
    }

    /// How a request asks; `None` for any other request.
    pub(crate) fn of(request: &Request<'_>) -> Option<Self> {
        if request.filename != NAME {
            return None;
        }
        let mut options = request.options.iter();
        let (_, value) = options.find(|(name, _)| name.eq_ignore_ascii_case(OPTION))?;
        let mut ways = Self::ALL.into_iter();
        ways.find(|way| way.word().as_bytes() == value)
    }

    /// The request.
    pub(crate) fn request(self) -> Vec<u8> {
        let mut bytes = vec![0, 1];
        let words = [NAME, b"octet", OPTION, self.word().as_bytes(), b"padding"];
        for word in words {
            bytes.extend_from_slice(word);
            bytes.push(0);
        }
        bytes.resize(bytes.len().max(LEN - 1), b'0');
        bytes.push(0);
        bytes
    }

    /// The text of the answer.
    pub(crate) fn answer(self, address: SocketAddr) -> String {
        format!("{}{address}", self.says())
    }

    /// The address in the text of an answer.
    pub(crate) fn read(self, text: &str) -> Option<SocketAddr> {
        text.strip_prefix(self.says())?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use bootwire_proto::{ErrorCode, Packet, encode};

    use super::*;

    #[test]
    fn what_is_asked_is_understood_and_no_answer_is_longer() {
        let long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
        let address: SocketAddr = long.parse().unwrap();
        for way in Way::ALL {
            let asked = way.request();
            let Ok(Packet::Request(request)) = Packet::parse(&asked) else {
                panic!("no request: {asked:?}")
            };
            assert_eq!(Way::of(&request), Some(way));
            let text = way.answer(address);
            let mut buffer = [0; 5 + encode::MAX_ERROR_TEXT];
            let answer = encode::error(ErrorCode::NotFound, &text, &mut buffer);
            assert!(answer.len() <= asked.len());
            let Ok(Packet::Error(error)) = Packet::parse(answer) else {
                panic!("no ERROR: {answer:?}")
            };
            let text = std::str::from_utf8(error.text).unwrap();
            assert_eq!(way.read(text), Some(address));
        }
    }

    #[test]
    fn a_file_of_that_name_is_a_file() {
        for bytes in [
            b"\0\x01.bootwire-check\0octet\0".as_slice(),
            b"\0\x01.bootwire-check\0octet\0tsize\x000\0",
            b"\0\x01.bootwire-check\0octet\0bootwire-check\0other\0",
            b"\0\x01file\0octet\0bootwire-check\0transfer\0",
        ] {
            let Ok(Packet::Request(request)) = Packet::parse(bytes) else {
                panic!("no request: {bytes:?}")
            };
            assert_eq!(Way::of(&request), None);
        }
    }
}
