//! Locks that are held for moments, and never while something is waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Holds `mutex`. What it guards are tables of things remembered, which no panic can leave half written in a way that
/// matters.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
