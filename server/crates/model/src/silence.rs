//! Disks that do not answer, as far as is known: who was asked, waited in vain, and should not be
//! asked again before there is an answer.
//!
//! A system call on a network share that went away hangs for minutes, and so does the thread it
//! was made on; each further question would cost another thread. What does not belong here: the
//! questions, the threads and the time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whoever was given up on, by what tells one disk from another.
#[derive(Debug, Default)]
pub struct Silence<Disk> {
    overdue: Mutex<BTreeMap<Disk, usize>>,
}

/// A question that is open.
#[derive(Debug)]
pub struct Question<'a, Disk: Ord> {
    silence: &'a Silence<Disk>,
    disk: Disk,
    is_overdue: Mutex<bool>,
}

impl<Disk: Ord + Clone> Silence<Disk> {
    /// Nobody was asked yet.
    pub const fn new() -> Self {
        Self {
            overdue: Mutex::new(BTreeMap::new()),
        }
    }

    /// Begins a question to `disk`; `None` while an earlier one is open for too long.
    pub fn ask(&self, disk: Disk) -> Option<Question<'_, Disk>> {
        (!self.overdue().contains_key(&disk)).then(|| Question {
            silence: self,
            disk,
            is_overdue: Mutex::new(false),
        })
    }

    fn overdue(&self) -> MutexGuard<'_, BTreeMap<Disk, usize>> {
        self.overdue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Disk: Ord + Clone> Question<'_, Disk> {
    /// Nobody waits for the answer any longer. The question ends when it is dropped.
    pub fn give_up(&self) {
        let mut is_overdue = lock(&self.is_overdue);
        if !*is_overdue {
            *self.silence.overdue().entry(self.disk.clone()).or_default() += 1;
            *is_overdue = true;
        }
    }
}

impl<Disk: Ord> Drop for Question<'_, Disk> {
    fn drop(&mut self) {
        if !*lock(&self.is_overdue) {
            return;
        }
        let overdue = self.silence.overdue.lock();
        let mut overdue = overdue.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = overdue.get_mut(&self.disk) {
            *count -= 1;
            if *count == 0 {
                overdue.remove(&self.disk);
            }
        }
    }
}

fn lock(flag: &Mutex<bool>) -> MutexGuard<'_, bool> {
    flag.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Silence;

    #[test]
    fn a_disk_that_hangs_is_not_asked_again_and_others_are() {
        let silence = Silence::new();
        let first = silence.ask("nas").unwrap();
        let second = silence.ask("nas").unwrap();
        first.give_up();
        first.give_up();
        second.give_up();
        assert!(silence.ask("nas").is_none(), "two threads hang already");
        assert!(silence.ask("disk").is_some(), "others answer");
        drop(first);
        assert!(silence.ask("nas").is_none(), "one still hangs");
        drop(second);
        assert!(silence.ask("nas").is_some(), "it has answered");
    }
}
