//! The calls that the cache makes to the simulated disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk::{Named, SimDisk};
use crate::cache::fault::Fault;
use crate::cache::storage::{Stat, Storage};

impl Storage for SimDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut state = self.lock();
        state.fails()?;
        let number = match state.at(path) {
            Ok(number) => {
                state.set_len(number, 0);
                number
            }
            Err(_) => state.make(path),
        };
        state.nodes[number].file.try_clone()
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(path)?;
        state.nodes[number].file.try_clone()
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.open(path)
    }

    fn set_len(&self, file: &File, size: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.node(file);
        state.set_len(number, size);
        Ok(())
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.lock();
        let number = state.node(file);
        state.write_all(number, bytes, at)
    }

    fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        file.read_exact_at(bytes, at)
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.node(file);
        Ok(state.stat(number))
    }

    fn stat_at(&self, path: &Path) -> io::Result<Stat> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(path)?;
        Ok(state.stat(number))
    }

    fn write_text(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let file = self.create(path)?;
        self.write_all_at(&file, text, 0)
    }

    fn append(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        let number = state.at(path)?;
        let end = state.nodes[number].size;
        state.write_all(number, text, end)
    }

    fn read_text(&self, path: &Path, _max: u64) -> io::Result<Vec<u8>> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(path)?;
        Ok(state.read(number))
    }

    fn note_read(&self, path: &Path, when: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(path)?;
        state.nodes[number].accessed = when;
        Ok(())
    }

    fn note_written(&self, path: &Path, when: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(path)?;
        state.touch(number);
        state.nodes[number].shown = when;
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        let number = state.at(from)?;
        state.names.remove(from);
        let replaced = state.names.insert(to.to_owned(), number);
        if let Some(replaced) = replaced {
            state.nodes[replaced].linked = false;
        }
        let moved = Named::Moved(from.to_owned(), to.to_owned(), replaced);
        state.journal.push(moved);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.fails()?;
        state.unlink(path)
    }

    fn remove_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let below = state.names.keys().filter(|path| path.starts_with(dir));
        for path in below.cloned().collect::<Vec<_>>() {
            state.unlink(&path)?;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.lock();
        let mut found: Vec<PathBuf> = Vec::new();
        for path in state.names.keys() {
            if let Ok(rest) = path.strip_prefix(dir)
                && let Some(first) = rest.components().next()
            {
                found.push(dir.join(first));
            }
        }
        found.dedup();
        Ok(found)
    }

    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        self.lock().fails()
    }

    fn delay(&self) -> Option<[Duration; 2]> {
        let mut state = self.lock();
        let slow = state.weather.slow + 1;
        let mut delay = || Duration::from_millis(state.dice.below(slow));
        Some([delay(), delay()])
    }

    fn planted(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }
}
