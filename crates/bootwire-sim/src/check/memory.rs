//! What the server holds is bounded.

use bootwire::server::simulation::Occupancy;

/// A spool holds two windows, or this, and one piece more.
const SPOOL_MAX: u64 = (256 << 10) + (64 << 10);
/// What is held for clients that have not answered: strangers, and known addresses as much.
const UNPROVEN_CONTENT_MAX: u64 = 2 * (64 << 20);
/// What a sink may be behind, and one window.
const UNSTORED_MAX: u64 = (1 << 20) + (64 << 16);
/// ERRORs to strangers a second, and for one turn's requests.
const OUTBOX_MAX: usize = 4096;

/// The bounds, and the most that was seen.
pub(super) struct Memory {
    transfers_max: usize,
    peak: Occupancy,
}

impl Memory {
    pub(super) fn new(transfers_max: usize) -> Self {
        Self {
            transfers_max,
            peak: Occupancy::default(),
        }
    }

    pub(super) const fn peak(&self) -> &Occupancy {
        &self.peak
    }

    pub(super) fn holds(&mut self, now: &Occupancy) -> Result<(), String> {
        let peak = &mut self.peak;
        peak.active = peak.active.max(now.active);
        peak.places = peak.places.max(now.places);
        peak.unproven = peak.unproven.max(now.unproven);
        peak.slots = peak.slots.max(now.slots);
        peak.timers = peak.timers.max(now.timers);
        peak.ready = peak.ready.max(now.ready);
        peak.outbox = peak.outbox.max(now.outbox);
        peak.spooled = peak.spooled.max(now.spooled);
        peak.unstored = peak.unstored.max(now.unstored);
        if now.places > self.transfers_max {
            return Err(format!(
                "{} transfers, {} allowed",
                now.places, self.transfers_max
            ));
        }
        if now.active != now.places as u64 {
            return Err(format!(
                "{} transfers run and {} places are taken",
                now.active, now.places
            ));
        }
        if now.ready > now.slots {
            return Err(format!(
                "{} of {} transfers wait for their turn",
                now.ready, now.slots
            ));
        }
        if now.spooled > SPOOL_MAX {
            return Err(format!("{} bytes of one stream are held", now.spooled));
        }
        if now.unproven_content > UNPROVEN_CONTENT_MAX {
            return Err(format!(
                "{} bytes are held for clients that have not answered",
                now.unproven_content
            ));
        }
        if now.unstored > UNSTORED_MAX {
            return Err(format!("{} bytes of one upload are held", now.unstored));
        }
        if now.outbox > OUTBOX_MAX {
            return Err(format!("{} packets wait in the outbox", now.outbox));
        }
        Ok(())
    }
}
