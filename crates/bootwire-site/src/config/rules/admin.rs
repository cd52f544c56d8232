//! `[admin]`.

use std::net::SocketAddr;

use super::Report;
use crate::config::model::Document;
use crate::config::tree::Spot;

/// What switches it off.
const OFF: &str = "off";

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    let (admin, here) = (&document.admin, root.key("admin"));
    let listen: Vec<&String> = admin.listen.iter().flatten().collect();
    for (index, place) in listen.iter().enumerate() {
        let spot = here.key("listen").index(index);
        if *place == OFF {
            if listen.len() > 1 {
                report.wrong(spot, "\"off\" beside other places: leave one out");
            }
            continue;
        }
        if place.contains('/') {
            continue;
        }
        let Ok(address) = place
            .replacen("localhost:", "127.0.0.1:", 1)
            .parse::<SocketAddr>()
        else {
            let what = format!(
                "{place:?} is neither a path, like /run/bootwire/admin.sock, nor an address and a port, \
                 like 127.0.0.1:9468, nor \"off\""
            );
            report.wrong(spot, what);
            continue;
        };
        let guarded = admin.token_file.is_some() && admin.cert.is_some() && admin.key.is_some();
        if !address.ip().is_loopback() && !guarded && !here.is_damaged() {
            let what = format!(
                "{place} can be reached from other hosts: that takes token_file, cert and key; or \
                 listen on 127.0.0.1:{} and let others in by SSH",
                address.port()
            );
            report.wrong(spot, what);
        }
    }
    report.belongs(here, &["key"], &["cert"]);
    report.belongs(here, &["cert"], &["key"]);
}
