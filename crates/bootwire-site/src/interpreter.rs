//! What runs a script.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A script's first line, as far as the kernel reads it.
const FIRST_LINE_MAX: u64 = 256;

/// What a script names in its first line. `None` of one that cannot be read: only the server's user may
/// be allowed to.
pub(crate) fn interpreter(program: &Path) -> Option<PathBuf> {
    let file = File::open(program).ok()?;
    let mut line = Vec::new();
    let mut begin = BufReader::new(file.take(FIRST_LINE_MAX));
    begin.read_until(b'\n', &mut line).ok()?;
    let named = line.strip_prefix(b"#!")?.trim_ascii();
    let path = named.split(u8::is_ascii_whitespace).next()?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

/// Why a program does not start where a sandbox lets programs start from these places alone; `None` if it
/// does, or is not there.
pub(crate) fn kept_out(program: &Path, executable: &[PathBuf]) -> Option<String> {
    let starts = |path: &Path| match std::fs::canonicalize(path) {
        Ok(path) => executable.iter().any(|from| path.starts_with(from)),
        // One that is not there is told by whoever looks for it.
        Err(_) => true,
    };
    let dir = |path: &Path| path.parent().unwrap_or(path).display().to_string();
    if !starts(program) {
        return Some(format!(
            "the sandbox lets no program in {} start",
            dir(program)
        ));
    }
    let interpreter = interpreter(program).filter(|interpreter| !starts(interpreter))?;
    Some(format!(
        "the sandbox lets no program in {dir} start, and the first line of {script} names {named}; name \
         {dir} in sandbox.execute",
        dir = dir(&interpreter),
        script = program.display(),
        named = interpreter.display(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_a_script_must_be_let_start_too() {
        let dir = tempfile::tempdir().unwrap();
        let dir = std::fs::canonicalize(dir.path()).unwrap();
        let (hooks, lang) = (dir.join("hooks"), dir.join("lang"));
        for dir in [&hooks, &lang] {
            std::fs::create_dir(dir).unwrap();
        }
        std::fs::copy("/bin/sh", lang.join("sh")).unwrap();
        let hook = hooks.join("hook");
        std::fs::write(&hook, format!("#!{}/sh -e\n", lang.display())).unwrap();
        let told = kept_out(&hook, std::slice::from_ref(&hooks)).unwrap();
        let wanted = format!("name {} in sandbox.execute", lang.display());
        assert!(told.ends_with(&wanted), "{told}");
        assert_eq!(kept_out(&hook, &[hooks.clone(), lang.clone()]), None);
        let told = kept_out(&hook, &[lang]).unwrap();
        assert!(
            told.contains("no program in ") && told.contains("hooks start"),
            "{told}"
        );
        // Who is not there is told by others.
        std::fs::write(&hook, "#!/nowhere/sh\n").unwrap();
        assert_eq!(kept_out(&hook, std::slice::from_ref(&hooks)), None);
        assert_eq!(kept_out(&hooks.join("none"), &[]), None);
        // A program of its own needs nobody.
        std::fs::copy("/bin/sh", &hook).unwrap();
        assert_eq!(kept_out(&hook, &[hooks]), None);
    }
}
