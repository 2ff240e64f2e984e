//! Turns a panic in a handler into a value, with the backtrace of where it happened.
//!
//! The backtrace is available only inside the panic hook, so one hook is installed for the process: it
//! prints nothing about panics under [`catch`] and passes every other panic to the hook before it.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// A panic that was caught.
pub(crate) struct Panic {
    /// The panic's message.
    pub(crate) message: String,
    /// `file:line:column`.
    pub(crate) location: String,
    /// The backtrace.
    pub(crate) backtrace: String,
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Runs a function and catches its panic.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    install_hook();
    let outer = WATCHED.replace(true);
    let output = panic::catch_unwind(AssertUnwindSafe(run));
    WATCHED.set(outer);
    output.map_err(|payload| {
        let (location, backtrace) = CAUGHT.take().unwrap_or_default();
        Panic { message: message(payload.as_ref()), location, backtrace }
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if WATCHED.get() {
                let location = info.location().map(ToString::to_string).unwrap_or_default();
                CAUGHT.set(Some((location, Backtrace::force_capture().to_string())));
            } else {
                previous(info);
            }
        }));
    });
}
