//! The Windows boot manager: its store names what it boots; names are in Windows' way.

use bootwire_proto::OptionKind::{Blksize, Msftwindow, Tsize, Windowsize};

use crate::boots::run::{Run, Stop, Way};
use crate::boots::scripts::bcd;
use crate::boots::{Part, manners};

const WAY: Way<'static> = Way::new(
    &[
        (Tsize, 0),
        (Blksize, 1456),
        (Windowsize, 4),
        (Msftwindow, 31_416),
    ],
    manners::WINDOWS,
);

/// Boots what the store names.
pub(super) async fn run(run: &mut Run<'_>) -> Result<(), Stop> {
    let port = run.any_port();
    let store = run
        .need(Part::Configuration, "\\Boot\\BCD", port, WAY)
        .await?;
    for path in ["\\hiberfil.sys", "\\Boot\\Fonts\\wgl4_boot.ttf"] {
        let port = run.any_port();
        run.try_for(Part::Module, path, port, WAY).await?;
    }
    for path in bcd::files(&store.head, ".sdi") {
        let port = run.any_port();
        run.need(Part::Initrd, &path, port, WAY).await?;
    }
    let images = bcd::files(&store.head, ".wim");
    let Some(image) = images.first() else {
        return Err(Stop::with("0xc0000225: the boot entry names no image"));
    };
    let port = run.any_port();
    run.need(Part::Kernel, image, port, WAY).await?;
    Ok(())
}
