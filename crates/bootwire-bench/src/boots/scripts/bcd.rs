//! The store of the Windows boot manager: of the registry hive that it is, the names of files.

/// Names of files with this ending, in Windows' way, in the order of the store.
pub(crate) fn files(store: &[u8], ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut name = String::new();
    for pair in store.chunks_exact(2) {
        let unit = u16::from_le_bytes([pair[0], pair[1]]);
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_graphic() => name.push(char::from(byte)),
            _ => {
                let full = std::mem::take(&mut name);
                if full.starts_with('\\') && full.to_ascii_lowercase().ends_with(ending) {
                    found.push(full);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boots::image;

    #[test]
    fn a_store_names_what_it_boots() {
        let store = image::bcd("\\Boot\\boot.sdi", "\\sources\\boot.wim");
        assert_eq!(files(&store, ".wim"), ["\\sources\\boot.wim"]);
        assert_eq!(files(&store, ".sdi"), ["\\Boot\\boot.sdi"]);
        assert!(files(&image::noise(5000, 1), ".wim").is_empty());
    }
}
