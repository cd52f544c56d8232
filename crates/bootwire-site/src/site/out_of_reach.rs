//! What a sandbox around this process keeps from a configuration.
//!
//! Landlock lets a directory be held whose files it does not let be opened, and a connection is
//! refused when it is made. A reload that needs either would go well, and clients would be denied what
//! it serves. So the kernel is asked beforehand.

mod kernel;

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::requirements::Requirements;
use crate::config::{Config, Problem};
use crate::interpreter::kept_out;
use kernel::{Socket, Use, is_kept_from};

/// Ports that no configuration names: who may connect to them may connect to any.
const NOBODYS: [u16; 3] = [1, 9, 65535];

impl Config {
    /// What of this configuration only a sandbox is in the way of, as problems. Programs start from the
    /// directories in `executable` alone, if that is known. Blocks on the disk.
    pub(super) fn out_of_reach(&self, executable: Option<&[PathBuf]>) -> Vec<Problem> {
        let tables = self.tables();
        let mut problems = self.paths_out_of_reach(&tables);
        if problems.is_empty() && self.opened_again().locks && !kernel::may_lock() {
            let what = "the sandbox has no access to locks of files: restart the server";
            problems.push(Problem::new(self.location.to_string(), what));
        }
        // One line for each table will do.
        let told: Vec<String> = problems.iter().map(|told| told.place.clone()).collect();
        for (place, needs) in tables.iter().filter(|(place, _)| !told.contains(place)) {
            let what = needs.out_of_reach(executable);
            let what = what.map(|what| format!("{what}: restart the server"));
            problems.extend(what.map(|what| Problem::new(place.clone(), what)));
        }
        problems
    }

    fn paths_out_of_reach(&self, tables: &[(String, Requirements)]) -> Vec<Problem> {
        let needs = self.opened_again();
        let read = needs.served.iter().chain(&needs.files);
        let read = read.map(|path| (path, Use::Read));
        let written = needs.write.iter().map(|path| (path, Use::Write));
        let all: BTreeSet<_> = read.chain(written).collect();
        all.into_iter()
            .filter(|(path, wanted)| is_kept_from(path, *wanted))
            .map(|(path, wanted)| {
                let key = match wanted {
                    Use::Read => "read",
                    Use::Write => "write",
                };
                let what = format!(
                    "the sandbox has no access to {}: restart the server, or name it in \
                     sandbox.{key}",
                    path.display()
                );
                let names = |needs: &Requirements| match wanted {
                    Use::Read => needs.served.contains(path) || needs.files.contains(path),
                    Use::Write => needs.write.contains(path),
                };
                let found = tables.iter().find(|(_, needs)| names(needs));
                let place = found.map(|(place, _)| place.clone());
                let place = place.unwrap_or_else(|| self.location.to_string());
                Problem::new(place, what)
            })
            .collect()
    }

    /// The tables that require something, each with its place.
    fn tables(&self) -> Vec<(String, Requirements)> {
        let steps = self.routes.iter().flat_map(|route| route.step.all());
        let steps = steps.map(|step| (self.place(step.place), Requirements::of_step(self, step)));
        let origins = self.document.origin.iter().map(|(name, origin)| {
            let place = self.place_of(&format!("origin.{name}"));
            (place, Requirements::of_origin(self, origin))
        });
        let site = [
            ("inventory", Requirements::of_inventory(self)),
            ("identity", Requirements::of_identity(self)),
        ];
        let site = site.map(|(table, needs)| (self.place_of(table), needs));
        steps.chain(origins).chain(site).collect()
    }
}

impl Requirements {
    /// What beside paths the sandbox does not let a table do, in words.
    fn out_of_reach(&self, executable: Option<&[PathBuf]>) -> Option<String> {
        let mut missing = Vec::new();
        let ports: BTreeSet<u16> = self.connect.iter().copied().collect();
        let closed = ports.into_iter().filter(|port| !kernel::may_connect(*port));
        let closed: Vec<String> = closed.map(|port| port.to_string()).collect();
        match closed.as_slice() {
            [] => {}
            [port] => missing.push(format!("TCP port {port}")),
            ports => missing.push(format!("TCP ports {}", ports.join(", "))),
        }
        if self.databases && !kernel::may_make(Socket::Unix) {
            missing.push("Unix sockets, on which a database of this host may listen".to_owned());
        }
        if self.neighbours && !kernel::may_make(Socket::Netlink) {
            missing.push("the kernel's neighbour table".to_owned());
        }
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            return Some(format!("the sandbox has no access to {missing}"));
        }
        if self.any_connect && NOBODYS.iter().any(|port| !kernel::may_connect(*port)) {
            let what = "the sandbox lets the server connect to some TCP ports only, and this may \
                        lead to others";
            return Some(what.to_owned());
        }
        self.programs_out_of_reach(executable)
    }

    fn programs_out_of_reach(&self, executable: Option<&[PathBuf]>) -> Option<String> {
        let (_, first) = self.programs.first()?;
        if !kernel::may_start_programs() {
            let first = first.display();
            return Some(format!("the sandbox lets no program start, like {first}"));
        }
        self.programs
            .iter()
            .find_map(|(_, program)| match executable {
                Some(executable) => kept_out(program, executable),
                None => is_kept_from(program, Use::Read).then(|| {
                    let dir = program.parent().unwrap_or(program).display();
                    format!("the sandbox lets no program in {dir} start")
                }),
            })
    }
}
