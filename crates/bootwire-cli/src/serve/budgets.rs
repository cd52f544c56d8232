//! What may be asked before anyone has proven to be where they say: the flags under "Budgets".

use bootwire::Server;
use ipnet::IpNet;

use crate::config::model;
use crate::networks::{self, Network};
use crate::size;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Budgets")]
pub(super) struct Args {
    /// Networks without budgets of their own: a network, an address, `loopback`, `private`, `any`
    /// or `none`; may be repeated. For addresses that stand for many machines (NAT), load
    /// generators, networks where nobody can forge addresses [default: loopback]
    #[arg(long, value_name = "NETWORK", value_parser = networks::unlimited)]
    unlimited: Vec<Network>,
    /// Most transfers at a time that an address asked for and never answered; 0 is no limit
    /// [default: 8]
    #[arg(long, value_name = "COUNT")]
    unproven_per_address: Option<u32>,
    /// The same for a network (/24, or /64 of IPv6), and for an address that answered lately
    /// [default: 64]
    #[arg(long, value_name = "COUNT")]
    unproven_per_network: Option<u32>,
    /// The same for all together; the oldest makes room for a new one [default: 32768]
    #[arg(long, value_name = "COUNT")]
    unproven_max: Option<u32>,
    /// Memory for what is held of such transfers, like text made for one machine: so much for
    /// strangers, and as much for addresses that answered lately; 0 is no limit [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    unproven_memory: Option<u64>,
    /// Most requests a second of an address; 0 is no limit [default: 1000]
    #[arg(long, value_name = "RATE")]
    requests_per_address: Option<u32>,
    /// The same for a network, and for an address that answered lately [default: 10000]
    #[arg(long, value_name = "RATE")]
    requests_per_network: Option<u32>,
    /// Do not answer requests from ports below 1024
    #[arg(long)]
    refuse_low_ports: bool,
}

/// What may be asked, flags and configuration together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budgets {
    unlimited: Vec<Network>,
    unproven_per_address: u32,
    unproven_per_network: u32,
    unproven_max: u32,
    unproven_memory: u64,
    requests_per_address: u32,
    requests_per_network: u32,
    refuse_low_ports: bool,
}

impl Args {
    /// The flags, and what they leave open from the configuration.
    pub(super) fn over(&self, config: &model::Budgets) -> Budgets {
        let unlimited = if self.unlimited.is_empty() {
            let networks = config.unlimited.iter().flat_map(|many| &many.0);
            networks.map(|network| network.0).collect()
        } else {
            self.unlimited.clone()
        };
        let one = |flag: Option<u32>, key: Option<u32>, default| flag.or(key).unwrap_or(default);
        Budgets {
            unlimited,
            unproven_per_address: one(self.unproven_per_address, config.unproven_per_address, 8),
            unproven_per_network: one(self.unproven_per_network, config.unproven_per_network, 64),
            unproven_max: one(self.unproven_max, config.unproven_max, 32_768),
            unproven_memory: self
                .unproven_memory
                .or(config.unproven_memory.map(|size| size.0))
                .unwrap_or(64 << 20),
            requests_per_address: one(
                self.requests_per_address,
                config.requests_per_address,
                1_000,
            ),
            requests_per_network: one(
                self.requests_per_network,
                config.requests_per_network,
                10_000,
            ),
            refuse_low_ports: self.refuse_low_ports || config.refuse_low_ports.unwrap_or(false),
        }
    }
}

impl Budgets {
    pub(super) fn apply(&self, server: Server) -> Server {
        let server = server
            .unproven_per_source_max(self.unproven_per_address, self.unproven_per_network)
            .unproven_max(self.unproven_max)
            .unproven_content_max(self.unproven_memory)
            .requests_per_second_max(self.requests_per_address, self.requests_per_network)
            .refuse_low_ports(self.refuse_low_ports);
        if self.unlimited.is_empty() {
            return server;
        }
        let networks = self.unlimited.iter().flat_map(Network::networks);
        server.unlimited(networks.collect::<Vec<IpNet>>())
    }
}
