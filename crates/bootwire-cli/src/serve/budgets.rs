//! What may be asked before anyone has proven to be where they say: the flags under "Budgets".

use bootwire::Server;
use ipnet::IpNet;

use super::networks::{self, Network};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Budgets")]
pub(super) struct Args {
    /// Networks without budgets of their own: a network, an address, `loopback`, `private`, `any`
    /// or `none`; may be repeated. For addresses that stand for many machines (NAT), load
    /// generators, networks where nobody can forge addresses [default: loopback]
    #[arg(long, value_name = "NETWORK", value_parser = networks::unlimited)]
    unlimited: Vec<Network>,
    /// Most transfers at a time that an address asked for and never answered; 0 is no limit
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    unproven_per_address: u32,
    /// The same for a network (/24, or /64 of IPv6), and for an address that answered lately
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    unproven_per_network: u32,
    /// The same for all together; the oldest makes room for a new one
    #[arg(long, value_name = "COUNT", default_value_t = 32_768)]
    unproven_max: u32,
    /// Most requests a second of an address; 0 is no limit
    #[arg(long, value_name = "RATE", default_value_t = 1_000)]
    requests_per_address: u32,
    /// The same for a network, and for an address that answered lately
    #[arg(long, value_name = "RATE", default_value_t = 10_000)]
    requests_per_network: u32,
    /// Do not answer requests from ports below 1024
    #[arg(long)]
    refuse_low_ports: bool,
}

impl Args {
    pub(super) fn apply(&self, server: Server) -> Server {
        let server = server
            .unproven_per_source_max(self.unproven_per_address, self.unproven_per_network)
            .unproven_max(self.unproven_max)
            .requests_per_second_max(self.requests_per_address, self.requests_per_network)
            .refuse_low_ports(self.refuse_low_ports);
        if self.unlimited.is_empty() {
            return server;
        }
        let networks = self.unlimited.iter().flat_map(Network::networks);
        server.unlimited(networks.collect::<Vec<IpNet>>())
    }
}
