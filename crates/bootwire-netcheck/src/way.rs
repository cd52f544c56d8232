//! What the way to a server does to packets, in words and with what to do.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire::ErrorCode;
use bootwire::client::{Checkup, Heard};

/// What the way to a server, or the server, does to its clients. `Display` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// It answered.
    Answers {
        /// The address that was asked.
        asked: SocketAddr,
        /// How long it took.
        after: Duration,
    },
    /// Something answered that is no Bootwire, or an old one.
    Another {
        /// The address that was asked.
        asked: SocketAddr,
        /// How long it took.
        after: Duration,
    },
    /// It answered as servers do that cannot go on.
    Complains {
        /// The address that was asked.
        asked: SocketAddr,
        /// What it said.
        error: String,
    },
    /// Nobody listens on the port.
    Refused {
        /// The address that was asked.
        asked: SocketAddr,
    },
    /// Nothing came back.
    Silent {
        /// The address that was asked.
        asked: SocketAddr,
        /// How long an answer was waited for.
        within: Duration,
    },
    /// Somebody on this host has the port.
    InUse {
        /// The address that was asked.
        asked: SocketAddr,
        /// Who, and how to get it, as [`holder_of`](crate::holder_of) says it.
        holder: String,
    },
    /// The question never left this host.
    Unsent {
        /// The address that was asked.
        asked: SocketAddr,
        /// What the kernel says.
        error: String,
    },
    /// The answer came from an address that clients do not expect.
    FromElsewhere {
        /// The address that was asked.
        asked: SocketAddr,
        /// The one that answered.
        from: SocketAddr,
        /// Where the question arrived, if an address in between was translated.
        reached: Option<SocketAddr>,
    },
    /// An answer comes from the port that was asked, and none from a transfer's.
    TransferPortsLost {
        /// The address that was asked.
        asked: SocketAddr,
        /// Where the question arrived, if an address in between was translated.
        reached: Option<SocketAddr>,
    },
    /// The server's address is not the one that was asked.
    ServerTranslated {
        /// The address that was asked.
        asked: SocketAddr,
        /// Where the question arrived.
        reached: SocketAddr,
    },
    /// The server sees another client than the one that asked.
    ClientTranslated {
        /// Who asked.
        own: SocketAddr,
        /// Whom the server sees.
        seen: SocketAddr,
    },
    /// Answers come through a translation from other ports than the one asked.
    ManyPorts {
        /// The port that answered.
        port: u16,
    },
}

/// What a client's [`check_up`](bootwire::client::Client::check_up) has shown, the most important first.
/// `within` is how long it waited.
#[must_use]
pub fn findings(checkup: &Checkup, within: Duration) -> Vec<Found> {
    let asked = checkup.asked;
    let mut found = Vec::new();
    let reached = checkup.listener.as_ref().and_then(|heard| heard.says);
    let translated = reached.filter(|&reached| differs(reached, asked));
    let Some(transfer) = &checkup.transfer else {
        found.push(match &checkup.listener {
            Some(_) => Found::TransferPortsLost {
                asked,
                reached: translated,
            },
            None => match &checkup.unsent {
                Some(error) => Found::Unsent {
                    asked,
                    error: error.clone(),
                },
                None if checkup.refused => Found::Refused { asked },
                None => Found::Silent { asked, within },
            },
        });
        return found;
    };
    if transfer.from.ip() != asked.ip() {
        found.push(Found::FromElsewhere {
            asked,
            from: transfer.from,
            reached: translated,
        });
        return found;
    }
    found.push(match complaint(transfer) {
        Some(error) => Found::Complains { asked, error },
        None if transfer.says.is_none() => Found::Another {
            asked,
            after: transfer.after,
        },
        None => Found::Answers {
            asked,
            after: transfer.after,
        },
    });
    if let Some(reached) = translated {
        found.push(Found::ServerTranslated { asked, reached });
    }
    let seen = transfer.says.filter(|&seen| differs(seen, checkup.own));
    if let Some(seen) = seen {
        let own = checkup.own;
        found.push(Found::ClientTranslated { own, seen });
    }
    if (seen.is_some() || translated.is_some()) && transfer.from.port() != asked.port() {
        let port = transfer.from.port();
        found.push(Found::ManyPorts { port });
    }
    found
}

/// Whether two addresses are not the same, whatever link they were written for.
fn differs(one: SocketAddr, other: SocketAddr) -> bool {
    one.ip() != other.ip() || one.port() != other.port()
}

/// What a server says that is not well. That a file is not there or not allowed is.
fn complaint(heard: &Heard) -> Option<String> {
    let (code, text) = heard.error.as_ref()?;
    let well = matches!(code, ErrorCode::NotFound | ErrorCode::AccessViolation);
    (!well).then(|| format!("the server answered error {}: {text}", code.wire()))
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn silent(server: SocketAddr, within: Duration) -> String {
    format!(
        "{server} does not answer within {} s; is it running, and does `allow` let this machine in?",
        within.as_secs()
    )
}

impl Found {
    /// Whether clients can be served nevertheless, and somebody should know.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::ClientTranslated { .. } | Self::ManyPorts { .. } | Self::InUse { .. }
        )
    }

    /// Whether clients cannot be served.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        let is_well = matches!(
            self,
            Self::Answers { .. } | Self::Another { .. } | Self::ServerTranslated { .. }
        );
        !is_well && !self.is_warning()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers { asked, after } => {
                write!(f, "{asked} answered in {}", milliseconds(*after))
            }
            Self::Another { asked, after } => write!(
                f,
                "{asked} answered in {}, not as this Bootwire does: it is another server",
                milliseconds(*after)
            ),
            Self::Complains { asked, error } => write!(f, "{asked}: {error}"),
            Self::Refused { asked } => write!(
                f,
                "{asked}: nothing listens on that port; is the server running, and on this address?"
            ),
            Self::Silent { asked, within } => {
                f.write_str(&silent(*asked, *within))?;
                write!(
                    f,
                    " If it answers where it runs (bootwire check --live there), a firewall in \
                     between drops UDP port {}",
                    asked.port()
                )
            }
            Self::InUse { asked, holder } => write!(f, "{asked} is in use {holder}"),
            Self::Unsent { asked, error } => write!(
                f,
                "{asked}: cannot send: {error}; \"Operation not permitted\" comes from a firewall of \
                 this host: see nft list ruleset"
            ),
            Self::FromElsewhere {
                asked,
                from,
                reached: Some(reached),
            } => write!(
                f,
                "you asked {asked} and were answered from {from}: {asked} is translated (NAT) to \
                 {reached}, and the answer comes from another port, which the translation does not \
                 know. Set single_port = true"
            ),
            Self::FromElsewhere {
                asked,
                from,
                reached: None,
            } => write!(
                f,
                "you asked {} and were answered from {}; clients drop that. Let the server listen on \
                 the address they ask (listen = \"{asked}\"), or, behind NAT, set single_port = true",
                asked.ip(),
                from.ip()
            ),
            Self::TransferPortsLost { asked, reached } => {
                write!(
                    f,
                    "{asked} hears you, but answers from a transfer's port do not arrive: "
                )?;
                match reached {
                    Some(reached) => write!(
                        f,
                        "{asked} is translated (NAT) to {reached}, and the translation knows no \
                         other port. Set single_port = true"
                    ),
                    None => write!(
                        f,
                        "NAT or a firewall lets through what comes from port {} alone. Set \
                         single_port = true, or open the ports that `ports` names",
                        asked.port()
                    ),
                }
            }
            Self::ServerTranslated { asked, reached } => {
                write!(f, "{asked} is translated (NAT) to {reached}")
            }
            Self::ClientTranslated { own, seen } if own.ip() == seen.ip() => write!(
                f,
                "something rewrites your port {}: the server sees {seen}. Transfers work; clients that \
                 insist on their port (some firmware asks from 69) may not",
                own.port()
            ),
            Self::ClientTranslated { own, seen } => write!(
                f,
                "the server sees you as {seen}, not as {own} (NAT): all clients behind {ip} look like \
                 one. Keep their addresses (in Kubernetes externalTrafficPolicy: Local), or name it: \
                 unlimited = \"{ip}\"",
                ip = seen.ip()
            ),
            Self::ManyPorts { port } => write!(
                f,
                "the answer came through NAT from port {port}, not from the one that was asked: most \
                 translations drop that. Set single_port = true"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
