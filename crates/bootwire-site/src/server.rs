//! The server a configuration describes: where its settings take effect.

use std::net::UdpSocket;

use bootwire::{Schedule, Server};

use crate::config::Config;
use crate::networks::{Network, allowed};

/// All addresses, IPv6 and IPv4.
pub const LISTEN: &str = "[::]:69";

/// The same on a machine without IPv6.
pub const LISTEN_IPV4: &str = "0.0.0.0:69";

impl Config {
    /// The server as it is configured; what it serves, and who hears of it, is up to the caller. It
    /// listens on `instead` where the configuration names no address.
    #[must_use]
    pub fn server(&self, instead: &str) -> Server {
        let mut listen = self.document.listen.iter().flatten();
        let first = listen.next().map_or(instead, String::as_str);
        self.set_up(listen.fold(Server::bind(first), Server::and_bind))
    }

    /// The server as it is configured, on sockets that are bound already, in place of the addresses
    /// that the configuration names; `None` without any.
    #[must_use]
    pub fn server_on(&self, sockets: Vec<UdpSocket>) -> Option<Server> {
        let mut sockets = sockets.into_iter();
        let first = Server::from_socket(sockets.next()?);
        Some(self.set_up(sockets.fold(first, Server::and_socket)))
    }

    /// Everything but where it listens.
    fn set_up(&self, server: Server) -> Server {
        let document = &self.document;
        let budgets = &document.budgets;
        let mut server = server
            .single_port(document.single_port)
            .windowsize_max(document.windowsize_max)
            .windowsize_first(document.windowsize_first)
            .fragment(document.fragment)
            .traceparent(document.traceparent)
            .transfers_max(document.transfers_max)
            // No route's own deadline shall be cut short.
            .deadline(self.longest_deadline())
            .schedule(Schedule {
                resend_min: document.resend_min.map(|least| least.0),
                give_up: document.give_up.0,
                ..Schedule::default()
            })
            .unproven_per_source_max(budgets.unproven_per_address, budgets.unproven_per_network)
            .unproven_max(budgets.unproven_max)
            .unproven_content_max(budgets.unproven_memory.0)
            .requests_per_second_max(budgets.requests_per_address, budgets.requests_per_network)
            .refuse_low_ports(budgets.refuse_low_ports);
        if let Some(limit) = document.spin {
            server = server.spin(limit.0);
        }
        if let Some(networks) = allowed(&self.allowed()) {
            server = server.allow(networks);
        }
        if let Some(ports) = &document.ports {
            server = server.ports(ports.0.clone());
        }
        if let Some(bytes) = document.blksize_max {
            server = server.blksize_max(bytes);
        }
        if let Some(count) = document.workers {
            server = server.workers(count.into());
        }
        if let Some(unlimited) = &budgets.unlimited {
            let networks = unlimited
                .into_iter()
                .flat_map(|network| network.0.networks());
            server = server.unlimited(networks);
        }
        server
    }

    /// The networks whose clients are served, as they are written; none for the default.
    #[must_use]
    pub fn allowed(&self) -> Vec<Network> {
        let allow = self.document.allow.iter().flatten();
        allow.map(|network| network.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    /// The framework's own defaults are those of the table of settings, but for whom it serves.
    #[test]
    fn a_server_without_settings_has_the_defaults_of_the_table() {
        let config = Config::of_flags(&Flags::default()).unwrap();
        let everybody = allowed(&config.allowed()).unwrap_or_default();
        let expected = Server::bind(LISTEN).allow(everybody);
        assert_eq!(
            format!("{:#?}", config.server(LISTEN)),
            format!("{expected:#?}")
        );
    }
}
