//! What everyone has in the end.

use std::collections::HashMap;

use bootwire::server::simulation::Occupancy;

use crate::app::{File, Log};
use crate::clients::Loader;

/// What is left when a run is over.
pub struct Finals<'a> {
    /// The files that were served, by path.
    pub files: &'a HashMap<String, File>,
    /// The clients.
    pub loaders: Vec<(usize, &'a Loader)>,
    /// What the application did.
    pub log: &'a Log,
    /// What the server still holds.
    pub occupancy: Occupancy,
    /// Requests that opened a transfer.
    pub accepted: u64,
    /// Handlers, sources and sinks that still exist.
    pub alive: usize,
    /// Tasks that still run.
    pub tasks: usize,
}

impl Finals<'_> {
    /// Everything that is wrong.
    pub(super) fn check(&self, found: &mut Vec<String>) {
        for &(number, loader) in &self.loaders {
            self.check_loader(number, loader, found);
        }
        self.check_stored(found);
        if self.occupancy != Occupancy::default() {
            found.push(format!("the server still holds {:?}", self.occupancy));
        }
        if self.alive > 0 || self.tasks > 0 {
            found.push(format!(
                "{} handlers, sources and sinks and {} tasks still exist",
                self.alive, self.tasks
            ));
        }
    }

    fn check_loader(&self, number: usize, loader: &Loader, found: &mut Vec<String>) {
        use crate::node::Node;

        let name = loader.name();
        found.extend(
            loader
                .faults
                .iter()
                .map(|fault| format!("{name} {number}: {fault}")),
        );
        for got in &loader.got {
            match self.files.get(&normal(&got.path)) {
                Some(file) if file.content == got.bytes => {}
                Some(file) => found.push(format!(
                    "{name} {number} took {} bytes for {}, which has {}, {}",
                    got.bytes.len(),
                    got.path,
                    file.content.len(),
                    difference(&file.content, &got.bytes),
                )),
                None => found.push(format!("{name} {number} got {}, which is not", got.path)),
            }
        }
        for (path, size) in &loader.sizes {
            let file = self.files.get(&normal(path));
            if file.is_none_or(|file| file.can_be_had() && file.content.len() as u64 != *size) {
                found.push(format!(
                    "{name} {number} was told that {path} has {size} bytes"
                ));
            }
        }
        for put in &loader.put {
            let stored = |(_, path, bytes): &&(u64, String, Vec<u8>)| {
                *path == normal(&put.path) && *bytes == put.bytes
            };
            if !self.log.stored.iter().any(|entry| stored(&entry)) {
                found.push(format!(
                    "{name} {number} was told that {} is stored, and it is not",
                    put.path
                ));
            }
        }
        let wants = loader.is_patient()
            && (self.files.get(&normal(loader.asks()))).is_none_or(File::can_be_had);
        if wants && loader.success() != Some(true) {
            found.push(format!(
                "{name} {number} never got {} in {} attempts",
                loader.asks(),
                loader.attempts
            ));
        }
    }

    /// Nothing is stored that nobody sent, or not all of it.
    fn check_stored(&self, found: &mut Vec<String>) {
        let offered: HashMap<_, _> = self
            .loaders
            .iter()
            .flat_map(|(_, loader)| &loader.offered)
            .map(|put| (normal(&put.path), &put.bytes))
            .collect();
        for (id, path, bytes) in &self.log.stored {
            if offered.get(path).is_none_or(|offered| *offered != bytes) {
                found.push(format!(
                    "transfer {id} stored {} bytes as {path}, which were not sent",
                    bytes.len()
                ));
            }
        }
    }
}

/// The path as the server reads it.
fn normal(path: &str) -> String {
    let path = path.replace('\\', "/");
    format!("/{}", path.trim_start_matches('/'))
}

/// Where two contents part.
fn difference(wanted: &[u8], got: &[u8]) -> String {
    match wanted.iter().zip(got).position(|(a, b)| a != b) {
        Some(at) => format!("differing from byte {at}"),
        None => "one the beginning of the other".to_owned(),
    }
}
