//! Templates, rendered for machines of the inventory: what only shows then is found now.

use std::collections::BTreeMap;

use bootwire::router::Fit;
use bootwire::{Answer, Op, Reason, Request};
use bootwire_render::inventory::Machine;

use super::report::Report;
use crate::site::Site;
use crate::site::action::OpenAction;
use crate::site::routes::{LeadsTo, OpenRoute};

/// Machines that are tried, at most.
const MACHINES_MAX: usize = 1000;
/// Machines that are named if their text cannot be made.
const NAMED_MAX: usize = 3;

/// Asks each route that has a template for the text of each machine whose keys its pattern needs.
pub(super) async fn render(site: &Site, report: &mut Report<'_>) {
    let routes = site.routes().iter();
    let templates: Vec<_> = routes
        .filter_map(|route| Some((route, template_of(route)?)))
        .collect();
    if templates.is_empty() {
        return;
    }
    let machines = match site.some_machines(MACHINES_MAX).await {
        Ok(machines) => machines,
        Err(why) => return report.warn("templates", format_args!("not tried: {why}")),
    };
    for (route, name) in templates {
        let (mut made, mut failed) = (0_u64, Vec::new());
        for machine in &machines {
            match attempt(site, route, machine).await {
                None => {}
                Some(Ok(())) => made += 1,
                Some(Err(why)) => failed.push((machine, why)),
            }
        }
        let what = format!("template {name}");
        if failed.is_empty() && made == 0 {
            let pattern = &route.pattern;
            report.ok(
                &what,
                format_args!("{}: no machine to try {pattern} with", route.place),
            );
        } else if failed.is_empty() {
            let made = crate::size::count(made, "machine", "machines");
            report.ok(&what, format_args!("{}: rendered for {made}", route.place));
        }
        let more = failed.len().saturating_sub(NAMED_MAX);
        for (machine, why) in failed.iter().take(NAMED_MAX) {
            let who = machine
                .keys()
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            report.fail(&what, format_args!("{}: for {who}: {why}", route.place));
        }
        if more > 0 {
            report.fail(&what, format_args!("{}: and for {more} more", route.place));
        }
    }
}

fn template_of(route: &OpenRoute) -> Option<&str> {
    let LeadsTo::Read(step) = &route.leads_to else {
        return None;
    };
    match &step.action {
        OpenAction::Template(name, _) => Some(name),
        _ => None,
    }
}

/// `None` if the machine would not ask there.
async fn attempt(site: &Site, route: &OpenRoute, machine: &Machine) -> Option<Result<(), String>> {
    let path = fill(route.pattern.as_str(), machine)?;
    let by_lease = || {
        site.parts()
            .who
            .address_of(machine.mac, machine.hostname.as_deref())
    };
    let ip = machine.ip.or_else(by_lease);
    let ip = ip.unwrap_or_else(|| [127, 0, 0, 1].into());
    let request = Request::synthetic(Op::Read, &path, (ip, 2070).into(), &[])?;
    // Another route may come first, or a condition stand before this one.
    if site.parts().configured.route_of(&request) != Some(route.pattern.as_str()) {
        return None;
    }
    match site.parts().configured.call(request.clone()).await {
        Ok(Answer::Reply(_) | Answer::Accept(_)) => Some(Ok(())),
        // It would ask from an address that nobody knows now, by which it would be known then.
        Err(refusal)
            if matches!(refusal.reason(), Reason::NotFound | Reason::Denied)
                && !is_known(site, &request, machine).await =>
        {
            None
        }
        Err(refusal) => Some(Err(refusal.to_string())),
    }
}

/// Whether whoever asks so is taken for the machine.
async fn is_known(site: &Site, request: &Request, machine: &Machine) -> bool {
    let Some(machines) = &site.parts().machines else {
        return true;
    };
    let seen = site.parts().configured.compare(request).into_iter();
    let seen = seen.last().and_then(|fit| match fit {
        Fit::Taken(seen) => Some(seen),
        _ => None,
    });
    let who = site
        .parts()
        .who
        .identify(seen.as_ref().unwrap_or(request))
        .await;
    match machines.inventory.find(&who).await {
        Ok(Some(found)) => *found == *machine,
        Ok(None) => false,
        Err(_) => true,
    }
}

/// The path a machine asks for by a pattern; `None` if the pattern needs what is not known of it.
fn fill(pattern: &str, machine: &Machine) -> Option<String> {
    let known = known(machine);
    let mut path = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        path.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            path.push_str(&rest[..1]);
            rest = after;
            continue;
        }
        let (param, after) = rest.strip_prefix('{')?.split_once('}')?;
        let (name, kind) = param.split_once(':').unwrap_or((param, param));
        let key = match (name, kind) {
            (_, "hex") => "hex",
            (_, "mac" | "uuid" | "ip") => kind,
            (name, _) => name,
        };
        path.push_str(known.get(key)?);
        rest = after;
    }
    path.push_str(rest);
    Some(path)
}

fn known(machine: &Machine) -> BTreeMap<&'static str, String> {
    let mut known = BTreeMap::from([("arch", "x86_64-efi".to_owned()), ("n", "1".to_owned())]);
    let mut add = |name, value: Option<String>| known.extend(value.map(|value| (name, value)));
    add(
        "mac",
        machine.mac.map(|mac| mac.to_string().replace(':', "-")),
    );
    add("uuid", machine.uuid.map(|uuid| uuid.to_string()));
    add("serial", machine.serial.clone());
    add("hostname", machine.hostname.clone());
    add("ip", machine.ip.map(|ip| ip.to_string()));
    if let Some(std::net::IpAddr::V4(ip)) = machine.ip {
        add("hex", Some(format!("{:08X}", u32::from(ip))));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_asks_by_what_is_known_of_it() {
        let machine = Machine {
            mac: Some("52:54:00:12:34:56".parse().unwrap()),
            ip: Some([192, 168, 2, 7].into()),
            ..Machine::default()
        };
        for (pattern, path) in [
            (
                "/grub/grub.cfg-01-{mac}",
                Some("/grub/grub.cfg-01-52-54-00-12-34-56"),
            ),
            (
                "/{client:mac}/{arch}/x",
                Some("/52-54-00-12-34-56/x86_64-efi/x"),
            ),
            ("/pxelinux.cfg/{ip:hex}", Some("/pxelinux.cfg/C0A80207")),
            ("/{{{ip}}}", Some("/{192.168.2.7}")),
            ("/{serial}", None),
            ("/{*path}", None),
            ("/menu.ipxe", Some("/menu.ipxe")),
        ] {
            assert_eq!(fill(pattern, &machine).as_deref(), path, "{pattern}");
        }
    }
}
