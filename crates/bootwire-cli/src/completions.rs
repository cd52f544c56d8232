//! `bootwire completions`.

use clap::Command;
use clap_complete::Shell;

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
pub(crate) fn run(args: &Args, mut program: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "bootwire", &mut script);
    out::bytes(&script);
    Ok(())
}
