//! Which threads go first when there is not enough processor for all.

/// How far threads step back: beside a thread that does not, one gets a tenth of a processor.
#[cfg(target_os = "linux")]
const STEP: i32 = 10;

/// Lets all other threads of the machine go first, this one and those it starts later: for what only
/// watches. Where processors are idle nothing changes. Does nothing where niceness belongs to processes
/// and not to threads, and where the system refuses.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    {
        // Of the calling thread alone: so does Linux, while POSIX has it mean the process.
        let _ = rustix::process::setpriority_process(None, STEP);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_steps_back_alone_and_takes_those_it_starts_along() {
        let before = getpriority_process(None).unwrap();
        let thread = std::thread::spawn(|| {
            step_back();
            let started = std::thread::spawn(|| getpriority_process(None).unwrap());
            (getpriority_process(None).unwrap(), started.join().unwrap())
        });
        assert_eq!(thread.join().unwrap(), (STEP, STEP));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
