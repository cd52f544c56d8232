//! `bootwire get`.

use std::path::PathBuf;

use bootwire::client::Target;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::transfer::{Options, until_signal};

#[derive(Debug, clap::Args)]
#[command(after_help = format!("Examples:
  bootwire get tftp://10.0.0.1/boot/vmlinuz
  bootwire get 10.0.0.1:pxelinux.cfg/default -o - | less
  bootwire get '[fd00::1]:grub.cfg' -o /tmp --force
  bootwire get 'tftp://switch/running-config;mode=netascii' -o switch.cfg

{}", exit::HELP))]
pub(crate) struct Args {
    /// What to fetch: tftp://HOST[:PORT]/PATH or HOST[:PORT]:PATH
    #[arg(value_name = "URL|HOST:PATH", value_parser = Target::with_path)]
    target: Target,
    /// Where to put it: a file, a directory, or - for standard output [default: its own name here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    until_signal(fetch(args))
}

async fn fetch(args: &Args) -> Result<(), Failure> {
    let name = args.target.file_name();
    let mut output = Output::open(args.output.as_deref(), name, args.force).await?;
    let done = args
        .options
        .run(&args.target, async |client| {
            client.get(&args.target.path, output.writer()).await
        })
        .await?;
    output.keep()?;
    args.options.conclude("received", &args.target.path, &done);
    Ok(())
}
