//! `bootwire put`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bootwire::client::Target;
use tokio::fs::File;
use tokio::io::AsyncRead;

use crate::exit::{self, Exit, Failure};
use crate::transfer::{Options, until_signal};

#[derive(Debug, clap::Args)]
#[command(after_help = format!("Examples:
  bootwire put router1.cfg tftp://10.0.0.1/backups/router1.cfg
  bootwire put router1.cfg 10.0.0.1:backups/
  tar c etc | bootwire put - 10.0.0.1:etc.tar

{}", exit::HELP))]
pub(crate) struct Args {
    /// What to send: a file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to: tftp://HOST[:PORT]/PATH or HOST[:PORT]:PATH; after a path that ends with / the name of
    /// the file follows
    #[arg(value_name = "URL|HOST:PATH")]
    target: Target,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    until_signal(send(args))
}

async fn send(args: &Args) -> Result<(), Failure> {
    let target = named(&args.target, &args.file)?;
    let (mut source, size) = open(&args.file).await?;
    let done = args
        .options
        .run(&target, async |client| {
            // Nothing is read before a server answers, so the next address gets it all.
            client.put(&target.path, &mut *source, size).await
        })
        .await?;
    args.options.conclude("sent", &target.path, &done);
    Ok(())
}

/// The target, with the name of `file` if it has none of its own.
fn named(target: &Target, file: &Path) -> Result<Target, Failure> {
    let mut target = target.clone();
    if target.file_name().is_empty() {
        let name = file
            .file_name()
            .filter(|_| file != Path::new("-"))
            .ok_or_else(|| {
                Failure::new(
                    Exit::Usage,
                    anyhow!("standard input has no name: end the target with one"),
                )
            })?;
        target.path.extend_from_slice(name.as_bytes());
    }
    Ok(target)
}

async fn open(path: &Path) -> Result<(Box<dyn AsyncRead + Unpin>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(tokio::io::stdin()), None));
    }
    let opened = async {
        let file = File::open(path).await?;
        let metadata = file.metadata().await?;
        std::io::Result::Ok((file, metadata))
    };
    let (file, metadata) = opened
        .await
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(Failure::local)?;
    if metadata.is_dir() {
        return Err(Failure::local(anyhow!("{} is a directory", path.display())));
    }
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(file), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_name_takes_that_of_the_file() {
        let path = |target: &str, file: &str| {
            let target = target.parse().unwrap();
            named(&target, Path::new(file)).map(|target| String::from_utf8(target.path).unwrap())
        };
        assert_eq!(path("h:a/b", "x/y").ok().as_deref(), Some("a/b"));
        assert_eq!(path("h:a/", "x/y").ok().as_deref(), Some("a/y"));
        assert_eq!(path("tftp://h", "x/y").ok().as_deref(), Some("y"));
        assert_eq!(path("h:a", "-").ok().as_deref(), Some("a"));
        assert!(path("h:a/", "-").is_err());
    }
}
