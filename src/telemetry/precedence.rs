//! Who goes first when processors are short.

/// By how much a thread that gives way is nicer than others: it gets a quarter of what one of them gets.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Lets the other threads of the process go first when processors are short, for good: the thread, and those it starts.
///
/// Where the system has no such thing, it does nothing.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // On Linux a priority is a thread's own, whatever the name of the call. To lower it one needs no permission.
        let thread = Some(rustix::thread::gettid());
        if let Ok(present) = getpriority_process(thread) {
            let _ = setpriority_process(thread, present + NICER);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gives_way_is_nicer_than_the_one_that_started_it() {
        let nice = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let nicer = std::thread::spawn(move || {
            give_way();
            nice()
        });
        assert_eq!(nicer.join().unwrap(), (nice() + NICER).min(19));
    }
}
