//! The engine's memory: counted and limited, with a record of whether it ever ran out.
//!
//! The engine reports to a script that memory ran out by throwing, and a script may catch that, or throw the same
//! itself. A runtime that ran out of memory once must not be trusted again, so it is recorded here, where a script
//! cannot forge it. Blocks come from the program's allocator, each behind a head that holds its size.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::Cell;
use std::fmt;
use std::ptr::null_mut;
use std::rc::Rc;

use rquickjs::allocator::Allocator;

/// The alignment of every block: that of the engine's largest scalar.
const ALIGN: usize = 8;
/// The head before a block: the size including the head. As large as the alignment, so that the block after it is
/// aligned.
const HEAD: usize = 8;

/// The account of an allocator: what is left, and whether memory was refused. Clones are the same account.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccount(Rc<Account>);

#[derive(Debug, Default)]
struct Account {
    left: Cell<usize>,
    refused: Cell<bool>,
}

impl MemoryAccount {
    /// Returns whether memory was refused.
    pub fn was_refused(&self) -> bool {
        self.0.refused.get()
    }

    /// Adds bytes to what may be allocated.
    pub fn grant(&self, bytes: usize) {
        self.0.left.set(self.0.left.get().saturating_add(bytes));
    }
}

/// An allocator with a limit, for one runtime.
pub struct Memory(MemoryAccount);

impl Memory {
    /// Creates an allocator that gives out at most `limit` bytes at a time.
    pub fn new(limit: usize) -> (Self, MemoryAccount) {
        let account = MemoryAccount::default();
        account.grant(limit);
        (Self(account.clone()), account)
    }

    fn left(&self) -> usize {
        self.0.0.left.get()
    }

    fn set_left(&self, left: usize) {
        self.0.0.left.set(left);
    }

    /// Returns the layout of a block with its head, if the limit has room for it beside `given_back` bytes.
    fn layout(&self, size: usize, given_back: usize) -> Option<Layout> {
        let whole = size.checked_add(HEAD)?.checked_next_multiple_of(ALIGN)?;
        if whole > self.left().saturating_add(given_back) {
            return None;
        }
        Layout::from_size_align(whole, ALIGN).ok()
    }

    fn refuse(&self) -> *mut u8 {
        self.0.0.refused.set(true);
        null_mut()
    }

    /// Allocates a block with the allocator's own function.
    fn take(&mut self, size: usize, allocate: unsafe fn(Layout) -> *mut u8) -> *mut u8 {
        let Some(layout) = self.layout(size, 0) else { return self.refuse() };
        // SAFETY: the layout has a size of at least HEAD, which is not zero.
        let start = unsafe { allocate(layout) };
        if start.is_null() {
            return self.refuse();
        }
        self.set_left(self.left() - layout.size());
        // SAFETY: the block is live and holds at least HEAD bytes.
        unsafe { behind_head(start, layout.size()) }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("left", &self.left()).finish_non_exhaustive()
    }
}

// SAFETY: blocks come from the program's allocator with at least the requested size, aligned to ALIGN; a block that
// cannot be allocated is null; `usable_size` returns the requested size, rounded up.
unsafe impl Allocator for Memory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.take(size, alloc)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(size) => self.take(size, alloc_zeroed),
            None => self.refuse(),
        }
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller hands in a block of this allocator, so its head is there.
        let (start, whole) = unsafe { head(block) };
        self.set_left(self.left() + whole);
        // SAFETY: this is the size with which the block was allocated, rounded to ALIGN then, and ALIGN is a power of
        // two.
        let layout = unsafe { Layout::from_size_align_unchecked(whole, ALIGN) };
        // SAFETY: the block came from this allocator with this layout, and the caller is done with it.
        unsafe { dealloc(start, layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            return self.alloc(size);
        }
        // SAFETY: the caller hands in a block of this allocator, so its head is there.
        let (start, whole) = unsafe { head(block) };
        let Some(layout) = self.layout(size, whole) else { return self.refuse() };
        // SAFETY: as in `dealloc`.
        let old = unsafe { Layout::from_size_align_unchecked(whole, ALIGN) };
        // SAFETY: the block came from this allocator with the old layout; the new size is not zero, and valid
        // with this alignment, as its layout shows.
        let moved = unsafe { realloc(start, old, layout.size()) };
        if moved.is_null() {
            return self.refuse();
        }
        self.set_left(self.left() + whole - layout.size());
        // SAFETY: the block is live and holds at least HEAD bytes.
        unsafe { behind_head(moved, layout.size()) }
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller hands in a block of this allocator, so its head is there.
        unsafe { head(block) }.1 - HEAD
    }
}

/// Writes a block's head and returns the address after it.
///
/// # Safety
/// `start` is a live block of at least HEAD bytes, aligned to ALIGN.
unsafe fn behind_head(start: *mut u8, whole: usize) -> *mut u8 {
    // SAFETY: the head lies within the block, and a usize is not larger or stricter aligned than it.
    unsafe { start.cast::<usize>().write(whole) };
    // SAFETY: HEAD bytes on is still within the block, or just at its end.
    unsafe { start.add(HEAD) }
}

/// Returns the start of a block with its head, and its size.
///
/// # Safety
/// `block` was returned by [`behind_head`] and is live.
unsafe fn head(block: *mut u8) -> (*mut u8, usize) {
    // SAFETY: the head lies before the block, in the same allocation.
    let start = unsafe { block.sub(HEAD) };
    // SAFETY: the head was written when the block was allocated.
    (start, unsafe { start.cast::<usize>().read() })
}
