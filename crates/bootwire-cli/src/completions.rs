//! `bootwire completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Failure;
use crate::out;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire completions bash > /etc/bash_completion.d/bootwire
  bootwire completions zsh > ~/.zfunc/_bootwire
  bootwire completions fish > ~/.config/fish/completions/bootwire.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every command has the same signature"
)]
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bootwire", &mut script);
    out::bytes(&script);
    Ok(())
}
